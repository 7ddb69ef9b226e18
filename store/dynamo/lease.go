package dynamo

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/sshforward/sshforward"
)

// Lease returns one lease, as the contract says.
func (s *Store) Lease(ctx context.Context, id string) (*sshforward.Lease, error) {
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	if checkKey("lease id", id) != nil {
		return nil, noLease(id)
	}
	it, err := s.get(ctx, pkLease, id, attrSK, attrDoc)
	if err != nil {
		return nil, failed("read lease", err)
	}
	if it == nil {
		return nil, noLease(id)
	}
	l, err := leaseOf(it)
	if err != nil {
		return nil, failed("read lease", err)
	}
	return l, nil
}

func leaseOf(it item) (*sshforward.Lease, error) {
	l, err := docOf[sshforward.Lease](it)
	if err != nil {
		return nil, err
	}
	return &l, nil
}

// Put writes a lease by compare-and-swap on its revision, as the contract says.
// The lease, its entries in the indexes and its events are one item, so they are
// there together or not at all. What a caller may conclude:
//
//   - nil: it is written, also if the answer to the first try was lost: the
//     lease remembers who made its last eight revisions.
//   - ECONFLICT or EINVALID: nothing was written.
//   - anything else: it may have been written, or may still be. Read the lease
//     again before deciding.
func (s *Store) Put(ctx context.Context, l *sshforward.Lease, events ...sshforward.Event) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	if err := checkKey("lease id", l.ID); err != nil {
		return err
	}
	next := *l
	next.Revision++
	write := rand.Text()
	doc, err := json.Marshal(&next)
	if err == nil {
		doc, err = packed(doc)
	}
	if err != nil {
		return &sshforward.Error{
			Code:    sshforward.EINVALID,
			Message: sshforward.Textf("This lease holds a value that cannot be saved."),
			Err:     fmt.Errorf("encode lease %s: %w", l.ID, err),
		}
	}
	told, err := encode(write, events)
	if err != nil {
		return err
	}

	var u update
	u.set(attrDoc, blob(doc))
	u.setOrRemove(attrWorker, next.Worker)
	u.setOrRemove(attrDue, dueKey(&next))
	u.setOrRemove(attrAct, activeKey(&next))
	t := tail{write: write, at: s.teller.stamp(), told: told}
	mark := sortable(t.at) + "/" + write
	if len(told) > 0 {
		value, err := t.encode()
		if err != nil {
			return failed("encode events", err)
		}
		u.setOnce(attrTell, text(mark))
		u.set(tailPrefix+write, blob(value))
	}
	is, err := swap{
		pk: pkLease, sk: l.ID, revision: l.Revision, write: write,
		conflict: func(stored uint64) error { return sshforward.RevisionConflict(l.ID, l.Revision, stored) },
	}.do(ctx, s.client, &u)
	if err != nil {
		return err
	}
	l.Revision = next.Revision
	if len(told) > 0 {
		s.teller.tellTail(untold{id: l.ID, revision: l.Revision, tails: []tail{t}, all: textOf(is, attrTell) == mark, mine: true})
	}
	return nil
}

// deleteTries is how often Delete tells what there is to tell. A lease that is
// changed meanwhile is a conflict; so the second time suffices.
const deleteTries = 5

// Delete removes a lease, as the contract says. What its writes have to tell is
// told first.
func (s *Store) Delete(ctx context.Context, id string, revision uint64) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	if checkKey("lease id", id) != nil {
		return nil
	}
	var u update
	condition := fmt.Sprintf("%s = %s AND attribute_not_exists(%s)", u.name(attrRev), u.value(number(revision)), u.name(attrTell))
	d := s.doubtful()
	for range deleteTries {
		_, err := s.db.DeleteItem(ctx, &dynamodb.DeleteItemInput{
			TableName: &s.table, Key: key(pkLease, id), ConditionExpression: &condition,
			ExpressionAttributeNames: u.names, ExpressionAttributeValues: u.values,
		}, d.option)
		switch {
		case err == nil:
			return nil
		case !isCondition(err):
			return failed("delete lease", err)
		}
		it, err := s.get(ctx, pkLease, id, attrSK, attrRev)
		if err != nil {
			return failed("read lease", err)
		}
		if it == nil {
			return nil
		}
		switch stored, err := numberOf(it, attrRev); {
		case err != nil:
			return failed("read lease", err)
		case stored < revision, stored > revision && d.tries: // it was, or may have been, deleted and made anew
			return failed("delete lease", fmt.Errorf("lease %s: %w", id, errUnknown))
		case stored != revision:
			return sshforward.RevisionConflict(id, revision, stored)
		}
		if _, err := s.teller.settle(ctx); err != nil {
			return err
		}
	}
	return failed("delete lease", fmt.Errorf("lease %s has always something to tell", id))
}

// dueKey and activeKey are the lease's keys in the indexes, "" for none.
func dueKey(l *sshforward.Lease) string {
	if l.DueAt.IsZero() {
		return ""
	}
	return sortable(l.DueAt) + "/" + l.ID
}

// The latter stays what it is as long as a lease is active: an entry that moved
// while the index is read might be missed.
func activeKey(l *sshforward.Lease) string {
	if l.State == sshforward.Closed {
		return ""
	}
	return l.ID
}

// Due returns the ids of leases that are due, as the contract says: one query of
// the index, which costs one read unit if nothing is.
func (s *Store) Due(ctx context.Context, now time.Time, limit int) ([]string, error) {
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	if limit <= 0 {
		return nil, nil
	}
	var ids []string
	// In ASCII, 0 comes after the slash in front of the id.
	for it, err := range s.items(ctx, query{pk: pkLease, index: attrDue, to: sortable(now) + "0", limit: limit}) {
		if err != nil {
			return nil, failed("read due leases", err)
		}
		if ids = append(ids, textOf(it, attrSK)); len(ids) == limit {
			break
		}
	}
	return ids, nil
}

// Active returns the leases that are not closed, as the contract says; requests
// of the same instant come in the order of their ids.
func (s *Store) Active(ctx context.Context) ([]*sshforward.Lease, error) {
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	var ids []string
	for it, err := range s.items(ctx, query{pk: pkLease, index: attrAct}) {
		if err != nil {
			return nil, failed("read active leases", err)
		}
		ids = append(ids, textOf(it, attrSK))
	}
	found, err := s.getAll(ctx, pkLease, ids)
	if err != nil {
		return nil, failed("read active leases", err)
	}
	var leases []*sshforward.Lease
	for _, it := range found {
		if it[attrAct] == nil {
			continue // closed since the index was read
		}
		l, err := leaseOf(it)
		if err != nil {
			return nil, failed("read active leases", err)
		}
		leases = append(leases, l)
	}
	slices.SortFunc(leases, func(a, b *sshforward.Lease) int {
		return cmp.Or(a.RequestedAt.Compare(b.RequestedAt), strings.Compare(a.ID, b.ID))
	})
	return leases, nil
}
