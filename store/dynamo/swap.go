package dynamo

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// keptWrites is how many write ids an item remembers: in i0 to i7, by revision.
const keptWrites = 8

// swap is a compare-and-swap on the revision of an item.
type swap struct {
	pk, sk   string
	revision uint64 // that the item has to have, 0 if it must not be there
	write    string // the id of this write, drawn for it
	conflict func(stored uint64) error
}

// do updates the item if its revision is still the given one.
//
// The SDK tries a write again whose answer it did not get. Where the first try was
// done, the second one finds the revision gone: by this write itself. So the item
// keeps who made its last revisions, and whoever is refused looks there. An error
// that is no conflict leaves open whether it was or will be done. It returns what was
// set, which is nothing where the answer was lost.
func (c swap) do(ctx context.Context, s *Store, u *update) (item, error) {
	mine := c.revision + 1
	u.set(attrRev, number(mine))
	u.set(slot(mine), text(c.write))
	var condition string
	if c.revision == 0 {
		condition = "attribute_not_exists(" + u.name(attrSK) + ")"
	} else {
		condition = u.name(attrRev) + " = " + u.value(number(c.revision))
	}
	d := s.doubtful()
	out, err := s.db.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &s.table, Key: key(c.pk, c.sk), UpdateExpression: u.expression(), ConditionExpression: &condition,
		ExpressionAttributeNames: u.names, ExpressionAttributeValues: u.values, ReturnValues: types.ReturnValueUpdatedNew,
	}, d.option)
	if err == nil {
		return out.Attributes, nil
	}
	if isCondition(err) {
		err = c.who(ctx, s, d.tries)
	}
	if err != nil {
		return nil, failed("write "+c.pk+" "+c.sk, err)
	}
	return nil, nil
}

// who finds out who made the revision that this write wanted to make. Where it
// was tried more than once it may have been this write, and where the item does
// not remember that any more, nobody knows.
func (c swap) who(ctx context.Context, s *Store, tries bool) error {
	mine := c.revision + 1
	it, err := s.get(ctx, c.pk, c.sk, attrSK, attrRev, slot(mine))
	if err != nil {
		return err
	}
	var stored uint64
	if it != nil {
		if stored, err = numberOf(it, attrRev); err != nil {
			return err
		}
	}
	remembered := stored >= mine && stored-mine < keptWrites
	switch {
	case remembered && textOf(it, slot(mine)) == c.write:
		return nil
	case remembered, !tries:
		return c.conflict(stored)
	}
	return fmt.Errorf("from revision %d, now %d: %w", c.revision, stored, errUnknown)
}
