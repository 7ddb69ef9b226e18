package sshforward

import (
	"context"
	"strings"
	"testing"
	"time"
)

// otherBots has what is open be another bot's: the store is new and knows the account.
func (w *world) otherBots() {
	w.loseStore()
	w.store.mu.Lock()
	defer w.store.mu.Unlock()
	w.store.rebuilt["main"], w.store.rebuilt["far"] = true, true
}

// A living lease of another bot is alarmed at once, and once for each lease, also
// across a restart. What Slack does not take is said again.
func TestAnotherBotIsAlarmedOnce(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		id := w.opened(alice, "i-0dev", 8*time.Hour)
		w.otherBots()
		deaf := true
		w.slack.script(func(_ context.Context, what string, _ *Lease) error {
			if deaf && what == "announcement" {
				return &Error{Code: EUNAVAILABLE, Message: Textf("no")}
			}
			return nil
		})
		w.sweepFor(time.Minute, 30*time.Second)
		if len(w.slack.announced) > 0 || w.unheard != 2 {
			t.Fatalf("said %v, unheard %d times", w.slack.announced, w.unheard)
		}
		deaf = false
		w.sweepFor(time.Minute, 30*time.Second)
		if len(w.slack.announced) != 1 || !strings.Contains(w.slack.announced[0], "account main: "+id+".") {
			t.Fatalf("said %q", w.slack.announced)
		}
		w.crash()
		w.start()
		w.sweepFor(10*time.Minute, 30*time.Second)
		if len(w.slack.announced) != 1 {
			t.Errorf("said %q", w.slack.announced)
		}
		if got := w.elsewheres[len(w.elsewheres)-1]; got != "main 1" && got != "far 0" {
			t.Errorf("counted %v", w.elsewheres)
		}
		record := strings.Join(w.heard(), "\n")
		if strings.Count(record, "elsewhere ok") != 1 {
			t.Errorf("the record:\n%s", record)
		}
		w.cloud.hide(PartGroups) // and for a while nothing can be told
		w.lookOver(time.Minute, 30*time.Second)
		w.cloud.hide()
		w.sweepFor(time.Minute, 30*time.Second)
		if len(w.slack.announced) != 1 || !w.cloud.reachable(id) {
			t.Errorf("said %q, reachable %t", w.slack.announced, w.cloud.reachable(id))
		}
	})
}

// What was told while it was opened is not told again once its clock runs.
func TestOpeningOfAnotherBotIsToldOnce(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		l := &Lease{ID: "k7m2q3x"}
		w.k.ledger.record(t.Context(), Event{At: time.Now().UTC(), Act: ActElsewhere, Lease: l.ID})
		w.pass(20 * time.Second)
		l.OpenedAt = time.Now()
		if !w.k.toldElsewhere(t.Context(), l, time.Now()) {
			t.Error("it would be told twice")
		}
	})
}

// Guests see their own leases and those that they may approve, and cannot tell
// whether there are others; nor do they end or extend those.
func TestGuestsSeeTheirOwn(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.policy.Rules[0].Guests, w.policy.Rules[1].Guests = true, true
		w.crash()
		w.start()
		w.dir.people[dave] = Person{Guest: true}
		w.dir.people["UGUS"] = Person{Guest: true}
		others := w.opened(alice, "i-0dev", time.Hour)
		asked := w.ask(alice, "i-0prod", time.Hour)
		w.must(alice, ConfirmLease{ID: asked})
		own := w.opened("UGUS", "i-0two", time.Hour)
		for user, want := range map[string]int{"UGUS": 1, dave: 0, bob: 3} {
			if got := w.list(user, true); len(got) != want {
				t.Errorf("%s is shown %v, want %d", user, ids(got), want)
			}
		}
		_, err := w.show("UGUS", others)
		_, none := w.show("UGUS", "zzzzzzz")
		wantCode(t, err, ENOTFOUND)
		if got, want := told(err), strings.ReplaceAll(told(none), "zzzzzzz", others); got != want {
			t.Errorf("of what is not theirs it says %q, of what is not there %q", got, want)
		}
		for _, cmd := range []Command{CloseLease{Ref: others}, CloseLease{Ref: "web"}, ExtendLease{others, time.Minute},
			changeTo(others, office), changeTo("web", office)} {
			_, err := w.do("UGUS", cmd)
			wantCode(t, err, ENOTFOUND)
		}
		_, err = w.keeper().Help(context.Background(), from("UGUS"), others)
		wantCode(t, err, ENOTFOUND)
		_, err = w.keeper().Again(context.Background(), from("UGUS"), others)
		wantCode(t, err, ENOTFOUND)
		if _, err := w.show("UGUS", own); err != nil {
			t.Errorf("their own: %v", err)
		}
		if _, err := w.keeper().Again(context.Background(), from("UGUS"), own); err != nil {
			t.Errorf("their own, again: %v", err)
		}
		if _, err := w.show(dave, asked); err != nil { // dave leads
			t.Errorf("what they may approve: %v", err)
		}
		if _, err := w.show(bob, others); err != nil {
			t.Errorf("a full member: %v", err)
		}
		w.expect(others, Open, "")
	})
}

// What the tags of something unproven say goes with it as words, and into nothing
// that is acted on.
func TestWordsOfOrphansAreKept(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.strand("0rphan1", "main", "i-0dev", true)
		says := []TagWord{{"sshforward:owner", "U0EVE"}, {"sshforward:ssh-user", ""}}
		w.cloud.distort(func(f *Found) bool {
			f.Says = says
			return true
		})
		w.sweepFor(w.timing.Sweep+time.Minute, time.Minute)
		w.pass(lingering)
		w.expect("0rphan1", Closed, Lost)
		if l := w.lease("0rphan1"); len(l.Alleged) != 2 || l.Alleged[0] != says[0] || l.Owner != "" {
			t.Errorf("%+v", l)
		}
	})
}
