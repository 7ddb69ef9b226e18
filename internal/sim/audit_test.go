package sim

import (
	"context"
	"testing"
	"time"

	"github.com/sshforward/sshforward"
)

// checkAuditLog is the same for what the process has.
func (s *sim) checkAuditLog() (closed int) {
	s.t.Helper()
	return checkAuditLog(s.t, s.process.store)
}

// checkAuditLog holds the audit record to what the store has of every lease that
// is closed: each event once, in the order of a life, and the end as the lease
// tells it. It returns how many leases it found closed.
func checkAuditLog(t *testing.T, store sshforward.Store) (closed int) {
	t.Helper()
	return checkRecord(t, store, true)
}

// checkRecord is checkAuditLog where the events of a lease need not be ordered: replicas
// write them by clocks of their own.
func checkRecord(t *testing.T, store sshforward.Store, ordered bool) (closed int) {
	t.Helper()
	logs := make(map[string][]sshforward.Event)
	for e, err := range store.Events(context.Background(), time.Time{}) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Result == sshforward.ResultOK && e.Lease != "" {
			logs[e.Lease] = append(logs[e.Lease], e)
		}
	}
	for id, events := range logs {
		l, err := store.Lease(context.Background(), id)
		if sshforward.ErrorCode(err) == sshforward.ENOTFOUND {
			continue // retention has it
		}
		if err != nil {
			t.Fatal(err)
		}
		if l.State == sshforward.Closed {
			closed++
			checkEvents(t, l, events, ordered)
		}
	}
	return closed
}

// checkEvents checks the events of one lease that is closed.
func checkEvents(t *testing.T, l *sshforward.Lease, events []sshforward.Event, ordered bool) {
	t.Helper()
	count := make(map[sshforward.Act]int)
	reached := 0 // how far the life is, in the order below
	order := map[sshforward.Act]int{
		sshforward.ActOpen: 1, sshforward.ActConfirm: 2, sshforward.ActOpened: 3,
		sshforward.ActEnding: 4, sshforward.ActClose: 4, sshforward.ActCancel: 4, sshforward.ActDeny: 4,
		sshforward.ActAccessEnded: 5, sshforward.ActClosed: 6,
	}
	for _, e := range events {
		count[e.Act]++
		if e.Act == sshforward.ActReopened {
			reached = 4 // and through the end again
			continue
		}
		at, ok := order[e.Act]
		if ok && at < reached && ordered {
			t.Errorf("lease %s: %s comes after what follows it", l.ID, e.Act)
		}
		reached = max(reached, at)
	}
	for _, act := range []sshforward.Act{sshforward.ActOpen, sshforward.ActConfirm, sshforward.ActOpened} {
		if count[act] > 1 {
			t.Errorf("lease %s: %s is there %d times", l.ID, act, count[act])
		}
	}
	ends := count[sshforward.ActEnding] + count[sshforward.ActClose] + count[sshforward.ActCancel] + count[sshforward.ActDeny]
	if ends != 1 {
		t.Errorf("lease %s: its end was decided %d times", l.ID, ends)
		for _, e := range events {
			t.Logf("%s %s by %q, %s", e.At.Format("15:04:05.000"), e.Act, e.Actor, e.Reason)
		}
	}
	if want := 1 + count[sshforward.ActReopened]; count[sshforward.ActClosed] != want {
		t.Errorf("lease %s: closed is there %d times, want %d", l.ID, count[sshforward.ActClosed], want)
	}
	last := events[len(events)-1]
	if last.Act != sshforward.ActClosed || last.Reason != l.Reason || last.Overstay != l.Overstay().Seconds() ||
		!last.At.Equal(l.ClosedAt) || !last.Ended.Equal(l.AccessEndedAt) || !last.Opened.Equal(l.OpenedAt) {
		t.Errorf("lease %s is %+v, and the audit record ends with %+v", l.ID, *l, last)
	}
}
