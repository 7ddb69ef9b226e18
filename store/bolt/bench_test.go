package bolt

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/store/storetest"
)

// history makes a store with n closed leases that are kept for months, as big
// as real ones and bigger, and ten that are open.
func history(b *testing.B, n int) (path string) {
	b.Helper()
	path = filepath.Join(b.TempDir(), "leases.db")
	s := mustOpenBench(b, path)
	defer mustClose(b, s)
	l := storetest.Full(b)
	l.Revision = 1
	now := time.Now()
	for from := 0; from < n+10; from += 10_000 {
		err := s.db.Update(func(tx *bbolt.Tx) error {
			for i := from; i < min(from+10_000, n+10); i++ {
				l.ID = fmt.Sprintf("%07d", i)
				l.State, l.RequestedAt, l.DueAt = sshforward.Closed, now, now.Add(24*time.Hour)
				if i >= n {
					l.State = sshforward.Open
				}
				value, err := json.Marshal(l)
				if err != nil {
					return err
				}
				if _, err := put(tx, l.ID, 0, headerOf(l), value); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	return path
}

// mustOpenBench opens without the check of everything at the end.
func mustOpenBench(b *testing.B, path string) *Store {
	b.Helper()
	s, err := Open(path, Options{})
	if err != nil {
		b.Fatal(err)
	}
	return s
}

func BenchmarkPut(b *testing.B) {
	s := newStore(b)
	l := newLease("aaaaaaa")
	for b.Loop() {
		mustPut(b, s, l)
	}
}

func BenchmarkPutParallel(b *testing.B) {
	s := newStore(b)
	before := commits(b, s)
	var next atomic.Int64
	b.SetParallelism(50)
	b.RunParallel(func(pb *testing.PB) {
		l := newLease(fmt.Sprint("worker", next.Add(1)))
		for pb.Next() {
			mustPut(b, s, l)
		}
	})
	b.ReportMetric(float64(b.N)/float64(max(1, commits(b, s)-before)), "writes/commit")
}

func BenchmarkDueNothing(b *testing.B) {
	for _, kept := range []int{1_000, 100_000} {
		b.Run(fmt.Sprintf("kept=%d", kept), func(b *testing.B) {
			s := mustOpenBench(b, history(b, kept))
			defer mustClose(b, s)
			now := time.Now()
			for b.Loop() {
				if ids, err := s.Due(b.Context(), now, 100); err != nil || len(ids) > 0 {
					b.Fatal(ids, err)
				}
			}
		})
	}
}

func BenchmarkActive(b *testing.B) {
	for _, kept := range []int{1_000, 100_000} {
		b.Run(fmt.Sprintf("kept=%d", kept), func(b *testing.B) {
			s := mustOpenBench(b, history(b, kept))
			defer mustClose(b, s)
			for b.Loop() {
				if leases, err := s.Active(b.Context()); err != nil || len(leases) != 10 {
					b.Fatal(len(leases), err)
				}
			}
		})
	}
}

func BenchmarkOpen(b *testing.B) {
	path := history(b, 100_000)
	for b.Loop() {
		mustClose(b, mustOpenBench(b, path))
	}
}

// BenchmarkAuditRecord is what reading and writing the audit record costs behind so
// many events of a hundred people: the same for few and for many.
func BenchmarkAuditRecord(b *testing.B) {
	for _, n := range []int{1_000, 200_000} {
		path := filepath.Join(b.TempDir(), "leases.db")
		s := mustOpenBench(b, path)
		now := time.Now()
		for from := 0; from < n; from += 10_000 {
			var events []sshforward.Event
			for i := from; i < min(from+10_000, n); i++ {
				events = append(events, over(fmt.Sprint("U", i%100), fmt.Sprintf("%07d", i), now.Add(time.Duration(i-n)*time.Second)))
			}
			mustAppend(b, s, events...)
		}
		b.Run(fmt.Sprintf("past/events=%d", n), func(b *testing.B) {
			for b.Loop() {
				if past, err := s.Past(b.Context(), "U7", time.Time{}, 10); err != nil || len(past) != 10 {
					b.Fatal(len(past), err)
				}
			}
		})
		b.Run(fmt.Sprintf("since/events=%d", n), func(b *testing.B) {
			for b.Loop() {
				if leases, err := read(b.Context(), s, now.Add(-100*time.Second)); err != nil || len(leases) != 100 {
					b.Fatal(len(leases), err)
				}
			}
		})
		b.Run(fmt.Sprintf("append/events=%d", n), func(b *testing.B) {
			for b.Loop() {
				mustAppend(b, s, over("U7", "aaaaaaa", now))
			}
		})
		b.Run(fmt.Sprintf("open/events=%d", n), func(b *testing.B) {
			if err := s.Close(); err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				s = mustOpenBench(b, path)
				mustClose(b, s)
			}
		})
	}
}
