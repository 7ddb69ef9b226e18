package bolt

import (
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"go.etcd.io/bbolt"
)

// version is the schema that this package writes. It reads all before it.
const version = 2

var (
	keyVersion   = []byte("version")
	keyUnordered = []byte("unordered")
)

// migrations has at n what makes schema n+2 of schema n+1, in the transaction
// that it is given. It must not take longer the more history there is.
var migrations = []func(*bbolt.Tx) error{order}

// order makes room for the index on the numbers of events. What was written
// before stays out of it: there may be millions.
func order(tx *bbolt.Tx) error {
	if _, err := tx.CreateBucket(bucketOrder); err != nil {
		return err
	}
	var last uint64
	for _, name := range [][]byte{bucketEvents, bucketPast} {
		b, err := tx.CreateBucketIfNotExists(name)
		if err != nil {
			return err
		}
		last = max(last, b.Sequence())
	}
	return tx.Bucket(bucketMeta).Put(keyUnordered, strconv.AppendUint(nil, last, 10))
}

// initialize makes the buckets of a new file: those of the first schema, and
// what came since.
func initialize(tx *bbolt.Tx) error {
	for _, name := range [][]byte{bucketMeta, bucketLeases, bucketDue, bucketActive, bucketSources, bucketEvents, bucketPast} {
		if _, err := tx.CreateBucket(name); err != nil {
			return err
		}
	}
	if err := setID(tx, rand.Text()); err != nil {
		return err
	}
	return migrate(tx, 1)
}

// migrate makes the schema of this package of an older one.
func migrate(tx *bbolt.Tx, from int) error {
	for _, step := range migrations[from-1:] {
		if err := step(tx); err != nil {
			return err
		}
	}
	return tx.Bucket(bucketMeta).Put(keyVersion, strconv.AppendInt(nil, version, 10))
}

// schemaOf returns the schema version of a file.
func schemaOf(path string, tx *bbolt.Tx) (int, error) {
	meta := tx.Bucket(bucketMeta)
	if meta == nil {
		if k, _ := tx.Cursor().First(); k != nil {
			return 0, refused(path, "belongs to another program; give the leases a file of their own")
		}
		return 0, fmt.Errorf("%w: no bucket %s", ErrDamaged, bucketMeta)
	}
	v := meta.Get(keyVersion)
	have, err := strconv.Atoi(string(v))
	switch {
	case err != nil || have < 1:
		return 0, fmt.Errorf("%w: version %.20q", ErrDamaged, v)
	case have > version:
		return 0, refused(path, fmt.Sprintf(
			"was written by a newer sshforward (store version %d, this one knows up to %d); run that version again", have, version))
	}
	return have, nil
}

// migrate brings the file to the schema of this package, in one transaction,
// after a copy was made beside it for whoever wants to go back. Where that fails,
// for lack of room most likely, the file is worked with as it is, since access
// has to end also then, and the next start tries again.
func (s *Store) migrate(log *slog.Logger) {
	if s.schema == version {
		return
	}
	kept := fmt.Sprintf("%s.schema-%d", s.path, s.schema)
	err := s.copyBeside(kept)
	if err == nil {
		err = guard(func() error { return s.db.Update(func(tx *bbolt.Tx) error { return migrate(tx, s.schema) }) })
	}
	if err != nil {
		log.Warn("the lease store stays as an older version wrote it; the next start tries again to bring it up to date",
			"file", s.path, "schema", s.schema, "err", err)
		return
	}
	log.Info("the lease store was brought up to date; an older version needs the copy", "file", s.path, "schema", version, "copy", kept)
	s.schema = version
}

// copyBeside copies the file to another name, in one step.
func (s *Store) copyBeside(dest string) (err error) {
	f, err := os.CreateTemp(filepath.Dir(dest), filepath.Base(dest)+".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	err = guard(func() error {
		return s.db.View(func(tx *bbolt.Tx) error { _, err := tx.WriteTo(f); return err })
	})
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), dest); err != nil {
		return err
	}
	return syncDir(filepath.Dir(dest))
}

// firstSeq is the least number of an event that a store gives which is opened at
// a time. It moves on by a million a second, so that numbers grow also where a
// backup was put back or a lost store begins anew, and stays below 2^53, which
// every reader of JSON can take, until the year 2242.
func firstSeq(opened time.Time) uint64 { return uint64(max(opened.Unix(), 0)) << 20 }
