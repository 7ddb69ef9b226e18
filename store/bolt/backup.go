package bolt

import (
	"context"
	"io"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"

	"github.com/sshforward/sshforward/internal/safe"

	"github.com/sshforward/sshforward"
)

// Backup writes a copy of the file, as it is at one moment, and returns its
// size in bytes. Writes go on meanwhile; but one that enlarges the file beyond
// what is mapped (see mapAhead) waits for the copy, and what is freed meanwhile
// is not used again, so w has to be something that does not wait for people: a
// file, and no connection.
//
// Errors: EUNAVAILABLE if w refuses or ctx ends; one that wraps [ErrClosed]
// after Close.
func (s *Store) Backup(ctx context.Context, w io.Writer) (int64, error) {
	if err := s.Cause(); err != nil {
		return 0, failed("back up", err)
	}
	to := &until{ctx: ctx, w: w}
	done := make(chan error, 1)
	var n int64
	end := s.watch.beginCopy(to)
	go func() {
		defer end()
		defer safe.Catch(func(err error) { done <- err })
		done <- guard(func() error {
			return s.db.View(func(tx *bbolt.Tx) (err error) {
				n, err = tx.WriteTo(to)
				return err
			})
		})
	}()
	select {
	case err := <-done:
		switch {
		case err != nil && ctx.Err() != nil:
			return n, sshforward.GivenUp(ctx.Err())
		case err != nil:
			s.doubt(err)
			return n, failed("back up", err)
		}
		return n, nil
	case <-s.watch.lost:
		return 0, failed("back up", s.Cause())
	case <-cut(ctx, commitGrace): // it ends with its next write, if there is one
		return 0, sshforward.GivenUp(ctx.Err())
	}
}

// cut returns a channel that is closed some time after ctx has ended.
func cut(ctx context.Context, grace time.Duration) <-chan struct{} {
	late := make(chan struct{})
	context.AfterFunc(ctx, func() { time.AfterFunc(grace, func() { close(late) }) })
	return late
}

// Size returns how many bytes a backup has. The file may be larger.
func (s *Store) Size(ctx context.Context) (int64, error) {
	return view(ctx, s, "read size", func(tx *bbolt.Tx) (int64, error) { return tx.Size(), nil })
}

// until is a writer that ends with a context, and shows that it gets on.
type until struct {
	ctx   context.Context
	w     io.Writer
	moved atomic.Bool
}

func (u *until) Write(p []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := u.w.Write(p)
	u.moved.Store(true)
	return n, err
}
