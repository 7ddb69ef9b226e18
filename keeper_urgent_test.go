package sshforward

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// onCall lets dave past production's approvers for half an hour.
func onCall(t *testing.T, spec func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.policy.Rules[0].Urgent = &Urgent{Users: []string{dave, "SADMIN"}, Max: 30 * time.Minute}
		w.start()
		defer func() { w.crash() }()
		spec(w)
	})
}

func TestWhoMayGoPastTheApprovers(t *testing.T) {
	onCall(t, func(w *world) {
		for _, tt := range []struct {
			name string
			user string
			cmd  OpenLease
			code string
			says string
			at   string // the field
		}{
			{"named", dave, OpenLease{Instance: "db", Duration: 30 * time.Minute, Because: "it burns"}, "", "", ""},
			{"in a named group", admin, OpenLease{Instance: "db", Duration: time.Minute * 10, Because: "it burns"}, "", "", ""},
			{"not named", alice, OpenLease{Instance: "db", Duration: 10 * time.Minute, Because: "it burns"}, EFORBIDDEN,
				"does not name you among those who may go past", ""},
			{"no reason", dave, OpenLease{Instance: "db", Duration: 10 * time.Minute, Because: " "}, EINVALID,
				"needs a reason. Add it at the end: because", FieldReason},
			{"too long", dave, OpenLease{Instance: "db", Duration: time.Hour, Because: "it burns"}, EFORBIDDEN, "longer than the 30m",
				FieldDuration},
			{"where nobody has to approve", dave, OpenLease{Instance: "i-0dev", Duration: 10 * time.Minute, Because: "it burns"}, EINVALID,
				"needs no approval", ""},
		} {
			tt.cmd.Urgent = true
			_, err := w.do(tt.user, tt.cmd)
			wantCode(t, err, tt.code)
			if says := ErrorMessage(err).String(); !strings.Contains(says, tt.says) {
				t.Errorf("%s: it says %q, want something with %q", tt.name, says, tt.says)
			}
			if e, ok := err.(*Error); ok && e.Field != tt.at {
				t.Errorf("%s: it is about the field %q, want %q", tt.name, e.Field, tt.at)
			}
		}
		w.k.policy.Rules[0].Urgent = nil
		_, err := w.do(dave, OpenLease{Instance: "db", Duration: time.Minute * 10, Because: "it burns", Urgent: true})
		wantCode(t, err, EFORBIDDEN)
	})
}

func TestUrgentLease(t *testing.T) {
	onCall(t, func(w *world) {
		r := w.must(dave, OpenLease{Instance: "db", Duration: 20 * time.Minute, Because: "it burns", Urgent: true})
		id := r.Lease.ID
		// The first yes is not enough, however often it is given.
		for range 2 {
			if l := w.must(dave, ConfirmLease{ID: id}).Lease; l.State != Requested {
				t.Fatalf("after one yes it is %s", l.State)
			}
		}
		w.pass(time.Second)
		w.nothingLeft()
		_, err := w.do(admin, ConfirmLease{ID: id, Urgent: true})
		wantCode(t, err, EFORBIDDEN)
		if l := w.must(dave, ConfirmLease{ID: id, Urgent: true}).Lease; l.State != Opening {
			t.Fatalf("after the second yes it is %s", l.State)
		}
		w.pass(untilInService)
		w.expect(id, Open, "")
		if n := len(w.slack.when(id, "urgent")); n != 1 {
			t.Errorf("the operators were told %d times", n)
		}
		if at := w.lease(id).Broadcast; at.TS == "" {
			t.Error("where they were told is not remembered")
		}
		_, err = w.do(dave, ExtendLease{id, 20 * time.Minute})
		wantCode(t, err, EFORBIDDEN) // the short cap is for all of it
		if n := len(w.slack.when(id, "review")); n != 0 {
			t.Error("a review was asked for too early")
		}
		w.must(dave, CloseLease{Ref: id})
		w.pass(time.Minute)
		w.expect(id, Closed, ClosedByUser)
		if n := len(w.slack.when(id, "review")); n != 1 {
			t.Errorf("a review was asked for %d times", n)
		}
	})
}

// The permission is looked at once more when the lease opens.
func TestUrgentPermissionWithdrawn(t *testing.T) {
	onCall(t, func(w *world) {
		r := w.must(dave, OpenLease{Instance: "db", Duration: 20 * time.Minute, Because: "it burns", Urgent: true})
		w.k.policy.Rules[0].Urgent = nil
		w.must(dave, ConfirmLease{ID: r.Lease.ID, Urgent: true})
		w.pass(time.Minute)
		w.expect(r.Lease.ID, Closed, Failed)
		if n := w.cloud.count("open/group", r.Lease.ID); n > 0 {
			t.Error("something was made for it")
		}
	})
}

// What nobody would hear of is not opened without approval.
func TestUrgentOnlyIfSomebodyHearsIt(t *testing.T) {
	onCall(t, func(w *world) {
		id := w.must(dave, OpenLease{Instance: "db", Duration: 20 * time.Minute, Because: "it burns", Urgent: true}).Lease.ID
		w.slack.script(func(_ context.Context, what string, _ *Lease) error {
			if what == string(NoticeUrgent) {
				return &Error{Code: EFORBIDDEN, Message: Textf("Slack refuses it (%s).", "is_archived")}
			}
			return nil
		})
		_, err := w.do(dave, ConfirmLease{ID: id, Urgent: true})
		wantCode(t, err, EUNAVAILABLE)
		if !strings.Contains(told(err), "Leave out the word urgent") {
			t.Errorf("it says %q", told(err))
		}
		w.pass(time.Minute)
		w.expect(id, Requested, "")
		w.nothingLeft()
		if w.unheard != 1 {
			t.Errorf("counted %d times", w.unheard)
		}
		w.slack.script(nil)
		w.must(dave, ConfirmLease{ID: id, Urgent: true})
		heard := w.slack.when(id, "urgent")
		w.pass(untilInService)
		w.expect(id, Open, "")
		if len(heard) != 1 || w.lease(id).Broadcast.TS == "" {
			t.Errorf("before it opened, it was told %d times", len(heard))
		}
		_, err = w.do(dave, ConfirmLease{ID: id, Urgent: true})
		wantCode(t, err, ECONFLICT)
		if n := len(w.slack.when(id, "urgent")); n != 1 {
			t.Errorf("a second click was told too: %d times in all", n)
		}
	})
}

// An alarm that the channel does not take stays owed, also when all is long over.
func TestAlarmsStayOwed(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		id := w.opened(alice, "i-0dev", time.Hour)
		w.slack.script(func(_ context.Context, what string, _ *Lease) error {
			if NoticeKind(what).Alarm() {
				return &Error{Code: EFORBIDDEN, Message: Textf("Slack refuses it (%s).", "is_archived")}
			}
			return nil
		})
		w.cloud.set("i-0dev", func(in *Instance) { in.Tags = nil })
		w.sweepFor(20*time.Second, 5*time.Second)
		w.pass(2 * tellFor)
		w.expect(id, Closed, NotAdmitted)
		if w.unheard < 5 {
			t.Errorf("counted %d times", w.unheard)
		}
		w.slack.script(nil)
		w.pass(time.Hour)
		if n := len(w.slack.when(id, "rejected")); n != 1 {
			t.Errorf("told %d times once the channel takes it", n)
		}
	})
}
