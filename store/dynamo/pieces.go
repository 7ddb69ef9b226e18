package dynamo

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/netip"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/sshforward/sshforward"
)

var errNotEmpty = errors.New("the table is not empty")

// Pieces yields all that is kept, as the contract says.
func (s *Store) Pieces(ctx context.Context) iter.Seq2[sshforward.Piece, error] {
	return func(yield func(sshforward.Piece, error) bool) {
		if err := s.ready(ctx); err != nil {
			yield(sshforward.Piece{}, err)
			return
		}
		if !yield(sshforward.Piece{Store: s.id}, nil) {
			return
		}
		for _, part := range []struct {
			query query
			piece func(item) (sshforward.Piece, error)
		}{
			{query{pk: pkMeta, from: skRebuilt, to: skRebuilt + "~"}, rebuiltPiece}, {query{pk: pkSource}, sourcePiece},
			{query{pk: pkPerson}, heldPiece}, {query{pk: pkLease}, leasePiece},
		} {
			for it, err := range s.items(ctx, part.query) {
				var p sshforward.Piece
				if err == nil {
					p, err = part.piece(it)
				}
				if err != nil {
					yield(p, failed("read "+part.query.pk, err))
					return
				}
				if p != (sshforward.Piece{}) && !yield(p, nil) {
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

func rebuiltPiece(it item) (sshforward.Piece, error) {
	return sshforward.Piece{Rebuilt: strings.TrimPrefix(textOf(it, attrSK), skRebuilt)}, nil
}

func sourcePiece(it item) (sshforward.Piece, error) {
	source, err := docOf[[]netip.Prefix](it)
	if len(source) == 0 { // it was forgotten
		return sshforward.Piece{}, err
	}
	return sshforward.Piece{Source: &sshforward.SavedSource{User: textOf(it, attrSK), Source: source}}, err
}

func heldPiece(it item) (sshforward.Piece, error) {
	h, err := docOf[sshforward.Held](it)
	return sshforward.Piece{Held: &h}, err
}

func leasePiece(it item) (sshforward.Piece, error) {
	l, err := leaseOf(it)
	return sshforward.Piece{Lease: l}, err
}

// Load writes the pieces of another store, as the contract says. Until it has come
// to its end the table can be opened for that alone. Loading the same pieces once
// more writes none of them twice.
func (s *Store) Load(ctx context.Context, pieces iter.Seq2[sshforward.Piece, error]) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	if err := s.beginLoading(ctx); err != nil {
		return failed("look at the table", err)
	}
	l := loading{s: s}
	for p, err := range pieces {
		if err != nil {
			return err
		}
		if err := l.add(ctx, p); err != nil {
			return failed("load", err)
		}
	}
	err := l.flush(ctx, true)
	if err == nil {
		_, err = s.db.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: &s.table, Key: key(pkMeta, skLoading)})
	}
	if err == nil {
		s.id, err = s.identify(ctx)
	}
	if err != nil {
		return failed("load", err)
	}
	return nil
}

// beginLoading marks a table that is empty, or was being loaded before.
func (s *Store) beginLoading(ctx context.Context) error {
	it, err := s.get(ctx, pkMeta, skLoading)
	if err != nil || it != nil {
		return err
	}
	for _, q := range []query{
		{pk: pkLease}, {pk: pkSource}, {pk: pkPerson}, {pk: pkMeta, from: skFirst, to: skFirst},
		{pk: pkMeta, from: skRebuilt, to: skRebuilt + "~"},
	} {
		q.limit = 1
		for _, err := range s.items(ctx, q) {
			if err != nil {
				return err
			}
			return &sshforward.Error{
				Code: sshforward.ECONFLICT, Message: sshforward.Textf("There are records already."), Err: errNotEmpty,
			}
		}
	}
	it = key(pkMeta, skLoading)
	it[attrSince] = text(time.Now().UTC().Format(time.RFC3339))
	return s.put(ctx, it)
}

// loading collects what is written together.
type loading struct {
	s      *Store
	items  []item
	events []told
	n      int // of the events
}

func (l *loading) add(ctx context.Context, p sshforward.Piece) error {
	switch {
	case p.Store != "":
		it := key(pkMeta, skStore)
		it[attrID] = text(p.Store)
		l.items = append(l.items, it)
	case p.Rebuilt != "":
		it := key(pkMeta, skRebuilt+p.Rebuilt)
		it[attrSince] = text(time.Now().UTC().Format(time.RFC3339))
		l.items = append(l.items, it)
	case p.Source != nil:
		it, err := withDoc(key(pkSource, p.Source.User), p.Source.Source)
		if err != nil {
			return err
		}
		it[attrRev] = number(1)
		l.items = append(l.items, it)
	case p.Held != nil:
		it, err := withDoc(key(pkPerson, p.Held.User), p.Held)
		if err != nil {
			return err
		}
		it[attrRev] = number(p.Held.Revision)
		l.items = append(l.items, it)
	case p.Lease != nil:
		it, err := leaseItem(p.Lease)
		if err != nil {
			return err
		}
		l.items = append(l.items, it)
	case p.Event != nil:
		// The key says which one it is, so that it is the same when it comes again.
		told, err := encode(fmt.Sprintf("loaded%010d", l.n), []sshforward.Event{*p.Event})
		if err != nil {
			return err
		}
		l.n++
		l.events = append(l.events, told...)
	default:
		return fmt.Errorf("a piece of nothing that is known: %+v", p)
	}
	return l.flush(ctx, false)
}

func leaseItem(l *sshforward.Lease) (item, error) {
	it, err := withDoc(key(pkLease, l.ID), l)
	if err != nil {
		return nil, err
	}
	it[attrRev] = number(l.Revision)
	for name, v := range map[string]string{attrDue: dueKey(l), attrAct: activeKey(l), attrWorker: l.Worker} {
		if v != "" {
			it[name] = text(v)
		}
	}
	return it, nil
}

// flush writes what there is enough of, or all of it.
func (l *loading) flush(ctx context.Context, all bool) error {
	const itemsAtOnce = 25 // DynamoDB takes no more, in 16 MB
	for len(l.items) >= itemsAtOnce || all && len(l.items) > 0 {
		n := min(itemsAtOnce, len(l.items))
		if err := l.s.putAll(ctx, l.items[:n]); err != nil {
			return err
		}
		l.items = l.items[n:]
	}
	if len(l.events) >= entryEvents || all && len(l.events) > 0 {
		if err := l.s.teller.tell(ctx, l.events); err != nil {
			return err
		}
		l.events = nil
	}
	return nil
}
