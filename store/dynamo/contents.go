package dynamo

import (
	"context"
	"fmt"
	"iter"
	"net/netip"
	"strings"

	"github.com/sshforward/sshforward"
)

var _ sshforward.Contents = (*Store)(nil)

// Contents yields what is kept, as the contract says.
func (s *Store) Contents(ctx context.Context) iter.Seq2[sshforward.Content, error] {
	return func(yield func(sshforward.Content, error) bool) {
		if err := s.ready(ctx); err != nil {
			yield(sshforward.Content{}, err)
			return
		}
		for _, kind := range []struct {
			query query
			read  func(item) (sshforward.Content, error)
		}{
			{query{pk: pkLease}, leaseContent},
			{query{pk: pkSource}, sourceContent},
			{query{pk: pkMeta, from: skRebuilt, to: skRebuilt + "\U0010ffff"}, rebuiltContent},
			{query{pk: pkPerson}, heldContent},
		} {
			for it, err := range s.items(ctx, kind.query) {
				var c sshforward.Content
				if err == nil {
					c, err = kind.read(it)
				}
				if err != nil {
					yield(sshforward.Content{}, failed("read contents", err))
					return
				}
				if !yield(c, nil) {
					return
				}
			}
		}
	}
}

func leaseContent(it item) (c sshforward.Content, err error) {
	c.Lease, err = leaseOf(it)
	return c, err
}

func sourceContent(it item) (c sshforward.Content, err error) {
	source, err := docOf[[]netip.Prefix](it)
	c.Saved = &sshforward.SavedSource{User: textOf(it, attrSK), Source: source}
	return c, err
}

func rebuiltContent(it item) (c sshforward.Content, err error) {
	c.Rebuilt = strings.TrimPrefix(textOf(it, attrSK), skRebuilt)
	return c, nil
}

func heldContent(it item) (c sshforward.Content, err error) {
	h, err := docOf[sshforward.Held](it)
	c.Held = &h
	return c, err
}

// Adopt takes the id of another store, as the contract says. Errors mean what
// they mean for [Store.Put].
func (s *Store) Adopt(ctx context.Context, id string) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	if id == "" {
		return fmt.Errorf("adopt: the id is empty")
	}
	it := key(pkMeta, skStore)
	it[attrID] = text(id)
	if err := s.put(ctx, it); err != nil {
		return failed("adopt", err)
	}
	s.id = id
	return nil
}
