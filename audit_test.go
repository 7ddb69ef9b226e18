package sshforward

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
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

// recorded returns what the audit record has of a lease; of everything if id is "".
func (w *world) recorded(id string) (events []Event, lines []string) {
	for _, e := range w.store.recorded() {
		if id == "" || e.Lease == id {
			events, lines = append(events, e), append(lines, line(e))
		}
	}
	return events, lines
}

func (w *world) wantRecorded(id string, want ...string) []Event {
	w.t.Helper()
	events, lines := w.recorded(id)
	if diff := cmp.Diff(want, lines); diff != "" {
		w.t.Errorf("audit record of %q (-want +got):\n%s", id, diff)
	}
	return events
}

func TestRecordOfALife(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		id := w.opened(alice, "web", time.Hour)
		w.must(alice, ExtendLease{id, 30 * time.Minute})
		w.pass(90*time.Minute + lingering)
		events := w.wantRecorded(id,
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
			Tags: map[string]string{"sshforward": "allow"}, Lacks: []string{"Env"}, Port: 22, Duration: 3600,
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
func TestRecordOfEnds(t *testing.T) {
	t.Parallel()
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
				events := w.wantRecorded(id, append([]string{"open ok UALICE requested -"}, test.want...)...)
				for _, e := range events {
					if e.Act == ActEnding && name == "failed" && e.Detail != "There are too many." {
						t.Errorf("it failed because %q", e.Detail)
					}
				}
			})
		})
	}
}

func TestRecordOfTrouble(t *testing.T) {
	t.Parallel()
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
		events := w.wantRecorded(id,
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
func TestEventsOf(t *testing.T) {
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
		"nothing":        {open(nil), open(nil), nil},
		"rebuilt":        {new(Lease), open(nil), []Act{ActRebuilt}},
		"rebuilt to end": {new(Lease), open(func(l *Lease) { l.State, l.Reason = Closing, Lost }), []Act{ActEnding}},
		"reopened": {open(func(l *Lease) { l.State, l.Reason = Closed, Expired }),
			open(func(l *Lease) { l.State, l.Reason = Closing, Expired }), []Act{ActReopened}},
		"mended":          {open(func(l *Lease) { l.Drift.Missing = true }), open(nil), []Act{ActMended}},
		"armed":           {open(func(l *Lease) { l.Drift.Unarmed = true }), open(nil), []Act{ActMended}},
		"narrowed":        {open(func(l *Lease) { l.Drift.Widened = true }), open(nil), []Act{ActNarrowed}},
		"drifted":         {open(nil), open(func(l *Lease) { l.Drift.Widened = true }), nil},
		"two things gone": {open(func(l *Lease) { l.Drift = Drift{Missing: true, Widened: true} }), open(nil), []Act{ActMended, ActNarrowed}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []Act
			for _, e := range eventsOf(test.was, test.is, time.Now(), actor{}, nil) {
				got = append(got, e.Act)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestRefusalsAreRecorded(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		id := w.opened(alice, "web", time.Hour)
		before := len(w.store.recorded())
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
			{bob, CloseLease{}, "close not_found UBOB - -", "You have no lease.", ""},
			{alice, OpenLease{Instance: "i-0dev", Duration: 48 * time.Hour, Because: "x"}, "open forbidden UALICE - -", "", ""},
			{alice, SetSource{Sources: prefixes("10.0.0.1/32")}, "source forbidden UALICE - -", "10.0.0.1 is in the private", ""},
			{alice, Unknown{"button lease.explode"}, "unknown invalid UALICE - -", "button lease.explode", ""},
		} {
			_, err := w.do(test.user, test.cmd)
			events, lines := w.recorded("")
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

// Who is told no when looking is in the record too; a program that looks, as a
// scrape of the metrics does, is not.
func TestLookingThatIsRefused(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		_, err := w.show(alice, "0000000")
		wantCode(t, err, ENOTFOUND)
		w.wantRecorded("", "look not_found UALICE - -")
		w.store.script(func(_ context.Context, op, _ string) error {
			if op == "active" {
				return unavailable("The store")
			}
			return nil
		})
		_, err = w.keeper().Active(context.Background())
		wantCode(t, err, EUNAVAILABLE)
		w.wantRecorded("", "look not_found UALICE - -")
		_, err = w.keeper().List(context.Background(), from(alice), true)
		wantCode(t, err, EUNAVAILABLE)
		w.wantRecorded("", "look not_found UALICE - -", "look unavailable UALICE - -")
	})
}

// Looking is not recorded, saving a source is.
func TestWhatElseIsRecorded(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.list(alice, false)
		w.source(alice)
		w.overview(alice)
		w.wantRecorded("")
		w.must(alice, SetSource{Sources: []netip.Prefix{netip.MustParsePrefix("203.0.113.9/32")}})
		w.must(alice, SetSource{Clear: true})
		events := w.wantRecorded("", "source ok UALICE - -", "source ok UALICE - -")
		if len(events) == 2 && (!slices.Equal(events[0].Sources, []string{"203.0.113.9/32"}) || events[1].Detail != "forgotten") {
			t.Errorf("%+v", events)
		}
	})
}

// What is over is forgotten after a while, and stays in the record.
func TestRecordOutlivesTheLease(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.timing.Keep = time.Minute
		w.start()
		defer func() { w.crash() }()
		id := w.ask(alice, "web", time.Hour)
		w.must(alice, CancelLease{id})
		w.pass(2 * w.timing.Keep)
		_, err := w.show(bob, id)
		wantCode(t, err, ENOTFOUND)
		w.wantRecorded(id, "open ok UALICE requested -", "cancel ok UALICE closed cancelled", "closed ok - closed cancelled")
	})
}

// A refusal is an answer, whether or not it can be written down.
func TestRefusalThatCannotBeRecorded(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.store.script(func(_ context.Context, op, _ string) error {
			if op == "append" {
				return unavailable("the disk")
			}
			return nil
		})
		_, err := w.show(alice, "0000000")
		wantCode(t, err, ENOTFOUND)
		w.must(alice, SetSource{Clear: true})
		w.wantRecorded("")
	})
}

func TestCommandCutShortIsNoRefusal(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if _, err := w.keeper().Do(ctx, Caller{User: alice}, OpenLease{Instance: "web", Duration: time.Hour}); err == nil {
			t.Fatal("it was done")
		}
		w.wantRecorded("")
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
