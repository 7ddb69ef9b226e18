package provisioner_test

import (
	"testing"
	"time"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/internal/testenv"
	"github.com/sshforward/sshforward/provisioner"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

// tagged is an account with tags of its owner's, in an organisation that demands
// them and with no more room on a load balancer than ELB's API reference says.
func tagged() worldOptions {
	o := withDeadMan()
	o.accounts[0].Tags = map[string]string{"CostCenter": "4711", "Team": "infra", "Data Class": "", "owner@corp": "ops"}
	o.fake = fakeaws.Options{RequireTags: []string{"CostCenter", "Team"}, TagLimit: 10}
	return o
}

// A whole life in an organisation that denies what comes without its tags.
func TestTagsOfOnesOwn(t *testing.T) {
	inFake(t, tagged(), func(w *world) {
		before := w.foreign()
		l := w.lease("web-1")
		w.open(l)
		w.checkOpen(l)
		l.ExpiresAt = l.ExpiresAt.Add(time.Hour)
		if _, err := w.p.Extend(w.ctx, l); err != nil {
			w.Errorf("extend: %v", err)
		}
		for what, tags := range w.tags(l) {
			for k, v := range w.opts.accounts[0].Tags {
				if got, ok := tags[k]; !ok || got != v {
					w.Errorf("%s: tag %s is %q, want %q", what, k, got, v)
				}
			}
		}
		for _, r := range w.rules() {
			if *r.GroupId != l.Resources.GroupID {
				continue
			}
			tags := map[string]string{}
			for _, t := range r.Tags {
				tags[*t.Key] = *t.Value
			}
			if tags["CostCenter"] != "4711" {
				w.Errorf("a rule of the lease's group has %v", tags)
			}
		}
		for _, g := range w.cloud.Home().ScheduleGroups() {
			if g.Name != "default" && g.Tags["CostCenter"] != "4711" {
				w.Errorf("schedule group %s has %v", g.Name, g.Tags)
			}
		}
		w.close(l)
		w.clean(before)
	})
}

// Somebody else fills a load balancer with tags. The end moves all the same: it
// stands on the group, and a survey takes the later of two ends.
func TestTooManyTags(t *testing.T) {
	inFake(t, tagged(), func(w *world) {
		before := w.foreign()
		l := w.lease("web-1")
		w.upTo(l, sshforward.StageClock)
		w.cloud.Home().Tag(sshforward.Name(deployment, l.ID), "scanned", "yes")
		w.cloud.Home().Tag(sshforward.Name(deployment, l.ID), "scanner", "acme")
		if err := w.do(l); err != nil {
			w.Fatal(err)
		}
		l.State = sshforward.Open
		check := func(what string) {
			w.Helper()
			if got := w.found(l).Lease; got.ExpiresAt.Before(l.ExpiresAt) || got.State != sshforward.Open {
				w.Errorf("%s: a survey says %s until %v, want %v", what, got.State, got.ExpiresAt, l.ExpiresAt)
			}
			// Nobody has changed a tag of the bot's, and there is nothing to write again.
			if all, _, _ := w.survey(w.p, l); all[l.ID].Retagged || all[l.ID].Unsigned {
				w.Errorf("%s: taken for retagged (%t) or unsigned (%t)", what, all[l.ID].Retagged, all[l.ID].Unsigned)
			}
		}
		check("opened")
		l.ExpiresAt = l.ExpiresAt.Add(time.Hour)
		step, err := w.p.Extend(w.ctx, l)
		if l.Resources = step.Resources; err != nil {
			w.Fatal(err)
		}
		check("extended")
		w.retag(l, map[string]string{provisioner.TagExpires: "2036-01-01T00:00:00Z"}, nil)
		if all, _, _ := w.survey(w.p, l); !all[l.ID].Retagged {
			w.Error("that somebody changed the group's tags is not seen")
		}
		w.close(l)
		w.clean(before)
	})
}

// The first group of an instance may be one that the bot is not let at, or that
// another account or VPC owns; the rule goes into the next.
func TestTheNextGroup(t *testing.T) {
	for name, unusable := range testenv.ThinnedRows(map[string]func(w *world, h *fakeaws.Region, group string) string{
		"shared by another account": func(w *world, h *fakeaws.Region, group string) string {
			h.ShareGroup(group, "210987654321")
			return group
		},
		"of another VPC": func(w *world, h *fakeaws.Region, _ string) string {
			return h.AddGroup(h.AddVPC("10.9.0.0/16", nil), "elsewhere", nil)
		},
	}, 2) {
		inFakeNamed(t, name, worldOptions{}, func(w *world) {
			h := w.cloud.Home()
			first := unusable(w, h, h.AddGroup(w.vpc, "first", nil))
			h.SetGroups(w.web, first, w.group)
			before := w.foreign()
			l := w.lease("web-1")
			w.open(l)
			if l.Resources.InstanceGroupID != w.group {
				w.Errorf("the rule is in %s, want %s", l.Resources.InstanceGroupID, w.group)
			}
			w.checkOpen(l)
			w.close(l)
			w.clean(before)
		})
		inFakeNamed(t, name+" and the other is full", worldOptions{}, func(w *world) {
			h := w.cloud.Home()
			first := unusable(w, h, h.AddGroup(w.vpc, "first", nil))
			w.fill(w.group)
			for _, groups := range [][]string{{first, w.group}, {w.group, first}} {
				h.SetGroups(w.web, groups...)
				before := w.foreign()
				l := w.lease("web-1")
				w.upTo(l, sshforward.StageBalancer)
				w.wantCode(w.do(l), sshforward.EQUOTA) // and not that a permission is missing
				w.close(l)
				w.clean(before)
			}
		})
		inFakeNamed(t, name+" and there is no other", worldOptions{}, func(w *world) {
			h := w.cloud.Home()
			h.SetGroups(w.web, unusable(w, h, h.AddGroup(w.vpc, "first", nil)))
			before := w.foreign()
			l := w.lease("web-1")
			w.upTo(l, sshforward.StageBalancer)
			if err := w.do(l); !sshforward.Final(err) {
				w.Errorf("it says %v", err)
			}
			w.close(l)
			w.clean(before)
		})
	}
}

// Only the subnets that the operator has named, whatever their routes say; and
// those of another zone are none for this instance.
func TestSubnetsOfOnesOwn(t *testing.T) {
	inFake(t, worldOptions{}, func(w *world) {
		h := w.cloud.Home()
		firewalled := h.AddSubnet(w.vpc, "10.1.16.0/24", w.region+"a", nil)
		h.AddRouteTable(w.vpc, []string{firewalled}, fakeaws.Route{Destination: "0.0.0.0/0", Target: "vpce-0123456789abcdef0"})
		far := h.AddSubnet(w.vpc, "10.1.17.0/24", w.region+"c", nil)
		with := func(subnets ...string) (string, error) {
			w.opts.accounts[0].Subnets = subnets
			w.restart()
			place, err := w.p.Preflight(w.ctx, must(w.p.Find(w.ctx, "web-1", nil))[0], nil)
			return place.Subnet, err
		}
		for _, test := range []struct {
			named []string
			want  string
		}{{nil, w.public}, {[]string{far, firewalled}, firewalled}, {[]string{w.public, far}, w.public}} {
			if got, err := with(test.named...); got != test.want || err != nil {
				w.Errorf("with %v: %s, %v; want %s", test.named, got, err, test.want)
			}
		}
		_, err := with(far)
		w.wantCode(err, sshforward.EINVALID)
		h.SetBlockPublicAccess("", fakeaws.BlockIngress)
		_, err = with(firewalled)
		w.wantCode(err, sshforward.EINVALID)
	})
}
