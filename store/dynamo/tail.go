package dynamo

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/sshforward/sshforward"
)

// told is an event on its way into the audit record. Its key derives from the
// write that it belongs to: telling it twice is one event.
type told struct {
	Key   string          `json:"key"`
	Event json.RawMessage `json:"event"`

	event sshforward.Event // decoded
}

func encode(write string, events []sshforward.Event) ([]told, error) {
	all := make([]told, 0, len(events))
	for i, e := range events {
		doc, err := json.Marshal(e)
		if err == nil && len(doc) > maxEvent {
			err = fmt.Errorf("it has %d bytes", len(doc))
		}
		if err != nil {
			return nil, &sshforward.Error{
				Code:    sshforward.EINVALID,
				Message: sshforward.Textf("This event holds a value that cannot be saved."),
				Err:     fmt.Errorf("encode event %s of lease %s: %w", e.Act, e.Lease, err),
			}
		}
		all = append(all, told{Key: write + "/" + fmt.Sprintf("%04d", i), Event: doc, event: e})
	}
	return all, nil
}

func decode(all []told) error {
	for i := range all {
		if err := json.Unmarshal(all[i].Event, &all[i].event); err != nil {
			return fmt.Errorf("%w: event %s: %w", errDamaged, all[i].Key, err)
		}
	}
	return nil
}

// tail is what a write of a lease has to tell: it waits in the lease's item.
type tail struct {
	write string
	at    time.Time // strictly later than the one before of the same process
	told  []told
}

// storedTail is a tail as it is in the item, under the id of the write.
type storedTail struct {
	At   time.Time `json:"at"`
	Told []told    `json:"told"`
}

func (t tail) encode() ([]byte, error) {
	b, err := json.Marshal(storedTail{t.at, t.told})
	if err != nil {
		return nil, err
	}
	return packed(b)
}

// untold is a lease that has something to tell.
type untold struct {
	id       string
	revision uint64
	tails    []tail // none if only the mark was left
	all      bool   // it had no other tails at that revision
	mine     bool   // that revision was written here, with that tail
}

func untoldOf(it item) (untold, error) {
	l := untold{id: textOf(it, attrSK), all: true}
	var err error
	if l.revision, err = numberOf(it, attrRev); err != nil {
		return l, err
	}
	for name := range it {
		write, ok := strings.CutPrefix(name, tailPrefix)
		if !ok {
			continue
		}
		b, err := unpack(blobOf(it, name))
		if err != nil {
			return l, fmt.Errorf("lease %s: %w", l.id, err)
		}
		var s storedTail
		if err := json.Unmarshal(b, &s); err != nil {
			return l, fmt.Errorf("%w: tail of lease %s: %w", errDamaged, l.id, err)
		}
		if err := decode(s.Told); err != nil {
			return l, fmt.Errorf("lease %s: %w", l.id, err)
		}
		l.tails = append(l.tails, tail{write, s.At, s.Told})
	}
	slices.SortStableFunc(l.tails, inOrder)
	return l, nil
}

func inOrder(a, b tail) int { return cmp.Or(a.at.Compare(b.at), strings.Compare(a.write, b.write)) }

// untold returns the leases that have something to tell.
func (c *client) untold(ctx context.Context) ([]untold, error) {
	var ids []string
	for it, err := range c.items(ctx, query{pk: pkLease, index: attrTell}) {
		if err != nil {
			return nil, err
		}
		ids = append(ids, textOf(it, attrSK))
	}
	found, err := c.getAll(ctx, pkLease, ids)
	if err != nil {
		return nil, err
	}
	var all []untold
	for _, it := range found {
		if it[attrTell] == nil {
			continue
		}
		l, err := untoldOf(it)
		if err != nil {
			return nil, err
		}
		all = append(all, l)
	}
	return all, nil
}

// drop removes from a lease what was told, and the mark that there is something
// to tell if that was all. Where that is not certain the mark stays, perhaps with
// nothing to tell, until somebody looks.
func (c *client) drop(ctx context.Context, l untold) error {
	if l.all {
		u := removal(l.tails)
		u.remove(attrTell)
		err := c.dropIf(ctx, l.id, u, u.name(attrRev)+" = "+u.value(number(l.revision)))
		if !isCondition(err) {
			return err
		}
	}
	if len(l.tails) == 0 {
		return nil
	}
	u := removal(l.tails)
	err := c.dropIf(ctx, l.id, u, "attribute_exists("+u.name(attrSK)+")")
	if isCondition(err) { // it is deleted
		return nil
	}
	return err
}

func removal(tails []tail) *update {
	var u update
	names := make(map[string]bool)
	for _, t := range tails {
		names[tailPrefix+t.write] = true
	}
	for name := range names {
		u.remove(name)
	}
	return &u
}

func (c *client) dropIf(ctx context.Context, id string, u *update, condition string) error {
	_, err := c.db.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &c.table, Key: key(pkLease, id), UpdateExpression: u.expression(), ConditionExpression: aws.String(condition),
		ExpressionAttributeNames: u.names, ExpressionAttributeValues: u.values,
	})
	return err
}

// stamps gives times that are strictly later each time, whatever the clock does.
type stamps struct {
	mu   sync.Mutex
	last time.Time
}

func (s *stamps) next() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now().UTC().Round(0)
	if !now.After(s.last) {
		now = s.last.Add(1)
	}
	s.last = now
	return now
}
