package storetest

import (
	"fmt"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sshforward/sshforward"
)

// pastClauses: what somebody had open before.
var pastClauses = []clause{
	{"a past is what an owner had open, the newest first", func(b *bench) {
		never := ended("U1", "never00", at(9))
		never.Opened = time.Time{}
		other := ended("U1", "other00", at(9))
		other.Act = sshforward.ActEnding
		b.append(ended("U1", "first00", at(1)), never, ended("U12", "theirs0", at(2)), other, ended("", "nobody0", at(2)))
		b.append(ended("U1", "third00", at(3)), ended("U0", "theirs1", at(3)))
		b.put(minimal("second0"), ended("U1", "second0", at(2)))
		b.wantPast("U1", time.Time{}, 10, "third00", "second0", "first00")
		b.wantPast("U12", time.Time{}, 10, "theirs0")
		b.wantPast("U", time.Time{}, 10)
		b.wantPast("U2", time.Time{}, 10)
	}},
	{"a past begins at since, included, and ends at the limit", func(b *bench) {
		for i := range 5 {
			b.append(ended("U1", fmt.Sprintf("lease%02d", i), at(time.Duration(i))))
		}
		b.wantPast("U1", at(3), 10, "lease04", "lease03")
		b.wantPast("U1", at(5), 10)
		b.wantPast("U1", time.Time{}, 2, "lease04", "lease03")
		b.wantPast("U1", time.Time{}, 0)
	}},
	{"of a lease that was closed twice the past has the last", func(b *bench) {
		b.append(ended("U1", "twice00", at(1)), ended("U1", "once000", at(2)), ended("U1", "twice00", at(3)))
		b.wantPast("U1", time.Time{}, 10, "twice00", "once000")
		b.wantPast("U1", time.Time{}, 2, "twice00", "once000")
	}},
	{"a past survives reopening", func(b *bench) {
		if b.reopen == nil {
			b.Skip("this store has nothing to reopen")
		}
		b.append(ended("U1", "first00", at(1)))
		b.Store = b.reopen()
		b.append(ended("U1", "second0", at(2)))
		b.wantPast("U1", time.Time{}, 10, "second0", "first00")
	}},
	{"an owner of any length has a past", func(b *bench) {
		long := fmt.Sprintf("%04000d", 7)
		b.append(ended(long, "aaaaaaa", start), ended(long+"x", "bbbbbbb", start))
		b.wantPast(long, time.Time{}, 10, "aaaaaaa")
	}},
}

// ended is the end of a lease that was open.
func ended(owner, id string, t time.Time) sshforward.Event {
	return sshforward.Event{
		At: t, Act: sshforward.ActClosed, Result: sshforward.ResultOK, Detail: id, Owner: owner, Lease: id, Opened: t.Add(-time.Hour),
	}
}

func (b *bench) wantPast(owner string, since time.Time, limit int, want ...string) {
	b.Helper()
	past, err := b.Past(b.Context(), owner, since, limit)
	if err != nil {
		b.Fatalf("Past: %v", err)
	}
	var got []string
	for _, e := range past {
		got = append(got, e.Lease)
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		b.Fatalf("past of %s (-want +got):\n%s", owner, diff)
	}
}
