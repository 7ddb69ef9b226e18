package sshforward

import (
	"testing"
	"time"
)

// Who agreed to an extension and who did not is told as it was decided.
func TestAuditOfExtensions(t *testing.T) {
	guarded(t, 2, func(w *world, id string) {
		before, _ := w.recorded(id)
		w.must(alice, ExtendLease{id, 30 * time.Minute})
		w.must(bob, ApproveLease{ID: id, Extend: 30 * time.Minute})
		w.must(carol, ApproveLease{ID: id, Extend: 30 * time.Minute})
		w.pass(time.Minute)
		w.must(alice, ExtendLease{id, 5 * time.Minute})
		w.must(dave, DenyLease{ID: id, Extend: 5 * time.Minute, Because: "enough is\nenough"})
		events, lines := w.recorded(id)
		for i, want := range []struct{ line, detail, because string }{
			{"extend ok UALICE open -", "by 30m, if that is approved", "ticket 7"},
			{"approve ok UBOB open -", "the extension by 30m", "ticket 7"},
			{"approve ok UCAROL open -", "the extension by 30m", "ticket 7"},
			{"extend ok UALICE open -", "by 5m, if that is approved", "ticket 7"},
			{"deny ok UDAVE open -", "the extension by 5m", "enough is enough"},
		} {
			i += len(before)
			if i >= len(events) {
				t.Fatalf("there are only %q", lines)
			}
			if e := events[i]; lines[i] != want.line || e.Detail != want.detail || e.Because != want.because {
				t.Errorf("got %q, %q, %q, want %q", lines[i], e.Detail, e.Because, want)
			}
		}
		l := w.lease(id)
		if e := events[len(before)+2]; !e.Expires.Equal(l.ExpiresAt) || !events[len(before)+1].Expires.Before(e.Expires) {
			t.Errorf("the last approval moved the end to %s, its event says %s", l.ExpiresAt, e.Expires)
		}
	})
}

func TestAuditOfDenial(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		id := w.ask(alice, "db", time.Hour)
		w.must(alice, ConfirmLease{ID: id})
		w.must(bob, DenyLease{ID: id, Because: "not today"})
		events := w.wantRecorded(id, "open ok UALICE requested -", "confirm ok UALICE pending -", "deny ok UBOB closed denied",
			"closed ok - closed denied")
		if len(events) == 4 && (events[2].Because != "not today" || events[3].Because != "ticket 7") {
			t.Errorf("the denial says %q, the end %q", events[2].Because, events[3].Because)
		}
	})
}

// An urgent lease is told apart in every event.
func TestAuditOfAnUrgentLease(t *testing.T) {
	onCall(t, func(w *world) {
		r := w.must(dave, OpenLease{Instance: "db", Duration: 10 * time.Minute, Because: "it burns", Urgent: true})
		id := r.Lease.ID
		w.must(dave, ConfirmLease{ID: id}) // it wants the second yes, and nothing has happened
		w.must(dave, ConfirmLease{ID: id, Urgent: true})
		w.pass(untilInService)
		for _, e := range w.wantRecorded(id, "open ok UDAVE requested -", "confirm ok UDAVE opening -", "opened ok - open -") {
			if !e.Urgent || e.Because != "it burns" {
				t.Errorf("%+v", e)
			}
		}
		_, err := w.do(alice, OpenLease{Instance: "db", Duration: 10 * time.Minute, Because: "it burns", Urgent: true})
		wantCode(t, err, EFORBIDDEN)
		events, lines := w.recorded("")
		last := len(events) - 1
		if e := events[last]; lines[last] != "open forbidden UALICE - -" || !e.Urgent || e.Name != "db" || e.Because != "it burns" {
			t.Errorf("the refusal: %+v", e)
		}
	})
}
