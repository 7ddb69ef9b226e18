package dynamo

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

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
func (w swap) do(ctx context.Context, c *client, u *update) (item, error) {
	mine := w.revision + 1
	u.set(attrRev, number(mine))
	u.set(slot(mine), text(w.write))
	var condition string
	if w.revision == 0 {
		condition = "attribute_not_exists(" + u.name(attrSK) + ")"
	} else {
		condition = u.name(attrRev) + " = " + u.value(number(w.revision))
	}
	d := c.doubtful()
	out, err := c.db.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &c.table, Key: key(w.pk, w.sk), UpdateExpression: u.expression(), ConditionExpression: &condition,
		ExpressionAttributeNames: u.names, ExpressionAttributeValues: u.values, ReturnValues: types.ReturnValueUpdatedNew,
	}, d.option)
	if err == nil {
		return out.Attributes, nil
	}
	if isCondition(err) {
		err = w.who(ctx, c, d.tries)
	}
	if err != nil {
		return nil, failed("write "+w.pk+" "+w.sk, err)
	}
	return nil, nil
}

// who finds out who made the revision that this write wanted to make. Where the
// item does not remember that any more, nobody knows; nor where the revision is not
// there at all, after a delete say, and the write was tried more than once.
func (w swap) who(ctx context.Context, c *client, tries bool) error {
	mine := w.revision + 1
	it, err := c.get(ctx, w.pk, w.sk, attrSK, attrRev, slot(mine))
	if err != nil {
		return err
	}
	var stored uint64
	if it != nil {
		if stored, err = numberOf(it, attrRev); err != nil {
			return err
		}
	}
	switch {
	case stored >= mine && stored-mine >= keptWrites: // forgotten
	case stored >= mine && textOf(it, slot(mine)) == w.write:
		return nil
	case stored >= mine, !tries:
		return w.conflict(stored)
	}
	return fmt.Errorf("from revision %d, now %d: %w", w.revision, stored, errUnknown)
}
