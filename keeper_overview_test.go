package sshforward

import (
	"testing"
	"time"
)

func TestHomeShowsWhatConcernsTheCaller(t *testing.T) {
	pending(t, 2, func(w *world, id string) {
		w.must(alice, SetSource{Sources: prefixes("198.51.100.7/32")})
		w.pass(time.Second)
		dev := w.opened(alice, "i-0dev", time.Hour)
		other := w.opened(bob, "i-0two", time.Hour)
		ids := func(ls []*Lease) (out []string) {
			for _, l := range ls {
				out = append(out, l.ID)
			}
			return out
		}
		same := func(what string, got []string, want ...string) {
			w.t.Helper()
			if len(got) != len(want) {
				w.t.Errorf("%s: %v, want %v", what, got, want)
				return
			}
			for i := range want {
				if got[i] != want[i] {
					w.t.Errorf("%s: %v, want %v", what, got, want)
				}
			}
		}
		r := w.overview(alice)
		same("alice's leases", ids(r.Leases), id, dev)
		same("waiting for alice, who asked", ids(r.Waiting))
		if len(r.Sources) != 1 {
			w.t.Errorf("sources %v", r.Sources)
		}
		r = w.overview(bob)
		same("bob's leases", ids(r.Leases), other)
		same("waiting for bob", ids(r.Waiting), id)
		same("waiting for an admin, who is no approver", ids(w.overview(admin).Waiting))
		w.must(bob, ApproveLease{ID: id})
		same("waiting for bob, who has decided", ids(w.overview(bob).Waiting))
		same("waiting for carol", ids(w.overview(carol).Waiting), id)
		w.dir.set(true)
		same("waiting for carol, if Slack does not tell", ids(w.overview(carol).Waiting))
	})
}

func TestExtensionsWaitOnTheHomePageToo(t *testing.T) {
	guarded(t, 1, func(w *world, id string) {
		w.must(alice, ExtendLease{id, 10 * time.Minute})
		if r := w.overview(carol); len(r.Waiting) != 1 || r.Waiting[0].ID != id {
			w.t.Errorf("waiting for carol: %v", r.Waiting)
		}
		if r := w.overview(alice); len(r.Waiting) != 0 {
			w.t.Errorf("waiting for alice: %v", r.Waiting)
		}
		w.must(carol, ApproveLease{ID: id, Extend: 10 * time.Minute})
		if r := w.overview(dave); len(r.Waiting) != 0 {
			w.t.Errorf("still waiting: %v", r.Waiting)
		}
	})
}
