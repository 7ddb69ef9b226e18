package sshforward

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// line is an event as the tests write it: what came of it, who did it, and how
// the lease is afterwards.
func line(e Event) string {
	parts := []string{string(e.Act), e.Result}
	for _, s := range []string{e.Actor, string(e.State), string(e.Reason)} {
		if s == "" {
			s = "-"
		}
		parts = append(parts, s)
	}
	return strings.Join(parts, " ")
}

// trail returns what the audit record has of a lease; of everything if id is "".
func (w *world) trail(id string) (events []Event, lines []string) {
	for _, e := range w.store.trail() {
		if id == "" || e.Lease == id {
			events, lines = append(events, e), append(lines, line(e))
		}
	}
	return events, lines
}

func (w *world) wantTrail(id string, want ...string) []Event {
	w.t.Helper()
	events, lines := w.trail(id)
	if diff := cmp.Diff(want, lines); diff != "" {
		w.t.Errorf("audit record of %q (-want +got):\n%s", id, diff)
	}
	return events
}

func TestTrailOfALife(t *testing.T) {
	inWorld(t, func(w *world) {
		id := w.opened(alice, "web", time.Hour)
		w.must(alice, ExtendLease{id, 30 * time.Minute})
		w.pass(90*time.Minute + lingering)
		events := w.wantTrail(id,
			"open ok UALICE requested -",
			"confirm ok UALICE opening -",
			"opened ok - open -",
			"extend ok UALICE open -",
			"ending ok - closing expired",
			"access_ended ok - closing expired",
			"closed ok - closed expired")
		if len(events) != 7 {
			return
		}
		for i, want := range []string{"for 1h", "", "", "by 30m", "", "", ""} {
			if events[i].Detail != want {
				t.Errorf("%s says %q, want %q", events[i].Act, events[i].Detail, want)
			}
		}
		l := w.lease(id)
		want := Event{
			At: l.ClosedAt.UTC(), Act: ActClosed, Result: ResultOK, Lease: id, Owner: alice,
			Account: "main", Region: "ap-northeast-1", Instance: "i-0dev", Name: "web", Sources: []string{"203.0.113.7/32"},
			Rule: "development", State: Closed, Reason: Expired, Because: "ticket 7",
			Opened: l.OpenedAt.UTC(), Expires: l.ExpiresAt.UTC(), Ended: l.AccessEndedAt.UTC(),
			Cost: 0.0615, // two started hours of 0.027, an hour and a half of 0.005
		}
		if diff := cmp.Diff(want, events[6]); diff != "" {
			t.Errorf("the last event (-want +got):\n%s", diff)
		}
		if e := events[1]; e.Team != "T1" || e.Channel != "C1" || !e.At.Equal(l.ConfirmedAt) {
			t.Errorf("the confirmation: %+v", e)
		}
		past, err := w.store.Past(context.Background(), alice, w.t0, 10)
		if err != nil || len(past) != 1 {
			t.Errorf("past: %v, %v", past, err)
		}
	})
}

// Whoever ends a lease is named once, with the reason.
func TestTrailOfEnds(t *testing.T) {
	for name, test := range map[string]struct {
		end  func(w *world) (id string)
		want []string // after the request and its confirmation
	}{
		"cancelled": {
			func(w *world) string {
				id := w.ask(alice, "web", time.Hour)
				w.must(alice, CancelLease{id})
				return id
			},
			[]string{"cancel ok UALICE closed cancelled", "closed ok - closed cancelled"},
		},
		"lapsed": {
			func(w *world) string {
				id := w.ask(alice, "web", time.Hour)
				w.pass(time.Hour)
				return id
			},
			[]string{"ending ok - closed lapsed", "closed ok - closed lapsed"},
		},
		"denied": {
			func(w *world) string {
				id := w.ask(alice, "db", time.Hour)
				w.must(alice, ConfirmLease{ID: id})
				w.must(bob, DenyLease{ID: id})
				return id
			},
			[]string{"confirm ok UALICE pending -", "deny ok UBOB closed denied", "closed ok - closed denied"},
		},
		"approved, then closed by an admin": {
			func(w *world) string {
				id := w.ask(alice, "db", time.Hour)
				w.must(alice, ConfirmLease{ID: id})
				w.must(bob, ApproveLease{ID: id})
				w.pass(untilInService)
				w.must(admin, CloseLease{Ref: id})
				w.pass(lingering)
				return id
			},
			[]string{
				"confirm ok UALICE pending -", "approve ok UBOB opening -", "opened ok - open -",
				"close ok UADMIN closing closed_by_admin", "access_ended ok - closing closed_by_admin", "closed ok - closed closed_by_admin",
			},
		},
		"failed": {
			func(w *world) string {
				w.cloud.script(func(_ context.Context, op string, _ *Lease) error {
					if op == "open/group" {
						return Errorf(EQUOTA, "There are too many.")
					}
					return nil
				})
				id := w.ask(alice, "web", time.Hour)
				w.must(alice, ConfirmLease{ID: id})
				w.pass(time.Minute)
				return id
			},
			[]string{
				"confirm ok UALICE opening -", "ending ok - closing failed",
				"access_ended ok - closed failed", "closed ok - closed failed",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				id := test.end(w)
				events := w.wantTrail(id, append([]string{"open ok UALICE requested -"}, test.want...)...)
				for _, e := range events {
					if e.Act == ActEnding && name == "failed" && e.Detail != "There are too many." {
						t.Errorf("it failed because %q", e.Detail)
					}
				}
			})
		})
	}
}

func TestTrailOfTrouble(t *testing.T) {
	inWorld(t, func(w *world) {
		id := w.opened(alice, "web", time.Hour)
		w.cloud.script(func(_ context.Context, op string, _ *Lease) error {
			if op == "close" {
				return &Error{Code: EFORBIDDEN, Message: Textf("AWS says no.")}
			}
			return nil
		})
		w.must(alice, CloseLease{})
		w.pass(10 * time.Minute)
		w.cloud.script(nil)
		w.pass(time.Hour)
		events := w.wantTrail(id,
			"open ok UALICE requested -", "confirm ok UALICE opening -", "opened ok - open -",
			"close ok UALICE closing closed_by_user", "stuck ok - closing closed_by_user",
			"access_ended ok - closing closed_by_user", "freed ok - closed closed_by_user", "closed ok - closed closed_by_user")
		for _, e := range events {
			if e.Act == ActStuck && e.Detail != "AWS says no." {
				t.Errorf("it is stuck because %q", e.Detail)
			}
		}
	})
}

// happened, for what the sweep finds.
func TestHappened(t *testing.T) {
	open := func(change func(*Lease)) *Lease {
		l := &Lease{ID: "aaaaaaa", State: Open}
		if change != nil {
			change(l)
		}
		return l
	}
	for name, test := range map[string]struct {
		was, is *Lease
		want    []Act
	}{
		"nothing":         {open(nil), open(nil), nil},
		"rebuilt":         {new(Lease), open(nil), []Act{ActRebuilt}},
		"rebuilt to end":  {new(Lease), open(func(l *Lease) { l.State, l.Reason = Closing, Lost }), []Act{ActEnding}},
		"reopened":        {open(func(l *Lease) { l.State, l.Reason = Closed, Expired }), open(func(l *Lease) { l.State, l.Reason = Closing, Expired }), []Act{ActReopened}},
		"mended":          {open(func(l *Lease) { l.Drift.Missing = true }), open(nil), []Act{ActMended}},
		"armed":           {open(func(l *Lease) { l.Drift.Unarmed = true }), open(nil), []Act{ActMended}},
		"narrowed":        {open(func(l *Lease) { l.Drift.Widened = true }), open(nil), []Act{ActNarrowed}},
		"drifted":         {open(nil), open(func(l *Lease) { l.Drift.Widened = true }), nil},
		"two things gone": {open(func(l *Lease) { l.Drift = Drift{Missing: true, Widened: true} }), open(nil), []Act{ActMended, ActNarrowed}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []Act
			for _, e := range happened(test.was, test.is, time.Now(), deed{}, nil) {
				got = append(got, e.Act)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestRefusalsAreRecorded(t *testing.T) {
	inWorld(t, func(w *world) {
		id := w.opened(alice, "web", time.Hour)
		before := len(w.store.trail())
		for _, test := range []struct {
			user   string
			cmd    Command
			want   string
			detail string // begins with
			lease  string
		}{
			{bob, CloseLease{Ref: id}, "close forbidden UBOB open -", "Lease " + id + " is not yours", id},
			{bob, CloseLease{Ref: "web"}, "close forbidden UBOB open -", "Lease " + id + " is not yours", id},
			{bob, ConfirmLease{ID: strings.ToUpper(id)}, "confirm forbidden UBOB open -", "Only the person who typed", id},
			{alice, ConfirmLease{ID: id}, "confirm conflict UALICE open -", "Lease " + id + " is open already.", id},
			{bob, CancelLease{ID: id}, "cancel forbidden UBOB open -", "Only the person", id},
			{bob, ApproveLease{ID: id}, "approve forbidden UBOB open -", "The rule", id},
			{bob, DenyLease{ID: id}, "deny forbidden UBOB open -", "The rule", id},
			{alice, ExtendLease{id, 24 * time.Hour}, "extend forbidden UALICE open -", "Policy allows 8h in all", id},
			{alice, ExtendLease{"nothing", time.Hour}, "extend not_found UALICE - -", "There is no open lease", ""},
			{alice, ShowLease{"0000000"}, "look not_found UALICE - -", "There is no lease 0000000.", ""},
			{bob, CloseLease{}, "close not_found UBOB - -", "You have no lease.", ""},
			{alice, OpenLease{Instance: "i-0dev", Duration: 48 * time.Hour, Because: "x"}, "open forbidden UALICE - -", "", ""},
			{alice, SetSource{Sources: prefixes("10.0.0.1/32")}, "source forbidden UALICE - -", "10.0.0.1 is in the private", ""},
			{alice, Unknown{"button lease.explode"}, "unknown invalid UALICE - -", "button lease.explode", ""},
		} {
			_, err := w.do(test.user, test.cmd)
			events, lines := w.trail("")
			if err == nil || len(events) != before+1 {
				t.Errorf("%T: %v, and %d events", test.cmd, err, len(events)-before)
				before = len(events)
				continue
			}
			before++
			last := events[len(events)-1]
			if got := lines[len(lines)-1]; got != test.want {
				t.Errorf("%T: got %q, want %q", test.cmd, got, test.want)
			}
			if last.Lease != test.lease || !strings.HasPrefix(last.Detail, test.detail) || last.Team != "T1" {
				t.Errorf("%T: %+v", test.cmd, last)
			}
		}
		_, err := w.do(alice, Unknown{"?"})
		if got := ErrorMessage(err).String(); got != "I do not know this button." {
			t.Errorf("an unknown button is answered with %q", got)
		}
	})
}

// Looking is not recorded, saving a source is.
func TestWhatElseIsRecorded(t *testing.T) {
	inWorld(t, func(w *world) {
		w.must(alice, ListLeases{})
		w.must(alice, SetSource{})
		w.wantTrail("")
		w.must(alice, SetSource{Sources: []netip.Prefix{netip.MustParsePrefix("203.0.113.9/32")}})
		w.must(alice, SetSource{Clear: true})
		events := w.wantTrail("", "source ok UALICE - -", "source ok UALICE - -")
		if len(events) == 2 && (!slices.Equal(events[0].Sources, []string{"203.0.113.9/32"}) || events[1].Detail != "forgotten") {
			t.Errorf("%+v", events)
		}
	})
}

// A refusal is an answer, whether or not it can be written down.
func TestRefusalWithoutATrail(t *testing.T) {
	inWorld(t, func(w *world) {
		w.store.script(func(_ context.Context, op, _ string) error {
			if op == "append" {
				return unavailable("the disk")
			}
			return nil
		})
		_, err := w.do(alice, ShowLease{"0000000"})
		wantCode(t, err, ENOTFOUND)
		w.must(alice, SetSource{Clear: true})
		w.wantTrail("")
	})
}

func TestCommandCutShortIsNoRefusal(t *testing.T) {
	inWorld(t, func(w *world) {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if _, err := w.keeper().Do(ctx, Caller{User: alice}, OpenLease{Instance: "web", Duration: time.Hour}); err == nil {
			t.Fatal("it was done")
		}
		w.wantTrail("")
	})
}

// An end and an extension in the same instant: the trail tells what the lease
// tells, whoever won.
func TestTrailOfARace(t *testing.T) {
	won := make(map[bool]int)
	for range 20 {
		inWorld(t, func(w *world) {
			id := w.opened(alice, "web", 30*time.Minute)
			end := w.lease(id).ExpiresAt
			w.pass(time.Until(end) - time.Nanosecond)
			var both sync.WaitGroup
			var err error
			both.Go(func() {
				time.Sleep(time.Nanosecond)
				_, err = w.do(alice, ExtendLease{id, 10 * time.Minute})
			})
			both.Go(func() { time.Sleep(time.Nanosecond); w.keeper().wake(id) })
			both.Wait()
			w.pass(time.Until(end.Add(10*time.Minute + lingering)))
			want := []string{"open ok UALICE requested -", "confirm ok UALICE opening -", "opened ok - open -"}
			if err == nil {
				want = append(want, "extend ok UALICE open -")
			}
			ends := []string{"ending ok - closing expired", "access_ended ok - closing expired", "closed ok - closed expired"}
			_, got := w.trail(id)
			got = slices.DeleteFunc(got, func(s string) bool { return strings.HasPrefix(s, "extend conflict") })
			if diff := cmp.Diff(append(want, ends...), got); diff != "" {
				t.Errorf("extended: %t (-want +got):\n%s", err == nil, diff)
			}
			won[err == nil]++
		})
	}
	t.Logf("the extension won %d times, the end %d times", won[true], won[false])
}

// A write that got through although the disk said no is not told twice, and
// what was kept in memory behind it is told once.
func TestWriteThatGotThroughAllTheSame(t *testing.T) {
	inWorld(t, func(w *world) {
		id := w.opened(alice, "web", 30*time.Minute)
		var mu sync.Mutex
		failed := false
		w.store.after = func(op, _ string) error {
			mu.Lock()
			defer mu.Unlock()
			if op == "put" && !failed {
				failed = true
				return unavailable("the disk, after it had it,")
			}
			return nil
		}
		w.pass(30*time.Minute + lingering)
		w.wantTrail(id,
			"open ok UALICE requested -", "confirm ok UALICE opening -", "opened ok - open -",
			"ending ok - closing expired", "access_ended ok - closing expired", "closed ok - closed expired")
	})
}

// The whole end of a lease on a full disk: its events are kept with it, told
// as they happen, and written once when there is room.
func TestFullDiskKeepsTheEvents(t *testing.T) {
	inWorld(t, func(w *world) {
		id := w.opened(alice, "web", 30*time.Minute)
		w.told = nil
		w.store.script(func(_ context.Context, op, _ string) error {
			if op == "put" || op == "append" || op == "delete" {
				return unavailable("the disk")
			}
			return nil
		})
		end := w.lease(id).ExpiresAt
		w.pass(time.Until(end) + lingering + time.Minute)
		begin := []string{"open ok UALICE requested -", "confirm ok UALICE opening -", "opened ok - open -"}
		ends := []string{"ending ok - closing expired", "access_ended ok - closing expired", "closed ok - closed expired"}
		w.wantTrail(id, begin...)
		if diff := cmp.Diff(ends, w.heard()); diff != "" {
			t.Errorf("told while the disk was full (-want +got):\n%s", diff)
		}
		w.store.script(nil)
		w.pass(time.Minute)
		events := w.wantTrail(id, append(begin, ends...)...)
		if n := len(events); n == 6 && !events[3].At.Equal(end) {
			t.Errorf("its end was decided at %s, the record says %s", w.since(end), w.since(events[3].At))
		}
		if diff := cmp.Diff(ends, w.heard()); diff != "" {
			t.Errorf("told in all (-want +got):\n%s", diff)
		}
	})
}

// Retention does not forget what memory has still to tell.
func TestForgettingWaitsForTheTrail(t *testing.T) {
	inWorld(t, func(w *world) {
		w.crash()
		w.timing.Keep = time.Second
		w.start()
		id := w.opened(alice, "web", 30*time.Minute)
		failing := true
		var mu sync.Mutex
		w.store.script(func(_ context.Context, op, _ string) error {
			mu.Lock()
			defer mu.Unlock()
			if op == "put" && failing {
				return unavailable("the disk")
			}
			return nil
		})
		w.pass(2 * time.Hour)
		if w.stored(id) == nil {
			t.Fatal("the lease was forgotten before its end was written")
		}
		mu.Lock()
		failing = false
		mu.Unlock()
		w.pass(time.Minute)
		_, lines := w.trail(id)
		if got := lines[len(lines)-1]; got != "closed ok - closed expired" {
			t.Errorf("the last event is %q", got)
		}
		if _, err := w.store.Lease(context.Background(), id); ErrorCode(err) != ENOTFOUND {
			t.Errorf("the lease is still kept: %v", err)
		}
	})
}

// A put that loses writes nothing of what it would have made true.
func TestConflictWritesNoEvent(t *testing.T) {
	inWorld(t, func(w *world) {
		id := w.ask(alice, "web", time.Hour)
		stale, fresh := w.stored(id), w.stored(id)
		if err := w.store.Put(context.Background(), fresh, Event{Detail: "first"}); err != nil {
			t.Fatal(err)
		}
		err := w.store.Put(context.Background(), stale, Event{Detail: "second"})
		wantCode(t, err, ECONFLICT)
		// And the keeper, whose write is overtaken, tells of it once.
		overtaken := false
		w.store.read = func(l *Lease) {
			if overtaken {
				return
			}
			overtaken = true
			if err := w.store.put(l.Clone()); err != nil {
				t.Error(err)
			}
		}
		if _, err := w.keeper().update(context.Background(), id, func(l *Lease, now time.Time) error {
			return l.end(now, Lapsed, "", Text{}, w.timing)
		}); err != nil {
			t.Fatal(err)
		}
		var lines []string
		for _, e := range w.store.trail() {
			lines = append(lines, fmt.Sprint(e.Act, e.Detail))
		}
		slices.Sort(lines)
		if diff := cmp.Diff([]string{"closed", "ending", "first", "openfor 1h"}, lines); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}

func TestPlain(t *testing.T) {
	for in, want := range map[string]string{
		"the disk is full":                  "the disk is full",
		"two\nlines\tand\x00more\x1b[31m":   "two lines and more [31m",
		"my token is xoxb-12-abc, ok":       "my token is [removed], ok",
		"xapp-1-A0-12-ff":                   "[removed]",
		"https://hooks.slack.com/actions/T": "https://[removed]",
		strings.Repeat("木", 400):            strings.Repeat("木", 300),
		"\xff":                              "\uFFFD",
	} {
		if got := plain(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

// Prices that JSON cannot write do not keep a lease from ending.
func TestCostThatIsNoNumber(t *testing.T) {
	now := time.Now()
	l := &Lease{OpenedAt: now, AccessEndedAt: now.Add(time.Hour)}
	var inf float64
	inf = 1 / inf
	if e := eventOf(l, Prices{"": {LoadBalancer: inf}}); e.Cost != 0 {
		t.Errorf("cost %v", e.Cost)
	}
}
