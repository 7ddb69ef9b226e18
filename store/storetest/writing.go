package storetest

import (
	"context"
	"errors"
	"time"

	"github.com/sshforward/sshforward"
)

// writing: compare-and-swap, one writer at a time.
var writing = []clause{
	{"a lease that is put can be read", func(b *bench) {
		l := b.create("aaaaaaa")
		b.wantLease(l)
	}},
	{"each put adds one to the revision, of the caller's copy too", func(b *bench) {
		l := minimal("aaaaaaa")
		for want := uint64(1); want <= 3; want++ {
			b.put(l)
			if l.Revision != want || b.get(l.ID).Revision != want {
				b.Fatalf("revision %d here, %d stored, want %d", l.Revision, b.get(l.ID).Revision, want)
			}
		}
	}},
	{"a second lease with the same id is a conflict", func(b *bench) {
		first := b.create("aaaaaaa")
		b.wantConflict(minimal("aaaaaaa"), first)
	}},
	{"a put with a stale revision is a conflict and writes nothing", func(b *bench) {
		l := b.create("aaaaaaa", due(at(time.Hour)))
		stale := b.get(l.ID)
		l.Owner = "U2"
		b.put(l)

		stale.Owner, stale.State, stale.DueAt = "U3", sshforward.Closed, start
		b.wantConflict(stale, l)
		b.wantActive(l.ID)
		b.wantDue(start, 10)
	}},
	{"a put with a revision from the future is a conflict", func(b *bench) {
		l := b.create("aaaaaaa")
		ahead := b.get(l.ID)
		ahead.Revision += 5
		b.wantConflict(ahead, l)
	}},
	{"a put to a lease that was deleted is a conflict and does not bring it back", func(b *bench) {
		l := b.create("aaaaaaa")
		b.delete(l)
		b.wantCode(b.Put(b.Context(), l), sshforward.ECONFLICT)
		b.wantNoLease(l.ID)
		b.wantActive()
	}},
	{"an id can be used again after a delete", func(b *bench) {
		b.delete(b.create("aaaaaaa"))
		b.wantLease(b.create("aaaaaaa"))
	}},
	{"a put without an id is refused", func(b *bench) {
		b.wantCode(b.Put(b.Context(), minimal("")), sshforward.EINVALID)
	}},

	{"a delete removes the lease from everywhere", func(b *bench) {
		l := b.create("aaaaaaa", due(start))
		b.delete(l)
		b.wantNoLease(l.ID)
		b.wantActive()
		b.wantDue(at(time.Hour), 10)
	}},
	{"a delete with a stale revision is a conflict and removes nothing", func(b *bench) {
		l := b.create("aaaaaaa", due(start))
		b.put(l)
		b.wantCode(b.Delete(b.Context(), l.ID, l.Revision-1), sshforward.ECONFLICT)
		b.wantLease(l)
		b.wantActive(l.ID)
		b.wantDue(start, 10, l.ID)
	}},
	{"a delete of a lease that is not there is done already", func(b *bench) {
		for _, revision := range []uint64{0, 1, 7} {
			if err := b.Delete(b.Context(), "nothing", revision); err != nil {
				b.Fatal(err)
			}
		}
	}},

	{"a context that is over changes nothing", func(b *bench) {
		l := b.create("aaaaaaa")
		mine := b.get(l.ID)
		mine.Owner = "U2"
		if err := b.Put(over(), mine); !errors.Is(err, context.Canceled) {
			b.Fatalf("Put: %v, want one that wraps %v", err, context.Canceled)
		}
		if mine.Revision != l.Revision {
			b.Fatalf("revision moved to %d", mine.Revision)
		}
		if err := b.Delete(over(), l.ID, l.Revision); !errors.Is(err, context.Canceled) {
			b.Fatalf("Delete: %v, want one that wraps %v", err, context.Canceled)
		}
		b.wantLease(l)
	}},
}

// wantConflict puts mine, which must be refused, left alone, and leave the
// stored lease alone.
func (b *bench) wantConflict(mine, stored *sshforward.Lease) {
	b.Helper()
	before := mine.Clone()
	b.wantCode(b.Put(b.Context(), mine), sshforward.ECONFLICT)
	if diff := Diff(before, mine); diff != "" {
		b.Fatalf("the refused put changed the caller's lease:\n%s", diff)
	}
	b.wantLease(stored)
}
