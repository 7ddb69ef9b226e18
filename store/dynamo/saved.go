package dynamo

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/netip"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

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
// writers wins. Errors mean what they mean for [Store.Put].
func (s *Store) SetSource(ctx context.Context, user string, source []netip.Prefix) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	if err := checkKey("user id", user); err != nil {
		return err
	}
	if len(source) == 0 {
		_, err := s.db.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: &s.table, Key: key(pkSource, user)})
		if err != nil {
			return failed("forget source", err)
		}
		return nil
	}
	doc, err := json.Marshal(source)
	if err != nil {
		return &sshforward.Error{
			Code:    sshforward.EINVALID,
			Message: sshforward.Textf("This source address cannot be saved."),
			Err:     fmt.Errorf("encode source of %s: %w", user, err),
		}
	}
	it := key(pkSource, user)
	it[attrDoc] = blob(doc)
	if err := s.put(ctx, it); err != nil {
		return failed("save source", err)
	}
	return nil
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

// identify reads the store's id, or gives it one.
func (s *Store) identify(ctx context.Context) error {
	for {
		it, err := s.get(ctx, pkMeta, skStore)
		if err != nil {
			return err
		}
		if s.id = textOf(it, attrID); s.id != "" {
			return nil
		}
		it = key(pkMeta, skStore)
		it[attrID] = text(rand.Text())
		if _, err := s.putNew(ctx, it); err != nil {
			return err
		}
	}
}

// ID is the store's own random id, made with the table and kept in it. What is
// signed for one store is not taken for another's.
func (s *Store) ID() string { return s.id }
