package dynamo

import (
	"context"
	"sync"
	"time"

	"github.com/sshforward/sshforward"
)

// Store is a [sshforward.Store] in a DynamoDB table. Open makes one; it is safe
// for concurrent use, and there may be as many on one table as there are
// replicas.
type Store struct {
	*client
	id     string
	teller *teller

	ctx     context.Context // of the store, ends with Close
	end     context.CancelFunc
	closing sync.Once
}

var (
	_ sshforward.Store    = (*Store)(nil)
	_ sshforward.Portable = (*Store)(nil)
)

// closeWithin is how long Close waits for what is to be told. What is not waits in
// the table.
const closeWithin = 1500 * time.Millisecond

// ready refuses what is asked too late.
func (s *Store) ready(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return sshforward.GivenUp(err)
	}
	if s.ctx.Err() != nil {
		return failed("use the store", ErrClosed)
	}
	return nil
}

// Close tells what is left to tell, as far as that is possible soon, and ends the
// store. What is used afterwards fails with [ErrClosed].
func (s *Store) Close() error {
	s.closing.Do(func() {
		ctx, cancel := context.WithTimeout(s.ctx, closeWithin)
		defer cancel()
		if !s.teller.idle() {
			_ = s.teller.flush(ctx)
		}
		s.end()
		<-s.teller.ended
	})
	return nil
}

// ID is the store's own random id, made with the table and kept in it. What is
// signed for one store is not taken for another's.
func (s *Store) ID() string { return s.id }
