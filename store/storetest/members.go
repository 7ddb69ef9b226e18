package storetest

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sshforward/sshforward"
)

// memberClauses: which replicas there are.
var memberClauses = []clause{
	{"there are no members until one beats", func(b *bench) { b.wantMembers() }},
	{"members are as they were when they beat last, in the order of their ids", func(b *bench) {
		second := sshforward.Member{ID: "bbb", Beat: 1, At: start}
		first := sshforward.Member{ID: "aaa", Beat: 7, At: at(time.Hour), Leaving: true}
		b.beat(second)
		b.beat(first)
		b.wantMembers(first, second)
		second.Beat, second.At = 2, at(time.Minute)
		b.beat(second)
		b.wantMembers(first, second)
	}},
	{"what one handle beats the others read at once", func(b *bench) {
		for i := range b.rounds(20, 5) {
			m := sshforward.Member{ID: "aaa", Beat: uint64(i + 1), At: at(time.Duration(i))}
			if err := b.handle(i).Beat(b.Context(), m); err != nil {
				b.Fatal(err)
			}
			(&bench{T: b.T, Store: b.handle(i + 1)}).wantMembers(m)
		}
	}},
	{"a member without an id is refused", func(b *bench) {
		b.wantCode(b.Beat(b.Context(), sshforward.Member{Beat: 1}), sshforward.EINVALID)
	}},
	{"who has not beaten since is dismissed, and may come back", func(b *bench) {
		m, other := sshforward.Member{ID: "aaa", Beat: 3}, sshforward.Member{ID: "bbb", Beat: 1}
		b.beat(m)
		b.beat(other)
		stale := m
		stale.Beat = 2
		b.wantCode(b.Dismiss(b.Context(), stale), sshforward.ECONFLICT)
		b.wantMembers(m, other)
		for range 2 { // the second time it is gone already
			if err := b.Dismiss(b.Context(), m); err != nil {
				b.Fatal(err)
			}
			b.wantMembers(other)
		}
		b.beat(m)
		b.wantMembers(m, other)
	}},
	{"a member that beats while others dismiss it is not forgotten after it has beaten", func(b *bench) {
		for i := range b.rounds(20, 5) {
			old := sshforward.Member{ID: fmt.Sprintf("m%02d", i), Beat: 1}
			b.beat(old)
			var all sync.WaitGroup
			for n := range 4 {
				all.Go(func() {
					if err := b.handle(n).Dismiss(b.Context(), old); err != nil && sshforward.ErrorCode(err) != sshforward.ECONFLICT {
						b.Error(err)
					}
				})
			}
			now := old
			now.Beat = 2
			if err := b.handle(1).Beat(b.Context(), now); err != nil {
				b.Error(err)
			}
			all.Wait()
			members, err := b.Members(b.Context())
			if err != nil || !slices.ContainsFunc(members, func(m sshforward.Member) bool { return m.ID == now.ID && m.Beat == 2 }) {
				b.Fatalf("after beat 2 there are %+v, %v", members, err)
			}
		}
	}},
	{"a context that is over changes no member", func(b *bench) {
		m := sshforward.Member{ID: "aaa", Beat: 1}
		b.beat(m)
		if b.Beat(over(), sshforward.Member{ID: "aaa", Beat: 2}) == nil || b.Dismiss(over(), m) == nil {
			b.Fatal("it was done")
		}
		b.wantMembers(m)
	}},
}

// quotaClauses: what counts for a person's quota.
var quotaClauses = []clause{
	{"nothing is kept of a person at first", func(b *bench) { b.wantHeld(sshforward.Held{User: "U1"}) }},
	{"each write adds one to the revision, and people do not disturb each other", func(b *bench) {
		one, two := sshforward.Held{User: "U1"}, sshforward.Held{User: "U2", Leases: []string{"ccccccc"}}
		for n, leases := range [][]string{{"aaaaaaa"}, {"aaaaaaa", "bbbbbbb"}, nil} {
			one.Leases = leases
			b.setHeld(&one)
			if one.Revision != uint64(n+1) {
				b.Fatalf("revision %d after %d writes", one.Revision, n+1)
			}
			b.wantHeld(one)
		}
		b.setHeld(&two)
		b.wantHeld(one)
		b.wantHeld(two)
	}},
	{"a write with another revision is a conflict and writes nothing", func(b *bench) {
		h := sshforward.Held{User: "U1", Leases: []string{"aaaaaaa"}}
		b.setHeld(&h)
		for _, revision := range []uint64{0, 2, 7} {
			other := sshforward.Held{User: "U1", Revision: revision, Leases: []string{"bbbbbbb"}}
			b.wantCode(b.SetHeld(b.Context(), &other), sshforward.ECONFLICT)
			if other.Revision != revision {
				b.Fatalf("the refused write moved the revision to %d", other.Revision)
			}
		}
		b.wantHeld(h)
	}},
	{"a quota of nobody is refused", func(b *bench) {
		b.wantCode(b.SetHeld(b.Context(), &sshforward.Held{}), sshforward.EINVALID)
	}},
	{"of many who add a lease at once each is there in the end", func(b *bench) {
		const writers = 20
		var all sync.WaitGroup
		var want []string
		for i := range writers {
			id := fmt.Sprintf("lease%02d", i)
			want = append(want, id)
			all.Go(func() {
				for {
					s := b.handle(i)
					h, err := s.Held(b.Context(), "U1")
					if err != nil {
						b.Error(err)
						return
					}
					if slices.Contains(h.Leases, id) { // nobody could tell whether it was written
						return
					}
					h.Leases = append(h.Leases, id)
					err = s.SetHeld(b.Context(), &h)
					if code := sshforward.ErrorCode(err); code != "" && code != sshforward.ECONFLICT && code != sshforward.EUNAVAILABLE {
						b.Error(err)
						return
					}
				}
			})
		}
		all.Wait()
		h, err := b.Held(b.Context(), "U1")
		slices.Sort(h.Leases)
		if err != nil || !slices.Equal(h.Leases, want) || h.Revision != writers {
			b.Fatalf("after %d writes there is %+v, %v", writers, h, err)
		}
	}},
	{"a context that is over changes no quota", func(b *bench) {
		h := sshforward.Held{User: "U1", Leases: []string{"aaaaaaa"}}
		b.setHeld(&h)
		mine := h
		mine.Leases = nil
		if err := b.SetHeld(over(), &mine); err == nil || mine.Revision != h.Revision {
			b.Fatalf("SetHeld: %v, revision %d", err, mine.Revision)
		}
		b.wantHeld(h)
	}},
	{"members and quotas are as they were after reopening", func(b *bench) {
		if b.reopen == nil {
			b.Skip("this store has nothing to reopen")
		}
		m, h := sshforward.Member{ID: "aaa", Beat: 3, At: start}, sshforward.Held{
			User: "U1", Leases: []string{"aaaaaaa"}, Answered: []sshforward.Answered{{Envelope: "e1", By: "aaa"}},
		}
		b.beat(m)
		b.setHeld(&h)
		b.Store = b.reopen()
		b.wantMembers(m)
		b.wantHeld(h)
		b.setHeld(&h)
	}},
}

func (b *bench) beat(m sshforward.Member) {
	b.Helper()
	if err := b.Beat(b.Context(), m); err != nil {
		b.Fatalf("Beat(%s): %v", m.ID, err)
	}
}

func (b *bench) wantMembers(want ...sshforward.Member) {
	b.Helper()
	got, err := b.Members(b.Context())
	if err != nil {
		b.Fatalf("Members: %v", err)
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		b.Fatalf("members (-want +got):\n%s", diff)
	}
}

func (b *bench) setHeld(h *sshforward.Held) {
	b.Helper()
	if err := b.SetHeld(b.Context(), h); err != nil {
		b.Fatalf("SetHeld(%s): %v", h.User, err)
	}
}

func (b *bench) wantHeld(want sshforward.Held) {
	b.Helper()
	got, err := b.Held(b.Context(), want.User)
	if err != nil {
		b.Fatalf("Held: %v", err)
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		b.Fatalf("what counts for %s (-want +got):\n%s", want.User, diff)
	}
}
