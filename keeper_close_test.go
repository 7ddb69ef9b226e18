package sshforward

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func ids(ls []*Lease) []string {
	var out []string
	for _, l := range ls {
		out = append(out, l.ID)
	}
	return out
}

func TestCloseWithoutArgument(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		_, err := w.do(alice, CloseLease{})
		wantCode(t, err, ENOTFOUND)
		w.opened(bob, "two", time.Hour)
		_, err = w.do(alice, CloseLease{})
		wantCode(t, err, ENOTFOUND)

		first := w.opened(alice, "web", time.Hour)
		second := w.opened(alice, "two", time.Hour)
		r := w.must(alice, CloseLease{})
		if diff := cmp.Diff([]string{first, second}, ids(r.Leases)); diff != "" || !r.Choose {
			t.Errorf("the choice (-want +got):\n%s", diff)
		}
		w.expect(first, Open, "")
		w.expect(second, Open, "")

		w.must(alice, CloseLease{Ref: first})
		if r := w.must(alice, CloseLease{}); r.Lease == nil || r.Lease.ID != second {
			t.Errorf("with one left, while another is closing: got %+v", r)
		}
		w.pass(time.Minute)
		w.expect(second, Closed, ClosedByUser)
	})
}

func TestClose(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		id := w.opened(alice, "web", time.Hour)
		for _, ref := range []string{id, "web", "i-0dev"} {
			_, err := w.do(bob, CloseLease{Ref: ref})
			wantCode(t, err, EFORBIDDEN)
			_, err = w.do(bob, ExtendLease{Ref: ref, Duration: time.Minute})
			wantCode(t, err, EFORBIDDEN)
		}
		w.expect(id, Open, "")
		w.must(admin, CloseLease{Ref: "web"})
		w.pass(time.Minute)
		w.expect(id, Closed, ClosedByAdmin)
		if by := w.lease(id).ClosedBy; by != admin {
			t.Errorf("closed by %q", by)
		}
		_, err := w.do(alice, CloseLease{Ref: id})
		wantCode(t, err, ECONFLICT)
		if !strings.Contains(ErrorMessage(err).String(), "closed already") {
			t.Errorf("it says %q", ErrorMessage(err).String())
		}
		_, err = w.do(alice, CloseLease{Ref: "web"})
		wantCode(t, err, ENOTFOUND)

		// By the instance, the caller's own goes before somebody else's.
		other := w.opened(bob, "web", time.Hour)
		own := w.opened(alice, "web", time.Hour)
		w.must(alice, CloseLease{Ref: "web"})
		w.expect(own, Closing, ClosedByUser)
		w.expect(other, Open, "")

		// An id works however it is typed; closing twice says what is so.
		w.must(bob, CloseLease{Ref: strings.ToUpper(other)})
		_, err = w.do(bob, CloseLease{Ref: other})
		wantCode(t, err, ECONFLICT)
	})
}

// Before anything is made a close is a cancel, whoever gives it.
func TestCloseBeforeOpening(t *testing.T) {
	t.Parallel()
	for _, user := range []string{alice, admin} {
		inWorld(t, func(w *world) {
			asked, waiting := w.ask(alice, "web", time.Hour), w.ask(alice, "db", time.Hour)
			w.must(alice, ConfirmLease{ID: waiting})
			w.must(user, CloseLease{Ref: asked})
			w.must(user, CloseLease{Ref: waiting})
			w.expect(asked, Closed, Cancelled)
			w.expect(waiting, Closed, Cancelled)
			w.pass(time.Minute)
			if n := w.cloud.count("close", ""); n > 0 {
				t.Errorf("%d teardowns of nothing", n)
			}
		})
	}
}

func TestCloseAll(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		a, b := w.opened(alice, "web", time.Hour), w.opened(alice, "two", time.Hour)
		c := w.ask(alice, "web", time.Hour)
		other := w.opened(bob, "two", time.Hour)
		w.must(alice, CloseLease{Ref: a})
		if diff := cmp.Diff([]string{b, c}, ids(w.must(alice, CloseLease{All: true}).Leases)); diff != "" {
			t.Errorf("closed (-want +got):\n%s", diff)
		}
		w.pass(time.Minute)
		for _, id := range []string{a, b} {
			w.expect(id, Closed, ClosedByUser)
		}
		w.expect(c, Closed, Cancelled)
		w.expect(other, Open, "")
		if r := w.must(alice, CloseLease{All: true}); len(r.Leases) > 0 {
			t.Errorf("closed again: %v", ids(r.Leases))
		}
	})
}

// A name of six to eight letters may look like a lease id and is none.
func TestNameThatLooksLikeID(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.cloud.set("i-0two", func(in *Instance) { in.Name = "bastion" })
		id := w.opened(alice, "bastion", time.Hour)
		w.must(alice, CloseLease{Ref: "bastion"})
		w.expect(id, Closing, ClosedByUser)
	})
}

func TestList(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		mine := w.opened(alice, "web", time.Hour)
		other := w.opened(bob, "two", time.Hour)
		done := w.ask(alice, "web", time.Hour)
		w.must(alice, CancelLease{done})
		if diff := cmp.Diff([]string{mine}, ids(w.list(alice, false))); diff != "" {
			t.Errorf("mine (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{mine, other}, ids(w.list(alice, true))); diff != "" {
			t.Errorf("all (-want +got):\n%s", diff)
		}
	})
}
