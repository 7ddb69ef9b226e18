package sshforward

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// asking is a world in which dave decides about db, and so do the given others.
func (w *world) asking(by AskBy, approvers ...string) {
	w.keeper().askBy = by
	w.keeper().policy.Rules[0].Approvers = approvers
}

// pending is a request for db that waits for a decision.
func (w *world) pending() string {
	id := w.ask(alice, "db", time.Hour)
	w.must(alice, ConfirmLease{ID: id})
	w.pass(5 * time.Second)
	return id
}

func TestWhoHasToDecideIsTold(t *testing.T) {
	t.Parallel()
	for by, want := range map[AskBy][]string{
		AskBoth:    {"new card", "approval", "approval to " + bob, "approval to UCAROL"},
		"":         {"new card", "approval", "approval to " + bob, "approval to UCAROL"},
		AskDirect:  {"new card", "approval to " + bob, "approval to UCAROL"},
		AskChannel: {"new card", "approval"},
	} {
		inWorld(t, func(w *world) {
			w.dir.change(func(d *fakeDirectory) {
				d.groups["SLEADS"] = []string{alice, "UCAROL", bob, "UGONE", "UGUEST", "UBOT", "UELSE"}
			})
			w.dir.change(func(d *fakeDirectory) {
				d.people = map[string]Person{"UGONE": {Deactivated: true}, "UGUEST": {Guest: true}, "UBOT": {Bot: true}, "UELSE": {Stranger: true}}
			})
			w.asking(by, "SLEADS", bob)
			id := w.pending()
			if got := w.slack.heard(id); !sameWords(got, want...) {
				t.Errorf("%q: people heard %q, want %q", by, got, want)
			}
			w.pass(20 * time.Minute) // a nudge
			nudged := slices.Contains(w.slack.heard(id), "nudge to UCAROL")
			if nudged != (by != AskChannel) {
				t.Errorf("%q: carol is reminded: %t", by, nudged)
			}
		})
	}
}

// A card that only the requester sees asks nobody.
func TestApproversOfAHiddenCardAreAskedDirectly(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.asking(AskChannel, bob)
		id := w.ask(alice, "db", time.Hour)
		w.pass(time.Second)
		_, err := w.keeper().ledger.update(t.Context(), id, func(l *Lease, _ time.Time) error { l.Card.Channel = "D0ALICE"; return nil })
		if err != nil {
			t.Fatal(err)
		}
		w.must(alice, ConfirmLease{ID: id})
		w.pass(5 * time.Second)
		if got := w.slack.heard(id); !sameWords(got, "new card", "approval to "+bob) {
			t.Errorf("people heard %q", got)
		}
	})
	inWorld(t, func(w *world) { // with nobody there to be asked it is said where the card is
		w.asking(AskDirect, "UGONE")
		w.keeper().policy.Rules[0].Approvals = 1
		w.dir.change(func(d *fakeDirectory) { d.people = map[string]Person{"UGONE": {Deactivated: true}} })
		if got := w.slack.heard(w.pending()); !sameWords(got, "new card", "approval") {
			t.Errorf("people heard %q", got)
		}
	})
}

// More than fifteen are not written to, those who are named before the members
// of groups.
func TestAtMostFifteenAreAskedDirectly(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		var many []string
		for n := range 40 {
			many = append(many, fmt.Sprintf("UMANY%02d", n))
		}
		w.dir.change(func(d *fakeDirectory) { d.groups["SMANY"] = many })
		w.asking(AskBoth, "SMANY", bob)
		id := w.pending()
		got := w.slack.heard(id)
		direct := slices.DeleteFunc(slices.Clone(got), func(what string) bool { return !strings.HasPrefix(what, "approval to ") })
		if len(direct) != 15 || !slices.Contains(direct, "approval to "+bob) || !slices.Contains(got, "approval") {
			t.Errorf("people heard %q", got)
		}
	})
}

// While Slack does not tell who is in a group, who is known is asked at once, a
// mention goes where the card is, and the rest are asked once it tells.
func TestApproversWhomSlackTellsLater(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.dir.change(func(d *fakeDirectory) { d.groups["SLEADS"] = []string{"UCAROL"} })
		w.asking(AskBoth, "SLEADS", bob)
		id := w.ask(alice, "db", time.Hour)
		w.pass(time.Second)
		w.dir.set(true)
		w.must(alice, ConfirmLease{ID: id})
		w.pass(5 * time.Second)
		if got := w.slack.heard(id); !sameWords(got, "new card", "approval", "approval to "+bob) {
			t.Errorf("people heard %q", got)
		}
		w.dir.set(false)
		w.pass(time.Minute)
		if got := w.slack.heard(id); !sameWords(got, "new card", "approval", "approval to "+bob, "approval to UCAROL") {
			t.Errorf("people heard %q", got)
		}
	})
}

// Whoever dies when: each approver is asked, and when it is decided no message
// keeps its buttons, also those that another process had posted.
func TestDirectMessagesSurviveACrash(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.asking(AskBoth, bob, "UCAROL", "UDAN")
		w.slack.script(func(_ context.Context, what string, _ *Lease) error {
			if what == "approval to UCAROL" || what == "approval to UDAN" {
				return &Error{Code: EUNAVAILABLE, Message: Textf("no")}
			}
			return nil
		})
		id := w.pending()
		w.crash()
		w.slack.script(nil)
		w.start()
		w.asking(AskBoth, bob, "UCAROL", "UDAN")
		w.pass(time.Minute)
		for _, user := range []string{bob, "UCAROL", "UDAN"} {
			if n := len(w.slack.when(id, "approval to "+user)); n != 1 {
				t.Errorf("%s was asked %d times", user, n)
			}
		}
		if n := len(w.stored(id).Posted); n != 4 { // and where the card is
			t.Fatalf("%d messages are remembered", n)
		}
		w.must(bob, ApproveLease{ID: id})
		w.crash()
		w.start()
		w.pass(30 * time.Second)
		for _, user := range []string{bob, "UCAROL", "UDAN"} {
			if n := len(w.slack.when(id, "edit approval "+user)); n != 1 {
				t.Errorf("the message to %s was edited %d times", user, n)
			}
		}
		if l := w.stored(id); slices.ContainsFunc(l.Posted, l.outdated) {
			t.Errorf("still to be edited: %+v", l.Posted)
		}
	})
}

// What Slack does not take now is edited later; what cannot be edited for good
// is given up; and a reminder of an end that has moved is over.
func TestRemindersAreEditedWhenTheEndMoves(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		err   error
		edits int
	}{
		"at once":     {nil, 2}, // the reminder, and what said that it is open
		"later":       {&Error{Code: EUNAVAILABLE, Message: Textf("no")}, 3},
		"rate":        {&Error{Code: EUNAVAILABLE, RetryAfter: 5 * time.Second}, 3},
		"not for all": {&Error{Code: EFORBIDDEN, Message: Textf("gone")}, 2},
	} {
		inWorld(t, func(w *world) {
			id := w.opened(alice, "web", time.Hour)
			w.to(50 * time.Minute)
			if l := w.stored(id); len(l.Posted) != 3 || l.Posted[2].Kind != NoticeReminder {
				t.Fatalf("%s: remembered %+v", name, l.Posted)
			}
			var once sync.Once // messages are edited side by side
			w.slack.script(func(_ context.Context, what string, _ *Lease) (err error) {
				if strings.HasPrefix(what, "edit") {
					once.Do(func() { err = tt.err })
				}
				return err
			})
			tried := w.slack.tried()
			w.must(alice, ExtendLease{Ref: id, Duration: 2 * time.Hour})
			w.pass(time.Minute)
			l := w.stored(id)
			if slices.ContainsFunc(l.Posted, l.outdated) || len(l.Posted) != map[bool]int{false: 3, true: 2}[Final(tt.err)] {
				t.Errorf("%s: remembered %+v", name, l.Posted)
			}
			if n := w.slack.tried() - tried; n != tt.edits+1 { // and the card
				t.Errorf("%s: %d calls", name, n)
			}
			w.must(alice, CloseLease{Ref: id})
			w.crash() // what was posted is remembered by whoever comes next
			w.start()
			w.pass(30 * time.Second)
			if l := w.stored(id); l.State != Closed || len(l.Posted) > 0 {
				t.Errorf("%s: %s, still remembered %+v", name, l.State, l.Posted)
			}
		})
	}
}

// The command that somebody waits for does not wait for the card.
func TestTheCommandDoesNotWaitForTheCard(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.slack.script(func(ctx context.Context, what string, _ *Lease) error {
			if what == "card" {
				return hang(ctx)
			}
			return nil
		})
		var ids []string
		for i := range 12 { // more cards than there is room for, so that some wait for their first try
			user := fmt.Sprintf("U%d", i)
			id := w.ask(user, "web", time.Hour)
			w.must(user, ConfirmLease{ID: id})
			ids = append(ids, id)
		}
		w.pass(time.Minute)
		for _, id := range ids {
			at := w.slack.when(id, "ready")
			if opened := w.lease(id).OpenedAt; len(at) != 1 || at[0].Sub(opened) > 20*time.Second {
				t.Errorf("open since %s, told at %v", w.since(opened), at)
			}
		}
	})
}
