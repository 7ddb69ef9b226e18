package dynamo

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/internal/testenv"
	"github.com/sshforward/sshforward/store/dynamo/dynalitetest"
	"github.com/sshforward/sshforward/store/dynamo/fakedynamo"
	"github.com/sshforward/sshforward/store/storetest"
)

var tables atomic.Int64

// newTable names a table that no other test has.
func newTable() string { return fmt.Sprintf("sshforward-%d", tables.Add(1)) }

// stand is a stand-in for DynamoDB, and how it is reached.
type stand struct {
	cfg  aws.Config
	next aws.HTTPClient
}

// dynalite is somebody else's emulator. Under the race detector it is the stand-in,
// which is held to its answers: node is no part of what the race detector looks at.
func dynalite(t testing.TB) stand {
	t.Helper()
	if testenv.Race {
		return standIn()
	}
	return stand{dynalitetest.Config(dynalitetest.Start(t)), newHTTPClient()}
}

// standIn is one for all tests that dynalite is one for.
var standIn = sync.OnceValue(fake)

func fake() stand {
	db := fakedynamo.New(fakedynamo.Options{})
	return stand{dynalitetest.Config("http://fakedynamo.test"), db.HTTPClient("a replica")}
}

func (st stand) options(table string) Options {
	return Options{Table: table, Create: true, AWS: &st.cfg, HTTPClient: st.next, Logger: slog.New(slog.DiscardHandler)}
}

// open returns a handle on a table that is made if need be.
func (st stand) open(t testing.TB, table string, with ...func(*Options)) *Store {
	t.Helper()
	o := st.options(table)
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

func options(t testing.TB, table string) Options { return dynalite(t).options(table) }

func open(t testing.TB, table string, with ...func(*Options)) *Store {
	t.Helper()
	return dynalite(t).open(t, table, with...)
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

// contract runs the contract. Each handle reaches the table in a way of its own.
func contract(t *testing.T, st stand, faulty bool, way func(o *Options)) {
	storetest.Run(t, func(t *testing.T) storetest.Subject {
		table := newTable()
		handles := []*Store{st.open(t, table, way)}
		t.Cleanup(func() {
			for _, s := range handles { // nobody writes while the table is read
				mustClose(t, s)
			}
			if !t.Failed() {
				wantConsistent(t, st, table)
			}
		})
		return storetest.Subject{
			Store:  handles[0],
			Remote: true, Faulty: faulty,
			Handle: func() storetest.Store {
				handles = append(handles, st.open(t, table, way))
				return handles[len(handles)-1]
			},
			Reopen: func() storetest.Store {
				for _, s := range handles {
					mustClose(t, s)
				}
				handles = []*Store{st.open(t, table, way)}
				return handles[0]
			},
			// Where the SDK tries once more, it is the second answer that some writes lose.
			Lossy: func() storetest.Store {
				return st.open(t, table, func(o *Options) {
					w := newWire(o.HTTPClient, uint64(tables.Load()))
					w.lost = 25
					o.HTTPClient, o.attempts = w, 1+int(tables.Load()%2)
				})
			},
			Fill: func(closed, events int) { fill(t, handles[0], closed, events) },
		}
	})
}

func TestContract(t *testing.T) {
	unlessRaced(t)
	t.Run("dynalite", func(t *testing.T) { contract(t, dynalite(t), false, func(*Options) {}) })
	t.Run("stand-in", func(t *testing.T) { contract(t, fake(), false, func(*Options) {}) })
}

// unlessRaced is for what differs from another test only in where it runs, and how.
func unlessRaced(t *testing.T) {
	t.Helper()
	if testenv.Race {
		t.Skip("without the race detector only, see .ci/run")
	}
}

// The contract holds as well on a way on which answers are lost, requests come
// twice or late, and some are refused for a while. What comes twice or late is there
// before its item is deleted, see turn.
func TestContractOnABadWire(t *testing.T) {
	t.Parallel()
	over := func(t *testing.T, st stand) {
		var wires []*wire
		contract(t, st, true, func(o *Options) {
			w := bad(o.HTTPClient, uint64(len(wires)))
			wires = append(wires, w)
			o.HTTPClient = w
		})
		counts := make(map[string]int)
		for _, w := range wires {
			w.zombie.Wait()
			for what, n := range w.counts {
				counts[what] += n
			}
		}
		t.Log(counts)
		for _, what := range []string{"lost", "repeated", "late", "delayed", "refused"} {
			if counts[what] < testenv.UnlessRaced(100, 10) {
				t.Errorf("%s: %d times", what, counts[what])
			}
		}
	}
	t.Run("dynalite", func(t *testing.T) {
		unlessRaced(t)
		t.Parallel()
		over(t, dynalite(t))
	})
	t.Run("stand-in", func(t *testing.T) {
		t.Parallel()
		over(t, fake())
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
