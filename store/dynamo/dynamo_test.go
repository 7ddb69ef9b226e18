package dynamo

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/store/dynamo/dynalitetest"
	"github.com/sshforward/sshforward/store/storetest"
)

var tables atomic.Int64

// newTable names a table that no other test has.
func newTable() string { return fmt.Sprintf("sshforward-%d", tables.Add(1)) }

func options(t testing.TB, table string) Options {
	t.Helper()
	cfg := dynalitetest.Config(dynalitetest.Start(t))
	return Options{Table: table, Create: true, AWS: &cfg, Logger: slog.New(slog.DiscardHandler)}
}

// open returns a handle on a table that is made if need be.
func open(t testing.TB, table string, with ...func(*Options)) *Store {
	t.Helper()
	o := options(t, table)
	for _, f := range with {
		f(&o)
	}
	s, err := Open(t.Context(), o)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() { mustClose(t, s) })
	return s
}

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

func newLease(id string) *sshforward.Lease {
	return &sshforward.Lease{ID: id, State: sshforward.Open, RequestedAt: noon, DueAt: noon}
}

func mustPut(t testing.TB, s *Store, l *sshforward.Lease, events ...sshforward.Event) {
	t.Helper()
	if err := s.Put(t.Context(), l, events...); err != nil {
		t.Fatalf("Put(%s): %v", l.ID, err)
	}
}

func mustClose(t testing.TB, s *Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}

func TestContract(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Subject {
		table := newTable()
		handles := []*Store{open(t, table)}
		return storetest.Subject{
			Store:  handles[0],
			Remote: true,
			Fill:   func(closed, events int) { fill(t, handles[0], closed, events) },
			Handle: func() storetest.Store {
				handles = append(handles, open(t, table))
				return handles[len(handles)-1]
			},
			Reopen: func() storetest.Store {
				for _, s := range handles {
					mustClose(t, s)
				}
				handles = []*Store{open(t, table)}
				return handles[0]
			},
		}
	})
}

// fill adds closed leases and events as they are in the table, many in one call.
func fill(t testing.TB, s *Store, closed, events int) {
	t.Helper()
	var items []item
	flush := func() {
		t.Helper()
		for chunk := range slices.Chunk(items, 25) { // DynamoDB takes no more
			var writes []types.WriteRequest
			for _, it := range chunk {
				writes = append(writes, types.WriteRequest{PutRequest: &types.PutRequest{Item: it}})
			}
			_, err := s.db.BatchWriteItem(t.Context(), &dynamodb.BatchWriteItemInput{
				RequestItems: map[string][]types.WriteRequest{s.table: writes},
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		items = nil
	}
	for i := range closed {
		l := &sshforward.Lease{
			ID: fmt.Sprintf("closed%07d", i), Revision: 1, State: sshforward.Closed, RequestedAt: noon, DueAt: noon.Add(30 * 24 * time.Hour),
		}
		doc, err := json.Marshal(l)
		if err != nil {
			t.Fatal(err)
		}
		it := key(pkLease, l.ID)
		it[attrRev], it[attrDoc], it[attrDue] = number(1), blob(doc), text(dueKey(l))
		items = append(items, it)
	}
	flush()
	position := firstPosition(noon)
	for i := range events {
		e := sshforward.Event{
			At: noon.Add(time.Duration(i) * time.Second), Act: sshforward.ActClosed, Owner: fmt.Sprint("U", i%100),
			Lease: fmt.Sprintf("closed%07d", i), Opened: noon,
		}
		told, err := encode(fmt.Sprintf("filled%07d", i), []sshforward.Event{e})
		if err != nil {
			t.Fatal(err)
		}
		at := sortable(e.At)
		for _, pk := range []string{pkEvent + dayOf(at), pastKey(e.Owner)} {
			it := key(pk, at+"/"+told[0].Key)
			it[attrDoc], it[attrSeq] = blob(told[0].Event), number(seqOf(position+uint64(i), 0))
			items = append(items, it)
		}
		entry, err := entry{position: position + uint64(i), id: told[0].Key, told: told}.item()
		if err != nil {
			t.Fatal(err)
		}
		delete(entry, attrOpen)
		items = append(items, entry)
	}
	flush()
}
