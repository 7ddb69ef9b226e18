package main

import (
	cmpx "cmp"
	"fmt"
	"log/slog"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/store/bolt"
	"github.com/sshforward/sshforward/store/dynamo"
	"github.com/sshforward/sshforward/store/dynamo/fakedynamo"
)

// A store moves into a table and back, and nothing is lost or told in another order.
func TestTransfer(t *testing.T) {
	t.Parallel()
	file := func(name string) leaseStore {
		s, err := bolt.Open(filepath.Join(t.TempDir(), name), bolt.Options{Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return s
	}
	db := fakedynamo.New(fakedynamo.Options{})
	s, err := dynamo.Open(t.Context(), dynamo.Options{Table: "leases", Create: true, HTTPClient: db.HTTPClient("restore"),
		Logger: slog.New(slog.DiscardHandler), AWS: &aws.Config{
			Region: fakedynamo.DefaultRegion, Credentials: credentials.NewStaticCredentialsProvider("AKIATEST", "secret", ""),
		}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	var table leaseStore = s

	from := file("from.db")
	now := time.Date(2026, 11, 26, 10, 0, 0, 0, time.UTC)
	for i := range 250 {
		l := &sshforward.Lease{ID: fmt.Sprintf("lease%03d", i), State: sshforward.Open, Owner: "U1", RequestedAt: now, DueAt: now}
		if i%5 > 0 {
			l.State = sshforward.Closed
		}
		// Of two events of one instant the order is that of writing, and some come late.
		at := now.Add(-time.Duration(i%7) * time.Hour)
		if err := from.Put(t.Context(), l, sshforward.Event{At: at, Act: sshforward.ActOpen, Lease: l.ID},
			sshforward.Event{At: at, Act: sshforward.ActClosed, Lease: l.ID, Owner: "U1", Opened: at}); err != nil {
			t.Fatal(err)
		}
		l.Duration = time.Hour
		if err := from.Put(t.Context(), l); err != nil {
			t.Fatal(err)
		}
	}
	if err := from.SetSource(t.Context(), "U1", []netip.Prefix{netip.MustParsePrefix("203.0.113.7/32")}); err != nil {
		t.Fatal(err)
	}
	if err := from.SetRebuilt(t.Context(), "main"); err != nil {
		t.Fatal(err)
	}
	if err := from.SetHeld(t.Context(), &sshforward.Held{User: "U1", Leases: []string{"lease000"}}); err != nil {
		t.Fatal(err)
	}

	back := file("back.db")
	for _, move := range [][2]leaseStore{{from, table}, {table, back}} {
		if err := unused(t.Context(), move[1]); err != nil {
			t.Errorf("before: %v", err)
		}
		last, err := transfer(t.Context(), move[0], move[1])
		if err != nil {
			t.Fatal(err)
		}
		for e, err := range move[1].EventsAfter(t.Context(), last) {
			t.Errorf("after the last event there is %+v, %v", e, err)
		}
		if err := unused(t.Context(), move[1]); err == nil || !strings.Contains(err.Error(), "is not empty") {
			t.Errorf("afterwards: %v", err)
		}
	}
	same := []cmp.Option{
		cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{}),
		cmpopts.IgnoreFields(sshforward.Event{}, "Seq"), cmpopts.IgnoreFields(sshforward.Lease{}, "Revision"),
		cmpopts.IgnoreFields(sshforward.Held{}, "Revision"),
	}
	want := everything(t, from)
	if len(want.Events) != 500 || len(want.Leases) != 250 || len(want.Past) != 250 {
		t.Fatalf("there are %d events, %d of the past, and %d leases", len(want.Events), len(want.Past), len(want.Leases))
	}
	for name, s := range map[string]leaseStore{"the table": table, "the file": back} {
		if diff := cmp.Diff(want, everything(t, s), same...); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// all that a store says.
type all struct {
	ID      string
	Leases  map[string]*sshforward.Lease
	Others  []sshforward.Content
	Events  []sshforward.Event // in the order of writing
	Past    []sshforward.Event
	ByTimes []sshforward.Event
	Active  int
	Due     int
}

func everything(t *testing.T, s leaseStore) all {
	t.Helper()
	out := all{ID: s.ID(), Leases: make(map[string]*sshforward.Lease)}
	for c, err := range s.Contents(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if c.Lease != nil {
			out.Leases[c.Lease.ID] = c.Lease
		} else {
			out.Others = append(out.Others, c)
		}
	}
	for e, err := range s.EventsAfter(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		out.Events = append(out.Events, e)
	}
	for e, err := range s.Events(t.Context(), time.Time{}) {
		if err != nil {
			t.Fatal(err)
		}
		out.ByTimes = append(out.ByTimes, e)
	}
	var err error
	if out.Past, err = s.Past(t.Context(), "U1", time.Time{}, 1000); err != nil {
		t.Fatal(err)
	}
	slices.SortStableFunc(out.Past, func(a, b sshforward.Event) int { // which of two of one instant is the newer, nobody knows
		return cmpx.Or(b.At.Compare(a.At), strings.Compare(a.Lease, b.Lease))
	})
	active, err := s.Active(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	due, err := s.Due(t.Context(), time.Now(), 1000)
	if err != nil {
		t.Fatal(err)
	}
	out.Active, out.Due = len(active), len(due)
	return out
}

// Replicas that run on an empty table keep a backup out of it; those that are dead
// do not.
func TestRunning(t *testing.T) {
	t.Parallel()
	before := []sshforward.Member{{ID: "alive", Beat: 3}, {ID: "dead", Beat: 9}}
	now := []sshforward.Member{{ID: "alive", Beat: 4}, {ID: "dead", Beat: 9}, {ID: "new", Beat: 1}}
	if n := running(before, now); n != 2 {
		t.Errorf("%d run", n)
	}
}
