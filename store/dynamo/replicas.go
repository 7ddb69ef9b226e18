package dynamo

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/sshforward/sshforward"
)

// Beat writes the replica, as the contract says, unless a later beat of it is there:
// then a try of this one was held up on the way. Errors mean what they mean for
// [Store.Put], here and below.
func (s *Store) Beat(ctx context.Context, m sshforward.Replica) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	if err := checkKey("replica id", m.ID); err != nil {
		return err
	}
	doc, err := json.Marshal(m)
	if err != nil {
		return failed("encode replica", err)
	}
	it := key(pkReplica, m.ID)
	it[attrBeat], it[attrDoc] = number(m.Beat), blob(doc)
	var u update
	n := u.name(attrBeat)
	_, err = s.db.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &s.table, Item: it,
		ConditionExpression:      aws.String(fmt.Sprintf("attribute_not_exists(%s) OR %s <= %s", n, n, u.value(it[attrBeat]))),
		ExpressionAttributeNames: u.names, ExpressionAttributeValues: u.values,
	})
	if err != nil && !isCondition(err) {
		return failed("write replica", err)
	}
	return nil
}

// Replicas returns the replicas, as the contract says.
func (s *Store) Replicas(ctx context.Context) (all []sshforward.Replica, err error) {
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	for it, err := range s.items(ctx, query{pk: pkReplica}) {
		var m sshforward.Replica
		if err == nil {
			m, err = docOf[sshforward.Replica](it)
		}
		if err != nil {
			return nil, failed("read replicas", err)
		}
		all = append(all, m)
	}
	return all, nil
}

// Dismiss forgets a replica, as the contract says.
func (s *Store) Dismiss(ctx context.Context, m sshforward.Replica) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	if checkKey("replica id", m.ID) != nil {
		return nil
	}
	var u update
	condition := u.name(attrBeat) + " = " + u.value(number(m.Beat))
	_, err := s.db.DeleteItem(ctx, &dynamodb.DeleteItemInput{
		TableName: &s.table, Key: key(pkReplica, m.ID), ConditionExpression: &condition,
		ExpressionAttributeNames: u.names, ExpressionAttributeValues: u.values,
	})
	if err == nil {
		return nil
	}
	if !isCondition(err) {
		return failed("dismiss replica", err)
	}
	it, err := s.get(ctx, pkReplica, m.ID)
	if err != nil {
		return failed("read replica", err)
	}
	if it == nil {
		return nil
	}
	beat, err := numberOf(it, attrBeat)
	if err != nil {
		return failed("read replica", err)
	}
	// That it has beaten since is true, also where this has dismissed it before.
	return &sshforward.Error{
		Code:    sshforward.ECONFLICT,
		Message: sshforward.Textf("It has beaten since."),
		Err:     fmt.Errorf("replica %s: beat %d, stored is %d", m.ID, m.Beat, beat),
	}
}

// Held returns what counts for a person's quota, as the contract says.
func (s *Store) Held(ctx context.Context, user string) (h sshforward.Held, err error) {
	if err := s.ready(ctx); err != nil {
		return h, err
	}
	h.User = user
	if checkKey("user id", user) != nil {
		return h, nil
	}
	it, err := s.get(ctx, pkPerson, user)
	if err == nil && it != nil {
		h, err = docOf[sshforward.Held](it)
	}
	if err != nil {
		return h, failed("read quota", err)
	}
	h.User = user
	return h, nil
}

// SetHeld writes it by compare-and-swap, as the contract says.
func (s *Store) SetHeld(ctx context.Context, h *sshforward.Held) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	if err := checkKey("user id", h.User); err != nil {
		return err
	}
	next := *h
	next.Revision++
	doc, err := json.Marshal(next)
	if err == nil {
		doc, err = packed(doc)
	}
	if err != nil {
		return failed("encode quota", err)
	}
	var u update
	u.set(attrDoc, blob(doc))
	_, err = swap{
		pk: pkPerson, sk: h.User, revision: h.Revision, write: rand.Text(),
		conflict: func(stored uint64) error {
			return &sshforward.Error{
				Code:    sshforward.ECONFLICT,
				Message: sshforward.Textf("The quota was changed by someone else in the same moment."),
				Err:     fmt.Errorf("quota of %s: revision %d, stored is %d", h.User, h.Revision, stored),
			}
		},
	}.do(ctx, s.client, &u)
	if err != nil {
		return err
	}
	h.Revision = next.Revision
	return nil
}
