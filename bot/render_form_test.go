package bot

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/slack-go/slack"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/bot/fakeslack"
)

// everyView is one of each modal there is, and Home.
func everyView(v render) map[string]any {
	m := meta{Channel: "C1", Lease: "k7m2q3x"}
	more := m
	more.Extend = "1h30m"
	typed := m
	typed.Port, typed.Urgent = 2222, true
	f := formFields{duration: "1h", saved: "203.0.113.7"}
	filled := formFields{instance: option("i-0abc1234def567890", "web-1"), duration: "2h", source: "203.0.113.7", reason: "disk is full"}
	problem := v.inForm(sshforward.Errorf(sshforward.EINVALID, "%q is not a duration.", "2x"))
	wish := wanted(nil)
	wish.Owner, wish.Asked.User = "U2", "U2"
	waiting := lease(sshforward.Pending)
	waiting.ID, waiting.Owner = "k7m2q3y", "U2"
	home := func(r sshforward.Reply) slack.HomeTabViewRequest {
		return slack.HomeTabViewRequest{Type: slack.VTHomeTab, Blocks: slack.Blocks{BlockSet: v.home(ann, r, noon)}}
	}
	return map[string]any{
		"form":           v.form(f, m, ""),
		"form-wrong":     v.form(filled, typed, problem),
		"confirm":        v.confirmForm(lease(sshforward.Requested), m),
		"urgent":         v.urgentForm(urgent(sshforward.Requested), m),
		"failed":         v.confirmFailed(sshforward.Errorf(sshforward.EUNAVAILABLE, "AWS did not answer in time."), m),
		"refused":        v.confirmFailed(sshforward.Errorf(sshforward.EFORBIDDEN, "Only the person who typed the command may confirm it."), m),
		"deny":           v.denyForm(m, "", ""),
		"deny-extension": v.denyForm(more, "", problem),
		"source":         v.sourceForm("203.0.113.7", ""),
		"looking":        v.looking(),
		"opening":        v.noteOf(v.confirmed(lease(sshforward.Opening))),
		"home-empty":     home(sshforward.Reply{}),
		"home": home(sshforward.Reply{
			Waiting: []*sshforward.Lease{waiting, wish}, Leases: []*sshforward.Lease{lease(sshforward.Open)},
			Sources: lease(sshforward.Open).Sources, Month: sshforward.Bill{Leases: 1, Cost: 0.06},
			Past: []sshforward.Event{{Lease: "k7m2q3z", Instance: "i-0second", Name: "web-2", Ended: noon.Add(-time.Hour), Cost: 0.06}},
		}),
	}
}

func TestViewsLookAsTheyDid(t *testing.T) {
	for tag, v := range languages {
		t.Run(tag, func(t *testing.T) {
			dir := filepath.Join("testdata/views", tag)
			if *update {
				if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o755)); err != nil {
					t.Fatal(err)
				}
			}
			all := everyView(v)
			for name, view := range all {
				golden(t, filepath.Join(dir, name+".json"), view)
				if errs := fakeslack.CheckView(view); len(errs) > 0 {
					t.Errorf("%s: %v", name, errs)
				}
			}
			if files, _ := filepath.Glob(dir + "/*.json"); len(files) != len(all) {
				t.Errorf("%d golden files for %d views", len(files), len(all))
			}
		})
	}
}
