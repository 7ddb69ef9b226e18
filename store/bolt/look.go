package bolt

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"
)

// lookFor is how long a file is looked at before it is opened.
const lookFor = 2 * time.Second

// look reads, without bbolt, what bbolt and the keeper cannot do without: the
// meta pages, the list of free pages, the indexes, every active lease and the
// leases named beside, and where the next event goes. bbolt checks little of
// what it reads; on some files it runs for ever, takes all memory, or panics in
// a goroutine of its own, which ends the process. It does not look at the rest,
// since a long history must not delay a start, and gives up in favour of the
// file when until has come.
//
// Only in a file without a list of free pages everything is read, however long
// that takes: bbolt itself reads all of it then, in that goroutine.
//
// Errors: one that wraps ErrDamaged.
func look(file *os.File, until time.Time, leases ...string) error {
	info, err := file.Stat()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	r, err := newPageReader(file, info.Size(), until)
	if err == nil {
		err = r.look(leases)
	}
	if errors.Is(err, errUndecided) {
		return nil
	}
	return err
}

func (r *pageReader) look(leases []string) error {
	if r.meta.freelist == noFreelist {
		r.until = time.Time{}
		buckets, err := r.buckets()
		if err != nil {
			return err
		}
		return r.everything(buckets)
	}
	if err := r.readFreelist(); err != nil {
		return err
	}
	buckets, err := r.buckets()
	if err != nil {
		return err
	}
	return r.essentials(buckets, leases)
}

func all(span) bool         { return true }
func rightmost(s span) bool { return s.hi == nil }

// oneOf wants where one of the keys, which are sorted, would be.
func oneOf(keys [][]byte) func(span) bool {
	return func(s span) bool {
		i, _ := slices.BinarySearchFunc(keys, s.lo, bytes.Compare)
		return i < len(keys) && (s.hi == nil || bytes.Compare(keys[i], s.hi) < 0)
	}
}

func ignore(entry) error { return nil }

// buckets returns the values of the buckets at the top, by name.
func (r *pageReader) buckets() (map[string][]byte, error) {
	found := make(map[string][]byte)
	err := r.walk(r.meta.root, span{}, all, func(e entry) error {
		if e.bucket {
			found[string(e.key)] = bytes.Clone(e.value)
		}
		return nil
	})
	return found, err
}

// essentials goes through what a start and every write need.
func (r *pageReader) essentials(buckets map[string][]byte, leases []string) error {
	var ids [][]byte
	for _, id := range leases {
		ids = append(ids, []byte(id))
	}
	for _, b := range []struct {
		name   []byte
		wanted func(span) bool
		each   func(entry) error
	}{
		{bucketMeta, all, ignore},
		{bucketDue, all, ignore},
		{bucketSources, all, ignore},
		{bucketActive, all, func(e entry) error {
			_, id, err := splitKey(e.key)
			ids = append(ids, bytes.Clone(id))
			return err
		}},
		{bucketEvents, rightmost, ignore},
		{bucketPast, rightmost, ignore},
		{bucketOrder, rightmost, ignore},
	} {
		if value, ok := buckets[string(b.name)]; ok { // that it is missing is for check to say
			if err := r.walkBucket(value, b.wanted, b.each); err != nil {
				return fmt.Errorf("bucket %s: %w", b.name, err)
			}
		}
	}
	slices.SortFunc(ids, bytes.Compare)
	if value, ok := buckets[string(bucketLeases)]; ok {
		if err := r.walkBucket(value, oneOf(ids), ignore); err != nil {
			return fmt.Errorf("bucket %s: %w", bucketLeases, err)
		}
	}
	return nil
}

// everything goes through every bucket, and those in it.
func (r *pageReader) everything(buckets map[string][]byte) error {
	for name, value := range buckets {
		inner := make(map[string][]byte)
		err := r.walkBucket(value, all, func(e entry) error {
			if e.bucket {
				inner[string(e.key)] = bytes.Clone(e.value)
			}
			return nil
		})
		if err == nil {
			err = r.everything(inner)
		}
		if err != nil {
			return fmt.Errorf("bucket %q: %w", name, err)
		}
	}
	return nil
}
