package dynamo

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/sshforward/sshforward"
)

// Source returns what the user saved, as the contract says.
func (s *Store) Source(ctx context.Context, user string) ([]netip.Prefix, error) {
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	if checkKey("user id", user) != nil {
		return nil, nil
	}
	it, err := s.get(ctx, pkSource, user)
	if err != nil {
		return nil, failed("read source", err)
	}
	if it == nil {
		return nil, nil
	}
	source, err := docOf[[]netip.Prefix](it)
	if err != nil {
		return nil, failed("read source", err)
	}
	return source, nil
}

// SetSource saves what the user gave, as the contract says. The last of several
// writers wins; it is a compare-and-swap all the same, so that a try that was held
// up on the way does not undo what was written since. Errors mean what they mean
// for [Store.Put].
func (s *Store) SetSource(ctx context.Context, user string, source []netip.Prefix) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	if err := checkKey("user id", user); err != nil {
		return err
	}
	if source == nil {
		source = []netip.Prefix{} // what was forgotten is there, and empty
	}
	doc, err := json.Marshal(source)
	if err != nil {
		return &sshforward.Error{
			Code:    sshforward.EINVALID,
			Message: sshforward.Textf("This source address cannot be saved."),
			Err:     fmt.Errorf("encode source of %s: %w", user, err),
		}
	}
	errMoved := errors.New("somebody was faster")
	for {
		it, err := s.get(ctx, pkSource, user, attrSK, attrRev)
		var revision uint64
		if err == nil && it != nil {
			revision, err = numberOf(it, attrRev)
		}
		if err != nil {
			return failed("save source", err)
		}
		var u update
		u.set(attrDoc, blob(doc))
		_, err = swap{
			pk: pkSource, sk: user, revision: revision, write: rand.Text(), conflict: func(uint64) error { return errMoved },
		}.do(ctx, s.client, &u)
		if !errors.Is(err, errMoved) {
			return err
		}
	}
}

// Rebuilt reports whether SetRebuilt was called for the account.
func (s *Store) Rebuilt(ctx context.Context, account string) (bool, error) {
	if err := s.ready(ctx); err != nil {
		return false, err
	}
	it, err := s.get(ctx, pkMeta, skRebuilt+account)
	if err != nil {
		return false, failed("read account", err)
	}
	return it != nil, nil
}

// SetRebuilt remembers the account, and since when. Errors mean what they mean
// for [Store.Put].
func (s *Store) SetRebuilt(ctx context.Context, account string) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	it := key(pkMeta, skRebuilt+account)
	it[attrSince] = text(time.Now().UTC().Format(time.RFC3339))
	if err := s.put(ctx, it); err != nil {
		return failed("save account", err)
	}
	return nil
}
