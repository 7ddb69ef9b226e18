package dynamo

import (
	"context"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/sshforward/sshforward"
)

// wantConsistent reads the whole table and fails unless its parts say the same:
// the attributes of leases what their docs say, a mark where there is something to
// tell, the log without a gap, and of each event in it one item and no more.
func wantConsistent(t testing.TB, st stand, table string) {
	t.Helper()
	ctx := context.Background() // the test's own has ended
	s, err := Open(ctx, st.options(table))
	if err != nil {
		t.Fatal(err)
	}
	defer mustClose(t, s)
	last, err := s.teller.settle(ctx)
	if err != nil {
		t.Fatal(err)
	}
	first := s.teller.record.first // what is filled in lies before
	log, events, past := make(map[uint64]told), make(map[uint64]string), make(map[uint64]string)
	wantPast := make(map[uint64]string)
	in := &dynamodb.ScanInput{TableName: &table}
	consistent := true
	in.ConsistentRead = &consistent
	for {
		out, err := s.db.Scan(ctx, in)
		if err != nil {
			t.Fatal(err)
		}
		for _, it := range out.Items {
			pk, sk := textOf(it, attrPK), textOf(it, attrSK)
			switch {
			case pk == pkLease:
				checkLease(t, it)
			case strings.HasPrefix(pk, pkLog):
				e, err := entryOf(it)
				if err != nil {
					t.Error(err)
				}
				if wantPK, wantSK := logKey(e.position); pk != wantPK || sk != wantSK {
					t.Errorf("entry %d is at %s %s", e.position, pk, sk)
				}
				if e.open {
					t.Errorf("entry %d is open", e.position)
				}
				entries := e.events()
				for i, n := 0, 0; i < len(e.told) && n < len(entries); i++ {
					if seqOf(e.position, i) == entries[n].Seq {
						log[entries[n].Seq] = e.told[i]
						n++
					}
				}
				log[seqOf(e.position, 255)] = told{} // that it is there
			case strings.HasPrefix(pk, pkEvent), strings.HasPrefix(pk, pkPast):
				e, err := eventOf(it)
				if err != nil {
					t.Error(err)
				}
				if strings.HasPrefix(pk, pkPast) {
					past[e.Seq] = sk
					continue
				}
				events[e.Seq] = sk
				if e.Act == sshforward.ActClosed && !e.Opened.IsZero() {
					wantPast[e.Seq] = sk
				}
			}
		}
		if in.ExclusiveStartKey = out.LastEvaluatedKey; len(out.LastEvaluatedKey) == 0 {
			break
		}
	}
	for p := first; p <= last; p++ {
		if _, ok := log[seqOf(p, 255)]; !ok {
			t.Errorf("there is no entry %d", p)
		}
	}
	for seq, what := range log {
		if what.Key == "" {
			continue
		}
		if want := sortable(what.event.At) + "/" + what.Key; events[seq] != want {
			t.Errorf("event %d is %q by time, and %q in the log", seq, events[seq], want)
		}
		delete(events, seq)
	}
	for seq, sk := range events {
		t.Errorf("event %d, %s, is not in the log", seq, sk)
	}
	for seq, sk := range wantPast {
		if past[seq] != sk {
			t.Errorf("event %d, %s, is not in the past of its owner", seq, sk)
		}
	}
	if len(past) != len(wantPast) {
		t.Errorf("%d events are past of %d", len(past), len(wantPast))
	}
}

func checkLease(t testing.TB, it item) {
	t.Helper()
	l, err := leaseOf(it)
	if err != nil {
		t.Error(err)
		return
	}
	rev, err := numberOf(it, attrRev)
	if err != nil || rev != l.Revision {
		t.Errorf("lease %s has revision %d, in its item %d, %v", l.ID, l.Revision, rev, err)
	}
	for attr, want := range map[string]string{attrDue: dueKey(l), attrAct: activeKey(l), attrWorker: l.Worker} {
		if got := textOf(it, attr); got != want {
			t.Errorf("lease %s has %s %q and not %q", l.ID, attr, got, want)
		}
	}
	waiting, err := untoldOf(it)
	if err != nil {
		t.Error(err)
	}
	if len(waiting.tails) > 0 && it[attrTell] == nil {
		t.Errorf("lease %s has something to tell, and nobody will see it", l.ID)
	}
}
