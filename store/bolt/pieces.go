package bolt

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/netip"
	"strings"

	"go.etcd.io/bbolt"

	"github.com/sshforward/sshforward"
)

var _ sshforward.Portable = (*Store)(nil)

// piecesAtOnce is how many pieces are read or written in one transaction.
const piecesAtOnce = 500

// errNotEmpty: pieces are loaded into a store that has some already.
var errNotEmpty = errors.New("the store is not empty")

// Pieces yields all that is kept, as the contract says. It reads some hundred at a
// time and holds nothing in between.
func (s *Store) Pieces(ctx context.Context) iter.Seq2[sshforward.Piece, error] {
	return func(yield func(sshforward.Piece, error) bool) {
		if !yield(sshforward.Piece{Store: s.id}, nil) {
			return
		}
		for _, part := range []struct {
			bucket []byte
			piece  func(k, v []byte) (sshforward.Piece, bool, error)
		}{
			{bucketMeta, rebuiltPiece}, {bucketSources, sourcePiece}, {bucketHeld, heldPiece}, {bucketLeases, leasePiece},
		} {
			for p, err := range s.pieces(ctx, part.bucket, part.piece) {
				if !yield(p, err) || err != nil {
					return
				}
			}
		}
		for e, err := range s.EventsAfter(ctx, 0) {
			if !yield(sshforward.Piece{Event: &e}, err) || err != nil {
				return
			}
		}
	}
}

func rebuiltPiece(k, _ []byte) (sshforward.Piece, bool, error) {
	account, ok := strings.CutPrefix(string(k), string(rebuiltKey("")))
	return sshforward.Piece{Rebuilt: account}, ok, nil
}

func sourcePiece(k, v []byte) (sshforward.Piece, bool, error) {
	source, err := decode[[]netip.Prefix](v, "source", string(k))
	return sshforward.Piece{Source: &sshforward.SavedSource{User: string(k), Source: source}}, true, err
}

func heldPiece(k, v []byte) (sshforward.Piece, bool, error) {
	h, err := decode[sshforward.Held](v, "quota", string(k))
	return sshforward.Piece{Held: &h}, true, err
}

func leasePiece(k, v []byte) (sshforward.Piece, bool, error) {
	l, err := decode[sshforward.Lease](v, "lease", string(k))
	return sshforward.Piece{Lease: &l}, true, err
}

// pieces yields what is in a bucket.
func (s *Store) pieces(
	ctx context.Context, bucket []byte, piece func(k, v []byte) (sshforward.Piece, bool, error),
) iter.Seq2[sshforward.Piece, error] {
	type page struct {
		pieces []sshforward.Piece
		next   []byte
	}
	return func(yield func(sshforward.Piece, error) bool) {
		for from := []byte{}; from != nil; {
			p, err := view(ctx, s, "read "+string(bucket), func(tx *bbolt.Tx) (p page, err error) {
				b := tx.Bucket(bucket)
				if b == nil {
					return p, nil
				}
				c := b.Cursor()
				for k, v := c.Seek(from); k != nil; k, v = c.Next() {
					if len(p.pieces) == piecesAtOnce {
						p.next = bytes.Clone(k)
						return p, nil
					}
					one, ok, err := piece(k, v)
					if err != nil {
						return p, err
					}
					if ok {
						p.pieces = append(p.pieces, one)
					}
				}
				return p, nil
			})
			s.doubt(err)
			for _, one := range p.pieces {
				if !yield(one, nil) {
					return
				}
			}
			if err != nil {
				yield(sshforward.Piece{}, err)
				return
			}
			from = p.next
		}
	}
}

// Load writes the pieces of another store, as the contract says. It is for a new
// file that is thrown away if this fails: what is in it then is not gone on with.
func (s *Store) Load(ctx context.Context, pieces iter.Seq2[sshforward.Piece, error]) error {
	if empty, err := s.empty(ctx); err != nil {
		return err
	} else if !empty {
		return &sshforward.Error{
			Code: sshforward.ECONFLICT, Message: sshforward.Textf("There are records already."), Err: errNotEmpty,
		}
	}
	var some []sshforward.Piece
	flush := func() error {
		batch := some
		some = nil
		return s.writer.do(ctx, write{
			apply: func(tx *bbolt.Tx) (bool, error) {
				for _, p := range batch {
					if err := s.loadOne(tx, p); err != nil {
						return true, err
					}
				}
				return true, nil
			},
			then: func() {
				for _, p := range batch {
					if p.Store != "" {
						s.id = p.Store
					}
					if p.Lease != nil {
						value, _ := json.Marshal(p.Lease) // it has been done before
						s.kept.put(p.Lease.ID, headerOf(p.Lease), value)
					}
				}
			},
		})
	}
	for p, err := range pieces {
		if err != nil {
			return err
		}
		if some = append(some, p); len(some) == piecesAtOnce {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

func (s *Store) empty(ctx context.Context) (bool, error) {
	return view(ctx, s, "look", func(tx *bbolt.Tx) (bool, error) {
		for _, name := range [][]byte{bucketLeases, bucketSources, bucketHeld, bucketEvents} {
			if b := tx.Bucket(name); b != nil {
				if k, _ := b.Cursor().First(); k != nil {
					return false, nil
				}
			}
		}
		return true, nil
	})
}

func (s *Store) loadOne(tx *bbolt.Tx, p sshforward.Piece) error {
	switch {
	case p.Store != "":
		return setID(tx, p.Store)
	case p.Lease != nil:
		value, err := json.Marshal(p.Lease)
		if err != nil {
			return err
		}
		_, err = put(tx, p.Lease.ID, 0, headerOf(p.Lease), value)
		return err
	case p.Event != nil:
		records, err := encode([]sshforward.Event{*p.Event})
		if err != nil {
			return err
		}
		return add(tx, s.first, records)
	case p.Held != nil:
		return set(tx, bucketHeld, p.Held.User, p.Held)
	case p.Source != nil:
		return set(tx, bucketSources, p.Source.User, p.Source.Source)
	case p.Rebuilt != "":
		return tx.Bucket(bucketMeta).Put(rebuiltKey(p.Rebuilt), []byte("loaded"))
	}
	return fmt.Errorf("a piece of nothing that is known: %+v", p)
}
