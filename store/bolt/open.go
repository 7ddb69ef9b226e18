package bolt

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/internal/safe"
)

// fileMode: leases say who reaches what from where, which is for the bot alone.
const fileMode = 0o600

// Options are the settings of a store. The zero value is good.
type Options struct {
	// Timeout is how long to wait for another process to let go of the file,
	// for example the previous bot during a restart; zero is 500 ms.
	Timeout time.Duration

	// ReadOnly shares the file with other readers, refuses every write, and
	// makes no file. The bot cannot start meanwhile.
	ReadOnly bool

	// AsIs works with a file of an older schema without migrating it.
	AsIs bool

	Logger *slog.Logger // nil: slog.Default()

	watchEvery time.Duration // zero is watchEvery
	hungRounds int           // zero is hungRounds
}

// Open opens the store in the file at path, which is made, readable for its
// owner alone, if there is none. The folder must exist.
//
// Errors: EUNAVAILABLE if another process has the file; EINVALID if the path
// cannot be used, the file belongs to another program or was written by a newer
// version of this one; EFORBIDDEN if the permissions are missing; one that
// wraps [ErrDamaged] if the file is damaged.
func Open(path string, opts Options) (*Store, error) {
	if opts.Timeout <= 0 {
		opts.Timeout = 500 * time.Millisecond
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && opts.ReadOnly:
		return nil, refused(path, "does not exist")
	case errors.Is(err, fs.ErrNotExist):
		if err := create(path, opts); err != nil {
			return nil, openError(path, err)
		}
	case err != nil:
		return nil, openError(path, err)
	case !info.Mode().IsRegular():
		return nil, refused(path, "is not a file; store.bolt names the file itself, not its folder")
	case info.Size() == 0:
		// bbolt would take it for a new one. But this package puts no empty
		// file there, so what the file held is gone, and that must be said.
		return nil, openError(path, fmt.Errorf("%w: the file is empty", ErrDamaged))
	}

	db, file, err := openFile(path, opts)
	if err != nil {
		return nil, openError(path, err)
	}
	s := &Store{db: db, path: path, file: file, watch: newWatch(opts), first: firstSeq(time.Now())}
	if err := guard(func() error { return db.View(s.check) }); err != nil {
		return nil, openError(path, errors.Join(err, guard(db.Close)))
	}
	if !opts.ReadOnly && !opts.AsIs {
		s.migrate(cmp.Or(opts.Logger, slog.Default()))
	}
	if err := s.identify(opts.ReadOnly || opts.AsIs); err != nil {
		return nil, openError(path, errors.Join(err, guard(db.Close)))
	}
	if err := guard(func() error { return db.View(s.begin) }); err != nil {
		return nil, openError(path, errors.Join(err, guard(db.Close)))
	}
	s.writer = newWriter(s)
	if !opts.ReadOnly {
		go func() {
			defer safe.Catch(s.watch.give) // unwatched it is as good as lost
			s.watchOver()
		}()
	}
	return s, nil
}

// create makes a new store beside path and puts it there in one step, so that
// no crash leaves a half-made one, and of two processes that start together
// one finds the other's.
func create(path string, opts Options) error {
	dir := filepath.Dir(path)
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return refused(path, "cannot be made, because its folder does not exist; make it first, for example with: install -d -m 0700 "+dir)
	}
	tmp, err := os.CreateTemp(dir, filepath.Base(path)+".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	if err := tmp.Close(); err != nil {
		return err
	}
	db, _, err := openFile(tmp.Name(), Options{Timeout: opts.Timeout})
	if err != nil {
		return err
	}
	if err := errors.Join(db.Update(initialize), db.Close()); err != nil {
		return err
	}
	// Link refuses to replace a file, which Rename does not; but not every
	// file system has it.
	if err := os.Link(tmp.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		if err := os.Rename(tmp.Name(), path); err != nil {
			return err
		}
	}
	return syncDir(dir)
}

// openFile opens an existing file with bbolt, and returns bbolt's own handle
// too. When bbolt panics it leaves the file locked, which would keep this very
// process from opening it again; so the lock is given back here.
func openFile(path string, opts Options) (db *bbolt.DB, file *os.File, err error) {
	err = guard(func() (err error) {
		db, err = bbolt.Open(path, fileMode, &bbolt.Options{
			Timeout:  opts.Timeout,
			ReadOnly: opts.ReadOnly,
			// Retention frees many pages; bbolt's default list is slow then.
			FreelistType: bbolt.FreelistMapType,
			// A write that outgrows what is mapped waits for all readers, the
			// one that makes a backup among them, and the end of a lease must
			// not wait for that. What is mapped and not there costs nothing.
			InitialMmapSize: mapped(opts),
			OpenFile: func(name string, flag int, mode os.FileMode) (*os.File, error) {
				if name != path { // bbolt copies itself
					return os.OpenFile(name, flag, mode)
				}
				var err error
				if file, err = os.OpenFile(name, flag&^os.O_CREATE, mode); err != nil {
					return nil, err
				}
				if err := lockAndLook(file, opts); err != nil {
					err = errors.Join(err, file.Close())
					file = nil
					return nil, err
				}
				return file, nil
			},
		})
		return err
	})
	if errors.Is(err, ErrDamaged) && file != nil {
		unlock(file)
		file.Close()
	}
	if err != nil {
		return nil, nil, err
	}
	return db, file, nil
}

// lockAndLook takes the lock that bbolt takes next, since a file can only be
// looked at while nobody writes to it. Where locks are not of the kind that can
// be taken twice the file is not looked at.
func lockAndLook(file *os.File, opts Options) error {
	locked, err := lock(file, !opts.ReadOnly, opts.Timeout)
	if err != nil || !locked {
		return err
	}
	if info, err := file.Stat(); err != nil || info.Size() == 0 {
		return err // it is being made
	}
	return look(file, time.Now().Add(lookFor))
}

// mapped is how much of the file is mapped at once: more than it should ever
// have, where there are addresses enough.
func mapped(opts Options) int {
	if opts.ReadOnly || strconv.IntSize < 64 {
		return 0
	}
	return mapAhead
}

// begin notes what the store begins with.
func (s *Store) begin(tx *bbolt.Tx) error {
	info, err := s.file.Stat()
	if err != nil {
		return err
	}
	s.watch.size = info.Size()
	s.watch.committed.Store(uint64(tx.ID()))
	return nil
}

// check looks whether the file is a store of this version and whole as far as
// can be told quickly: it is as long as it says, all indexes can be walked, and
// every active lease can be read, and is kept. The closed leases and the audit
// record are not read, so that a long history does not slow the start.
func (s *Store) check(tx *bbolt.Tx) error {
	info, err := s.file.Stat()
	if err != nil {
		return err
	}
	if info.Size() < tx.Size() {
		return fmt.Errorf("%w: %d bytes of %d are there", ErrDamaged, info.Size(), tx.Size())
	}
	if s.schema, err = schemaOf(s.path, tx); err != nil {
		return err
	}
	for _, name := range [][]byte{bucketLeases, bucketDue, bucketActive, bucketSources} {
		b := tx.Bucket(name)
		if b == nil {
			return fmt.Errorf("%w: no bucket %s", ErrDamaged, name)
		}
		b.Cursor().First()
	}
	for _, name := range [][]byte{bucketEvents, bucketPast, bucketOrder} {
		if b := tx.Bucket(name); b != nil { // an older schema may not have it
			b.Cursor().Last()
		}
	}
	if err := walk(tx.Bucket(bucketDue), func([]byte) error { return nil }); err != nil {
		return err
	}
	return walk(tx.Bucket(bucketActive), func(id []byte) error {
		l, err := lease(tx, id)
		if sshforward.ErrorCode(err) == sshforward.ENOTFOUND {
			return fmt.Errorf("%w: active lease %s is missing", ErrDamaged, id)
		}
		if err == nil {
			s.kept.put(string(id), headerOf(l), bytes.Clone(tx.Bucket(bucketLeases).Get(id)))
		}
		return err
	})
}

// walk goes through an index. Keys out of order are damage, and could lead in
// a circle.
func walk(index *bbolt.Bucket, each func(id []byte) error) error {
	var last []byte
	c := index.Cursor()
	for k, _ := c.First(); k != nil; k, _ = c.Next() {
		_, id, err := splitKey(k)
		if err != nil {
			return err
		}
		if bytes.Compare(last, k) >= 0 {
			return fmt.Errorf("%w: index keys out of order", ErrDamaged)
		}
		last = append(last[:0], k...)
		if err := each(id); err != nil {
			return err
		}
	}
	return nil
}

// refused: the path is not one this program can work with.
func refused(path, why string) error {
	return &sshforward.Error{Code: sshforward.EINVALID, Message: sshforward.Textf("The lease store %s %s.", path, why)}
}

// openError gives an error of Open its code and its sentence.
func openError(path string, err error) error {
	if _, ok := errors.AsType[*sshforward.Error](err); ok {
		return err
	}
	e := &sshforward.Error{Code: sshforward.EUNAVAILABLE, Err: fmt.Errorf("open %s: %w", path, err)}
	errno, isErrno := errors.AsType[syscall.Errno](err)
	switch {
	case errors.Is(err, berrors.ErrTimeout):
		e.Message = sshforward.Textf("The lease store %s is in use by another process; only one sshforward can run on it.", path)
	case errors.Is(err, fs.ErrPermission):
		e.Code = sshforward.EFORBIDDEN
		e.Message = sshforward.Textf("The lease store %s cannot be opened: this user may not read and write it and its folder.", path)
	case isErrno:
		e.Message = sshforward.Textf("The lease store %s cannot be opened: %v.", path, errno)
	default:
		// What is neither the system's nor a lock is bbolt refusing the file.
		e.Code = sshforward.EINTERNAL
		e.Message = sshforward.Textf("The lease store %s is damaged; move it aside or put a backup in its place.", path)
		if !errors.Is(err, ErrDamaged) {
			e.Err = fmt.Errorf("open %s: %w: %w", path, ErrDamaged, err)
		}
	}
	return e
}
