package dynamo

import (
	"context"
	"iter"
	"log/slog"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go/middleware"
)

// client is one table, and how it is called.
type client struct {
	db      *dynamodb.Client
	table   string
	log     *slog.Logger
	retryer aws.RetryerV2
}

// doubt notes whether a write was tried again after a try that may have been
// done: then the answer to the last try says nothing of the first.
type doubt struct {
	aws.RetryerV2
	tries bool
}

// RetryDelay is called before each further try.
func (d *doubt) RetryDelay(attempt int, err error) (time.Duration, error) {
	d.tries = d.tries || mayBeDone(err)
	return d.RetryerV2.RetryDelay(attempt, err)
}

func (c *client) doubtful() *doubt { return &doubt{RetryerV2: c.retryer} }

func (d *doubt) option(o *dynamodb.Options) { o.Retryer = d }

// get reads one item, nil if it is not there.
func (c *client) get(ctx context.Context, pk, sk string, attrs ...string) (item, error) {
	in := &dynamodb.GetItemInput{TableName: &c.table, Key: key(pk, sk), ConsistentRead: aws.Bool(true)}
	if len(attrs) > 0 {
		var u update
		var list string
		for i, a := range attrs {
			if i > 0 {
				list += ", "
			}
			list += u.name(a)
		}
		in.ProjectionExpression, in.ExpressionAttributeNames = &list, u.names
	}
	out, err := c.db.GetItem(ctx, in)
	if err != nil {
		return nil, err
	}
	return out.Item, nil
}

// query is a consistent read of items of one partition, in the order of their
// sort keys.
type query struct {
	pk     string
	index  string // "" for the table itself
	from   string // the first sort key, "" for all
	to     string // the last one, only with from
	limit  int    // in one page, 0 for as many as there is room for
	newest bool   // backwards
}

// pages yields what a query finds, page by page: each is one call.
func (c *client) pages(ctx context.Context, q query) iter.Seq2[[]item, error] {
	sk := attrSK
	in := &dynamodb.QueryInput{TableName: &c.table, ConsistentRead: aws.Bool(true), ScanIndexForward: aws.Bool(!q.newest)}
	if q.index != "" {
		in.IndexName, sk = &q.index, q.index
	}
	if q.limit > 0 {
		in.Limit = aws.Int32(int32(q.limit))
	}
	var u update
	condition := u.name(attrPK) + " = " + u.value(text(q.pk))
	switch {
	case q.from != "" && q.to != "":
		condition += " AND " + u.name(sk) + " BETWEEN " + u.value(text(q.from)) + " AND " + u.value(text(q.to))
	case q.from != "":
		condition += " AND " + u.name(sk) + " >= " + u.value(text(q.from))
	case q.to != "":
		condition += " AND " + u.name(sk) + " <= " + u.value(text(q.to))
	}
	in.KeyConditionExpression, in.ExpressionAttributeNames, in.ExpressionAttributeValues = &condition, u.names, u.values
	return func(yield func([]item, error) bool) {
		in := *in
		for {
			out, err := c.db.Query(ctx, &in)
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(out.Items, nil) || len(out.LastEvaluatedKey) == 0 {
				return
			}
			in.ExclusiveStartKey = out.LastEvaluatedKey
		}
	}
}

// items yields what a query finds.
func (c *client) items(ctx context.Context, q query) iter.Seq2[item, error] {
	return func(yield func(item, error) bool) {
		for page, err := range c.pages(ctx, q) {
			if err != nil {
				yield(nil, err)
				return
			}
			for _, it := range page {
				if !yield(it, nil) {
					return
				}
			}
		}
	}
}

// getAll reads items of one partition by their sort keys. What is not there is
// not in the result, which is by sort key.
func (c *client) getAll(ctx context.Context, pk string, sks []string) (map[string]item, error) {
	const atOnce = 100 // DynamoDB takes no more
	found := make(map[string]item, len(sks))
	for len(sks) > 0 {
		var keys []item
		for _, sk := range sks[:min(atOnce, len(sks))] {
			keys = append(keys, key(pk, sk))
		}
		sks = sks[len(keys):]
		for wait := 50 * time.Millisecond; len(keys) > 0; wait = min(2*wait, time.Second) {
			out, err := c.db.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{
				RequestItems: map[string]types.KeysAndAttributes{c.table: {Keys: keys, ConsistentRead: aws.Bool(true)}},
			})
			if err != nil {
				return nil, err
			}
			for _, it := range out.Responses[c.table] {
				found[textOf(it, attrSK)] = it
			}
			// What is beyond 16 MB, or was throttled.
			if keys = out.UnprocessedKeys[c.table].Keys; len(keys) > 0 && len(out.Responses[c.table]) == 0 {
				select {
				case <-time.After(wait):
				case <-ctx.Done():
					return nil, ctx.Err()
				}
			}
		}
	}
	return found, nil
}

// putNew writes an item that is not there, and reports whether it was not.
func (c *client) putNew(ctx context.Context, it item) (isNew bool, err error) {
	_, err = c.db.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &c.table, Item: it, ConditionExpression: aws.String("attribute_not_exists(" + attrSK + ")"),
	})
	if isCondition(err) {
		return false, nil
	}
	return err == nil, err
}

func (c *client) put(ctx context.Context, it item) error {
	_, err := c.db.PutItem(ctx, &dynamodb.PutItemInput{TableName: &c.table, Item: it})
	return err
}

// countCalls reports each attempt: it sits inside the SDK's retry loop.
func countCalls(onCall func(service, operation, code string), onClock func(ahead time.Duration)) []func(*middleware.Stack) error {
	if onCall == nil && onClock == nil {
		return nil
	}
	count := middleware.FinalizeMiddlewareFunc("sshforward:CountCalls", func(
		ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler,
	) (middleware.FinalizeOutput, middleware.Metadata, error) {
		out, meta, err := next.HandleFinalize(ctx, in)
		if onCall != nil {
			code := ""
			if err != nil {
				code = outcome(err)
			}
			onCall("dynamodb", awsmiddleware.GetOperationName(ctx), code)
		}
		theirs, dated := awsmiddleware.GetServerTime(meta)
		if here, ok := awsmiddleware.GetResponseAt(meta); ok && dated && onClock != nil {
			onClock(theirs.Add(time.Second / 2).Sub(here)) // a Date has whole seconds, cut off
		}
		return out, meta, err
	})
	return []func(*middleware.Stack) error{func(s *middleware.Stack) error {
		return s.Finalize.Insert(count, "Retry", middleware.After)
	}}
}

// putAll writes items, whatever was there.
func (c *client) putAll(ctx context.Context, items []item) error {
	var writes []types.WriteRequest
	for _, it := range items {
		writes = append(writes, types.WriteRequest{PutRequest: &types.PutRequest{Item: it}})
	}
	left := map[string][]types.WriteRequest{c.table: writes}
	for wait := 50 * time.Millisecond; len(left[c.table]) > 0; wait = min(2*wait, time.Second) {
		out, err := c.db.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{RequestItems: left})
		if err != nil {
			return err
		}
		if left = out.UnprocessedItems; len(left[c.table]) > 0 { // throttled
			if err := pause(ctx, wait); err != nil {
				return err
			}
		}
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
