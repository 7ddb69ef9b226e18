package storetest

import (
	"errors"
	"fmt"
	"iter"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/internal/testenv"
)

// Moved is a store that can be moved into another one.
type Moved interface {
	Store
	sshforward.Portable
	ID() string
}

// RunMoves holds a store, which is filled, and another one, which is empty, to
// what is said of moving the one into the other.
func RunMoves(t *testing.T, from, to Moved) {
	b := &bench{T: t, Store: from}
	full := Full(t)
	full.Revision, full.State, full.DueAt, full.RequestedAt = 0, sshforward.Open, at(1), at(1)
	b.put(full, happened("first", at(2)))
	b.put(full, happened("second", at(1)))
	closed := b.create("aaaaaaa", state(sshforward.Closed), due(at(3)))
	b.append(ended("U1", closed.ID, at(4)), happened("never", time.Time{}))
	for i := range testenv.UnlessRaced(300, 30) {
		b.append(happened(fmt.Sprint(i), at(time.Duration(i%7))))
	}
	b.delete(b.create("ccccccc", due(at(1))))
	b.setSource("U1", netip.MustParsePrefix("203.0.113.7/32"))
	held := sshforward.Held{User: "U1", Leases: []string{full.ID}}
	b.setHeld(&held)
	b.setHeld(&held)
	if err := b.SetRebuilt(b.Context(), "main"); err != nil {
		t.Fatal(err)
	}
	b.beat(sshforward.Replica{ID: "aaa", Beat: 1})

	broken := errors.New("broken off")
	half := func(yield func(sshforward.Piece, error) bool) {
		for p, err := range from.Pieces(t.Context()) {
			if p.Event != nil {
				err = broken
			}
			if !yield(p, err) || err != nil {
				return
			}
		}
	}
	if err := from.Load(t.Context(), half); sshforward.ErrorCode(err) != sshforward.ECONFLICT {
		t.Fatalf("loaded into a store that is not empty: %v", err)
	}
	if err := to.Load(t.Context(), from.Pieces(t.Context())); err != nil {
		t.Fatalf("Load: %v", err)
	}
	if from.ID() == "" || to.ID() != from.ID() {
		t.Errorf("the id is %q, and was %q", to.ID(), from.ID())
	}
	if diff := cmp.Diff(pieces(t, from.Pieces(t.Context())), pieces(t, to.Pieces(t.Context())), piecesEqual...); diff != "" {
		t.Fatalf("pieces (-there +here):\n%s", diff)
	}
	if diff := cmp.Diff(b.events(time.Time{}), (&bench{T: t, Store: to}).events(time.Time{}), piecesEqual...); diff != "" {
		t.Fatalf("events by time (-there +here):\n%s", diff)
	}

	b = &bench{T: t, Store: to}
	b.wantLease(full)
	b.wantActive(full.ID)
	b.wantDue(at(3), 10, full.ID, closed.ID)
	b.wantSource("U1", netip.MustParsePrefix("203.0.113.7/32"))
	b.wantHeld(held)
	b.wantPast("U1", time.Time{}, 10, closed.ID)
	b.wantReplicas()
	if rebuilt, err := b.Rebuilt(b.Context(), "main"); err != nil || !rebuilt {
		t.Errorf("rebuilt: %t, %v", rebuilt, err)
	}
	last := b.after(0)
	b.put(full, happened("later", at(9)))
	b.setHeld(&held)
	b.wantAfter(last[len(last)-1].Seq, "later")
	if err := to.Load(t.Context(), from.Pieces(t.Context())); sshforward.ErrorCode(err) != sshforward.ECONFLICT {
		t.Fatalf("loaded twice: %v", err)
	}
}

var piecesEqual = []cmp.Option{
	cmpopts.EquateEmpty(), cmpopts.IgnoreFields(sshforward.Event{}, "Seq"),
	cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
	cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
}

// pieces are all, those that are no events sorted.
func pieces(t *testing.T, from iter.Seq2[sshforward.Piece, error]) (all []sshforward.Piece) {
	t.Helper()
	for p, err := range from {
		if err != nil {
			t.Fatalf("Pieces: %v", err)
		}
		all = append(all, p)
	}
	first := slices.IndexFunc(all, func(p sshforward.Piece) bool { return p.Event != nil })
	slices.SortStableFunc(all[:first], func(a, b sshforward.Piece) int { return slices.Compare(ids(a), ids(b)) })
	return all
}

func ids(p sshforward.Piece) []string {
	s := []string{p.Store, p.Rebuilt, "", "", ""}
	if p.Lease != nil {
		s[2] = p.Lease.ID
	}
	if p.Held != nil {
		s[3] = p.Held.User
	}
	if p.Source != nil {
		s[4] = p.Source.User
	}
	return s
}
