package sshforward

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// failing fails an operation on one lease, the first so many times.
func failing(op, id string, times int) func(context.Context, string, *Lease) error {
	return func(_ context.Context, o string, l *Lease) error {
		if o != op || l.ID != id || times == 0 {
			return nil
		}
		times--
		return unavailable("AWS")
	}
}

// alarms is what operators heard about a lease.
func (w *world) alarms(id string) []string {
	return w.heardOf(id, NoticeStuck, NoticeFreed)
}

// However often the work fails, operators hear one alarm and one all-clear.
func TestAlarm(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		op    string
		times int
		want  []string
	}{
		{"close", StuckAfter - 1, nil},
		{"close", StuckAfter, []string{"stuck", "freed"}},
		{"close", 30, []string{"stuck", "freed"}},
		{"extend", StuckAfter - 1, nil},
		{"extend", StuckAfter, []string{"stuck", "freed"}},
		{"mend", StuckAfter - 1, nil},
		{"mend", 20, []string{"stuck", "freed"}},
		{"open/group", StuckAfter + 1, nil},
	} {
		t.Run(fmt.Sprintf("%s fails %d times", tt.op, tt.times), func(t *testing.T) {
			inWorld(t, func(w *world) {
				id := w.ask(alice, "web", 3*time.Hour)
				w.cloud.script(failing(tt.op, id, tt.times))
				w.must(alice, ConfirmLease{ID: id})
				w.pass(5 * time.Minute)
				w.expect(id, Open, "")
				switch tt.op {
				case "close":
					w.must(alice, CloseLease{Ref: id})
				case "extend":
					w.must(alice, ExtendLease{id, time.Minute})
				case "mend":
					w.cloud.meddle(id, func(f *footprint) { f.rule = false })
				}
				w.sweepFor(90*time.Minute, time.Minute)
				if diff := cmp.Diff(tt.want, w.alarms(id)); diff != "" {
					t.Errorf("operators heard (-want +got):\n%s", diff)
				}
				if l := w.lease(id); l.Stuck() || strings.Contains(w.slack.shows(id), "stuck") {
					t.Errorf("it is still stuck: %t, the card shows %q", l.Stuck(), w.slack.shows(id))
				}
				if n := w.cloud.count(tt.op, id); n > tt.times+4 {
					t.Errorf("%s was tried %d times", tt.op, n)
				}
			})
		})
	}
}

// Two periods are two alarms.
func TestAlarmAgain(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		id := w.opened(alice, "web", time.Hour)
		w.cloud.script(failing("extend", id, 7))
		w.must(alice, ExtendLease{id, time.Minute})
		w.pass(20 * time.Minute)
		w.cloud.script(failing("close", id, 7))
		w.must(alice, CloseLease{Ref: id})
		w.pass(20 * time.Minute)
		w.expect(id, Closed, ClosedByUser)
		if diff := cmp.Diff([]string{"stuck", "freed", "stuck", "freed"}, w.alarms(id)); diff != "" {
			t.Errorf("operators heard (-want +got):\n%s", diff)
		}
	})
}

// One period is one alarm, also when the end comes in the middle of it.
func TestAlarmAcrossEnd(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		id := w.opened(alice, "web", time.Hour)
		w.cloud.script(func(_ context.Context, op string, _ *Lease) error {
			if op == "extend" || op == "close" {
				return unavailable("AWS")
			}
			return nil
		})
		w.must(alice, ExtendLease{id, time.Minute})
		w.pass(2 * time.Hour)
		l := w.lease(id)
		if l.State != Closing || !l.Stuck() || !strings.Contains(w.slack.shows(id), "stuck") {
			t.Errorf("it is %s, the card shows %q", l.State, w.slack.shows(id))
		}
		w.cloud.script(nil)
		w.pass(5 * time.Minute)
		w.expect(id, Closed, Expired)
		if diff := cmp.Diff([]string{"stuck", "freed"}, w.alarms(id)); diff != "" {
			t.Errorf("operators heard (-want +got):\n%s", diff)
		}
	})
}

// Mending that keeps failing is one alarm, however well extending works.
func TestAlarmNotEndedByOtherWork(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		id := w.opened(alice, "web", 3*time.Hour)
		w.cloud.script(failing("mend", id, -1))
		w.cloud.meddle(id, func(f *footprint) { f.widened = true })
		for range 5 {
			w.sweepFor(20*time.Minute, time.Minute)
			w.must(alice, ExtendLease{id, time.Minute})
		}
		w.pass(time.Minute)
		if diff := cmp.Diff([]string{"stuck"}, w.alarms(id)); diff != "" {
			t.Errorf("operators heard (-want +got):\n%s", diff)
		}
	})
}

// An alarm that nobody heard and that is over is not worth a word.
func TestAlarmUnheard(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		id := w.opened(alice, "web", time.Hour)
		w.slack.script(slackDown)
		w.cloud.script(failing("close", id, 6))
		w.must(alice, CloseLease{Ref: id})
		w.pass(10 * time.Minute)
		w.expect(id, Closed, ClosedByUser)
		w.slack.script(nil)
		w.pass(10 * time.Minute)
		if diff := cmp.Diff([]string{"new card", "ready", "command", "ended"}, w.slack.heard(id)); diff != "" {
			t.Errorf("people heard (-want +got):\n%s", diff)
		}
	})
}

// The alarm is on its way while it is taken back: who hears it hears of the
// end, too.
func TestAlarmOnItsWay(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		id := w.opened(alice, "web", time.Hour)
		w.slack.script(func(_ context.Context, what string, _ *Lease) error {
			if what == "stuck" {
				time.Sleep(50 * time.Second)
			}
			return nil
		})
		n := 0
		w.cloud.script(func(_ context.Context, op string, l *Lease) error {
			if op != "close" {
				return nil
			}
			if n++; n <= StuckAfter {
				// What AWS asks for makes the pauses short and known.
				return &Error{Code: EUNAVAILABLE, Message: Textf("AWS is throttling.")}
			}
			return nil
		})
		w.must(alice, CloseLease{Ref: id})
		for w.lease(id).Attempts < StuckAfter {
			w.pass(time.Second)
		}
		// A sweep, an operator or a restart has it tried before its pause is over.
		l := w.stored(id)
		l.NextTryAt = time.Now()
		l.DueAt = l.NextTryAt
		if err := w.store.Put(context.Background(), l); err != nil {
			t.Fatal(err)
		}
		w.pass(10 * time.Second)
		w.expect(id, Closed, ClosedByUser)
		w.pass(5 * time.Minute)
		if diff := cmp.Diff([]string{"stuck", "freed"}, w.alarms(id)); diff != "" {
			t.Errorf("operators heard (-want +got):\n%s", diff)
		}
	})
}

// A closing that AWS lets wait is no failure, but after half an hour somebody
// should look.
func TestAlarmOnLongWait(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		lingers time.Duration
		want    []string
	}{
		{stuckClosing - time.Minute, nil},
		{stuckClosing + 10*time.Minute, []string{"stuck", "freed"}},
	} {
		inWorld(t, func(w *world) {
			id := w.opened(alice, "web", time.Hour)
			w.cloud.lingering = tt.lingers
			w.must(alice, CloseLease{Ref: id})
			ended := time.Now()
			w.pass(stuckClosing + pollEvery)
			l := w.lease(id)
			if stuck := tt.want != nil; l.Stuck() != stuck || strings.Contains(w.slack.shows(id), "stuck") != stuck {
				t.Errorf("lingering for %s: stuck is %t, the card shows %q", tt.lingers, l.Stuck(), w.slack.shows(id))
			}
			w.pass(20 * time.Minute)
			w.expect(id, Closed, ClosedByUser)
			if l := w.lease(id); !l.AccessEndedAt.Equal(ended) {
				t.Errorf("access ended %s late", l.AccessEndedAt.Sub(ended))
			}
			if diff := cmp.Diff(tt.want, w.alarms(id)); diff != "" {
				t.Errorf("lingering for %s: operators heard (-want +got):\n%s", tt.lingers, diff)
			}
		})
	}
}

// The all-clear is owed exactly if the alarm was heard.
func TestCalm(t *testing.T) {
	for _, heard := range []bool{false, true} {
		l := inState(Closing)
		l.Owed = nil
		for range 3 * StuckAfter {
			l.retry(noon, errors.New("no"))
		}
		if len(l.Owed) != 1 || l.Owed[0].Kind != NoticeStuck {
			t.Fatalf("owed %v", l.Owed)
		}
		var want []Notice
		if heard {
			l.withdraw(NoticeStuck)
			want = []Notice{{Kind: NoticeFreed, At: at(1)}}
		}
		l.clearAlarm(at(1))
		l.clearAlarm(at(2))
		if diff := cmp.Diff(want, append([]Notice(nil), l.Owed...)); diff != "" {
			t.Errorf("heard %t (-want +got):\n%s", heard, diff)
		}
	}
}
