package bolt

import (
	"context"
	"io"

	"go.etcd.io/bbolt"
)

// Backup writes a copy of the file, as it is at one moment, and returns its
// size in bytes. Writes go on meanwhile; but one that enlarges the file beyond
// what is mapped (see mapAhead) waits for the copy, and what is freed meanwhile
// is not used again, so w has to be something that does not wait for people: a
// file, and no connection.
//
// Errors: EUNAVAILABLE if w refuses or ctx ends; one that wraps [ErrClosed]
// after Close.
func (s *Store) Backup(ctx context.Context, w io.Writer) (n int64, err error) {
	err = s.view(ctx, "back up", func(tx *bbolt.Tx) (err error) {
		n, err = tx.WriteTo(&until{ctx, w})
		return err
	})
	if ctx.Err() != nil && err != nil {
		err = givenUp(ctx.Err())
	}
	return n, err
}

// until is a writer that ends with a context.
type until struct {
	ctx context.Context
	w   io.Writer
}

func (u *until) Write(p []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.w.Write(p)
}
