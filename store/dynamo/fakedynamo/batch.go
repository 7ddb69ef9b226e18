package fakedynamo

import "strings"

type batchWriteInput struct {
	RequestItems                map[string][]batchWrite
	ReturnConsumedCapacity      string
	ReturnItemCollectionMetrics string
}

type batchWrite struct {
	PutRequest    *struct{ Item item } `json:",omitempty"`
	DeleteRequest *struct{ Key item }  `json:",omitempty"`
}

type batchWriteOutput struct {
	UnprocessedItems map[string][]batchWrite
	ConsumedCapacity []*capacity `json:",omitempty"`
}

// batchWriteItem writes up to 25 items. Each is a write of its own: what is wrong
// with the request as a whole is found before the first, and a fault can leave
// some of them undone.
func (rq *request) batchWriteItem(in batchWriteInput) (any, *apiError) {
	n := 0
	for _, all := range in.RequestItems {
		n += len(all)
	}
	if n == 0 || n > 25 {
		return nil, invalid("1 validation error detected: Value at 'requestItems' failed to satisfy constraint: Map value must satisfy "+
			"constraint: [Member must have length less than or equal to 25, Member must have length greater than or equal to 1], got %d", n)
	}
	for name, all := range in.RequestItems {
		if e := rq.checkBatch(name, all); e != nil {
			return nil, e
		}
	}
	out := batchWriteOutput{UnprocessedItems: map[string][]batchWrite{}}
	left := rq.unprocessed
	for _, name := range sortedKeys(in.RequestItems) {
		t, _ := rq.table(name)
		w := write{TableName: name, ReturnConsumedCapacity: in.ReturnConsumedCapacity}
		for _, b := range in.RequestItems[name] {
			if left > 0 {
				left--
				out.UnprocessedItems[name] = append(out.UnprocessedItems[name], b)
				continue
			}
			c, e := rq.replace(w, t, nil, t.get(b.key(t)), b.item())
			if e != nil {
				return nil, e
			}
			if c != nil {
				out.ConsumedCapacity = append(out.ConsumedCapacity, c)
			}
		}
	}
	return out, nil
}

func (b batchWrite) item() item {
	if b.PutRequest == nil {
		return nil
	}
	return b.PutRequest.Item
}

func (b batchWrite) key(t *table) item {
	if b.PutRequest != nil {
		return t.keyOf(b.PutRequest.Item)
	}
	return b.DeleteRequest.Key
}

func (rq *request) checkBatch(name string, all []batchWrite) *apiError {
	t, e := rq.table(name)
	if e != nil {
		return e
	}
	seen := make(map[string]bool)
	for _, b := range all {
		switch {
		case (b.PutRequest == nil) == (b.DeleteRequest == nil):
			return invalid("Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes")
		case b.PutRequest != nil && b.PutRequest.Item.size() > maxItem:
			e = invalid("Item size has exceeded the maximum allowed size")
		case b.PutRequest != nil:
			e = t.checkItem(b.PutRequest.Item)
		default:
			e = t.checkKey(b.DeleteRequest.Key)
		}
		if e != nil {
			return e
		}
		if id := t.identityOf(b.key(t)); seen[id] {
			return invalid("Provided list of item keys contains duplicates")
		} else {
			seen[id] = true
		}
	}
	return nil
}

func (t *table) identityOf(key item) string {
	var parts []string
	for _, name := range t.names() {
		parts = append(parts, identity(key[name]))
	}
	return strings.Join(parts, "\x00")
}

type batchGetInput struct {
	RequestItems           map[string]batchGet
	ReturnConsumedCapacity string
}

type batchGet struct {
	Keys                     []item
	ConsistentRead           bool              `json:",omitempty"`
	ProjectionExpression     *string           `json:",omitempty"`
	ExpressionAttributeNames map[string]string `json:",omitempty"`
}

type batchGetOutput struct {
	Responses        map[string][]item
	UnprocessedKeys  map[string]batchGet
	ConsumedCapacity []*capacity `json:",omitempty"`
}

// maxBatch is how much a BatchGetItem answers at most.
const maxBatch = 16 << 20

func (rq *request) batchGetItem(in batchGetInput) (any, *apiError) {
	n := 0
	for _, g := range in.RequestItems {
		n += len(g.Keys)
	}
	if n == 0 {
		return nil, invalid("1 validation error detected: Value '{}' at 'requestItems' failed to satisfy constraint: " +
			"Member must have length greater than or equal to 1")
	}
	if n > 100 {
		return nil, invalid("Too many items requested for the BatchGetItem call")
	}
	out := batchGetOutput{Responses: map[string][]item{}, UnprocessedKeys: map[string]batchGet{}}
	left, size := rq.unprocessed, 0
	for _, name := range sortedKeys(in.RequestItems) {
		g := in.RequestItems[name]
		pr, e := rq.projection(g.ProjectionExpression, g.ExpressionAttributeNames)
		if e != nil {
			return nil, e
		}
		t, e := rq.table(name)
		if e != nil {
			return nil, e
		}
		out.Responses[name] = []item{}
		rest := g
		rest.Keys = nil
		seen := make(map[string]bool)
		own := 0
		for _, key := range g.Keys {
			it, e := rq.read(t, key, g.ConsistentRead)
			if e != nil {
				return nil, e
			}
			if seen[t.identityOf(key)] {
				return nil, invalid("Provided list of item keys contains duplicates")
			}
			seen[t.identityOf(key)] = true
			if left > 0 || size+it.size() > maxBatch {
				left--
				rest.Keys = append(rest.Keys, key)
				continue
			}
			size, own = size+it.size(), own+it.size()
			if it != nil {
				out.Responses[name] = append(out.Responses[name], pr.of(it))
			}
		}
		if rest.Keys != nil {
			out.UnprocessedKeys[name] = rest
		}
		if c := rq.reads(name, in.ReturnConsumedCapacity, "", own, g.ConsistentRead); c != nil {
			out.ConsumedCapacity = append(out.ConsumedCapacity, c)
		}
	}
	return out, nil
}
