package fakedynamo

import (
	"cmp"
	"slices"
	"strings"
)

// expressions are what the expressions of a request refer to.
type expressions struct {
	ExpressionAttributeNames  map[string]string
	ExpressionAttributeValues map[string]value
}

// names also refuses maps that are there and empty.
func (x expressions) names() (*names, *apiError) {
	if x.ExpressionAttributeNames != nil && len(x.ExpressionAttributeNames) == 0 {
		return nil, invalid("ExpressionAttributeNames must not be empty")
	}
	if x.ExpressionAttributeValues != nil && len(x.ExpressionAttributeValues) == 0 {
		return nil, invalid("ExpressionAttributeValues must not be empty")
	}
	return &names{attributes: x.ExpressionAttributeNames, values: x.ExpressionAttributeValues, used: map[string]bool{}}, nil
}

// check refuses what no expression uses, and names and values without any.
func (x expressions) check(n *names, given ...*string) *apiError {
	without := !slices.ContainsFunc(given, func(e *string) bool { return e != nil })
	if without && len(x.ExpressionAttributeNames) > 0 {
		return invalid("ExpressionAttributeNames can only be specified when using expressions")
	}
	if without && len(x.ExpressionAttributeValues) > 0 {
		return invalid("ExpressionAttributeValues can only be specified when using expressions")
	}
	unused := func(what string, keys []string) *apiError {
		keys = slices.DeleteFunc(keys, func(k string) bool { return n.used[k] })
		if len(keys) == 0 {
			return nil
		}
		return invalid("Value provided in %s unused in expressions: keys: {%s}", what, strings.Join(keys, ", "))
	}
	return cmp.Or(unused("ExpressionAttributeNames", sortedKeys(x.ExpressionAttributeNames)),
		unused("ExpressionAttributeValues", sortedKeys(x.ExpressionAttributeValues)))
}

type getInput struct {
	TableName                string
	Key                      item
	ConsistentRead           bool
	ProjectionExpression     *string
	ExpressionAttributeNames map[string]string
	ReturnConsumedCapacity   string
}

type getOutput struct {
	Item             item      `json:",omitempty"`
	ConsumedCapacity *capacity `json:",omitempty"`
}

func (rq *request) getItem(in getInput) (any, *apiError) {
	pr, e := rq.projection(in.ProjectionExpression, in.ExpressionAttributeNames)
	if e != nil {
		return nil, e
	}
	t, e := rq.table(in.TableName)
	if e != nil {
		return nil, e
	}
	it, e := rq.read(t, in.Key, in.ConsistentRead)
	if e != nil {
		return nil, e
	}
	out := getOutput{ConsumedCapacity: rq.reads(in.TableName, in.ReturnConsumedCapacity, "", it.size(), in.ConsistentRead)}
	if it != nil {
		out.Item = pr.of(it)
	}
	return out, nil
}

// projection reads the only expression of a request.
func (rq *request) projection(src *string, attributes map[string]string) (projection, *apiError) {
	x := expressions{ExpressionAttributeNames: attributes}
	n, e := x.names()
	if e != nil {
		return nil, e
	}
	pr, e := parse("ProjectionExpression", src, n, (*parser).projection)
	if e != nil {
		return nil, e
	}
	return pr, x.check(n, src)
}

// read returns an item: as it is, or without ConsistentRead as it was a moment ago.
func (rq *request) read(t *table, key item, consistent bool) (item, *apiError) {
	if e := t.checkKey(key); e != nil {
		return nil, e
	}
	if consistent {
		return t.get(key), nil
	}
	id := identity(key[t.hash])
	past := table{schema: t.schema, types: t.types, indexes: t.indexes, parts: map[string]*part{id: t.asOf(id, rq.then(false, false))}}
	return past.get(key), nil
}

// write is what PutItem, UpdateItem and DeleteItem have in common.
type write struct {
	TableName                           string
	ConditionExpression                 *string
	ReturnValues                        string
	ReturnValuesOnConditionCheckFailure string
	ReturnConsumedCapacity              string
	ReturnItemCollectionMetrics         string
	expressions
}

type putInput struct {
	write
	Item item
}

type deleteInput struct {
	write
	Key item
}

type updateInput struct {
	write
	Key              item
	UpdateExpression *string
}

type writeOutput struct {
	Attributes       item      `json:",omitempty"`
	ConsumedCapacity *capacity `json:",omitempty"`
}

// replace writes an item if the condition of the write holds for what is there.
func (rq *request) replace(w write, t *table, c condition, before, after item) (*capacity, *apiError) {
	if c != nil && !c.holds(before) {
		e := &apiError{code: "ConditionalCheckFailedException", message: "The conditional request failed"}
		if w.ReturnValuesOnConditionCheckFailure == "ALL_OLD" {
			e.item = before
		}
		return nil, e
	}
	if before != nil || after != nil {
		t.set(before, after, rq.now)
	}
	return rq.writes(w, t, before, after), nil
}

func (rq *request) putItem(in putInput) (any, *apiError) {
	w, e := rq.whole(in.write)
	if e != nil {
		return nil, e
	}
	if in.Item.size() > maxItem {
		return nil, invalid("Item size has exceeded the maximum allowed size")
	}
	if w.t, e = rq.table(in.TableName); e != nil {
		return nil, e
	}
	if e := w.t.checkItem(in.Item); e != nil {
		return nil, e
	}
	return w.swap(w.t.keyOf(in.Item), in.Item)
}

func (rq *request) deleteItem(in deleteInput) (any, *apiError) {
	w, e := rq.whole(in.write)
	if e != nil {
		return nil, e
	}
	if w.t, e = rq.table(in.TableName); e != nil {
		return nil, e
	}
	if e := w.t.checkKey(in.Key); e != nil {
		return nil, e
	}
	return w.swap(in.Key, nil)
}

// wholeWrite puts or deletes a whole item.
type wholeWrite struct {
	rq *request
	write
	c condition
	t *table
}

// whole reads what putting and deleting have in common.
func (rq *request) whole(in write) (*wholeWrite, *apiError) {
	n, e := in.names()
	if e != nil {
		return nil, e
	}
	c, e := parse("ConditionExpression", in.ConditionExpression, n, (*parser).condition)
	if e != nil {
		return nil, e
	}
	if e := in.check(n, in.ConditionExpression); e != nil {
		return nil, e
	}
	if !slices.Contains([]string{"", "NONE", "ALL_OLD"}, in.ReturnValues) {
		return nil, invalid("ReturnValues can only be ALL_OLD or NONE")
	}
	return &wholeWrite{rq: rq, write: in, c: c}, nil
}

// swap puts an item, nil for none, where another one was.
func (w *wholeWrite) swap(key, after item) (any, *apiError) {
	var out writeOutput
	var e *apiError
	before := w.t.get(key)
	if out.ConsumedCapacity, e = w.rq.replace(w.write, w.t, w.c, before, after); e != nil {
		return nil, e
	}
	if w.ReturnValues == "ALL_OLD" {
		out.Attributes = before
	}
	return out, nil
}

func (rq *request) updateItem(in updateInput) (any, *apiError) {
	n, e := in.names()
	if e != nil {
		return nil, e
	}
	u, e := parse("UpdateExpression", in.UpdateExpression, n, (*parser).update)
	if e != nil {
		return nil, e
	}
	c, e := parse("ConditionExpression", in.ConditionExpression, n, (*parser).condition)
	if e != nil {
		return nil, e
	}
	if e := in.check(n, in.UpdateExpression, in.ConditionExpression); e != nil {
		return nil, e
	}
	t, e := rq.table(in.TableName)
	if e != nil {
		return nil, e
	}
	if e := t.checkKey(in.Key); e != nil {
		return nil, e
	}
	for _, a := range u {
		if slices.Contains(t.names(), a.path[0].name) {
			return nil, invalid("One or more parameter values were invalid: Cannot update attribute %s. This attribute is part of the key",
				a.path[0].name)
		}
	}
	before := t.get(in.Key)
	base := before
	if base == nil {
		base = in.Key
	}
	// The condition is looked at first: an update that makes no sense for the item
	// is no error where the condition does not hold.
	if c != nil && !c.holds(before) {
		_, e := rq.replace(in.write, t, c, before, before)
		return nil, e
	}
	after, e := u.apply(base)
	if e != nil {
		return nil, e
	}
	if after.size() > maxItem {
		return nil, invalid("Item size to update has exceeded the maximum allowed size")
	}
	if e := t.checkItem(after); e != nil {
		return nil, e
	}
	var out writeOutput
	if out.ConsumedCapacity, e = rq.replace(in.write, t, c, before, after); e != nil {
		return nil, e
	}
	out.Attributes, e = u.returned(in.ReturnValues, before, after)
	return out, e
}

// returned is what an update answers of the item.
func (u update) returned(what string, before, after item) (item, *apiError) {
	var paths projection
	for _, a := range u {
		paths = append(paths, a.path)
	}
	switch what {
	case "", "NONE":
		return nil, nil
	case "ALL_OLD":
		return before, nil
	case "ALL_NEW":
		return after, nil
	case "UPDATED_OLD":
		if paths == nil {
			return nil, nil
		}
		return paths.of(before), nil
	case "UPDATED_NEW":
		if paths == nil {
			return nil, nil
		}
		return paths.of(after), nil
	}
	return nil, invalid("1 validation error detected: Value '%s' at 'returnValues' failed to satisfy constraint: "+
		"Member must satisfy enum value set: [ALL_NEW, UPDATED_OLD, ALL_OLD, NONE, UPDATED_NEW]", what)
}
