package fakedynamo

import (
	"cmp"
	"crypto/md5"
	"iter"
	"slices"
)

type readInput struct {
	TableName              string
	IndexName              string
	ConsistentRead         bool
	Limit                  *int
	Select                 string
	FilterExpression       *string
	ProjectionExpression   *string
	ExclusiveStartKey      item
	ReturnConsumedCapacity string
	expressions
}

type queryInput struct {
	readInput
	KeyConditionExpression *string
	ScanIndexForward       *bool
}

type readOutput struct {
	Items            []item `json:",omitzero"`
	Count            int
	ScannedCount     int
	LastEvaluatedKey item      `json:",omitempty"`
	ConsumedCapacity *capacity `json:",omitempty"`
}

// view is a query or a scan once it is understood.
type view struct {
	t      *table
	x      *index // nil: the table itself
	filter condition
	pr     projection
	in     readInput
}

// look reads what queries and scans have in common.
func (rq *request) look(in readInput, n *names) (v view, e *apiError) {
	v.in = in
	if in.Limit != nil && *in.Limit < 1 {
		return v, invalid("1 validation error detected: Value '%d' at 'limit' failed to satisfy constraint: "+
			"Member must have value greater than or equal to 1", *in.Limit)
	}
	if v.filter, e = parse("FilterExpression", in.FilterExpression, n, (*parser).condition); e != nil {
		return v, e
	}
	if v.pr, e = parse("ProjectionExpression", in.ProjectionExpression, n, (*parser).projection); e != nil {
		return v, e
	}
	switch {
	case !slices.Contains([]string{"", "ALL_ATTRIBUTES", "ALL_PROJECTED_ATTRIBUTES", "SPECIFIC_ATTRIBUTES", "COUNT"}, in.Select):
		return v, invalid("1 validation error detected: Value '%s' at 'select' failed to satisfy constraint: Member must satisfy "+
			"enum value set: [SPECIFIC_ATTRIBUTES, COUNT, ALL_ATTRIBUTES, ALL_PROJECTED_ATTRIBUTES]", in.Select)
	case in.Select == "ALL_PROJECTED_ATTRIBUTES" && in.IndexName == "":
		return v, invalid("ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName")
	case in.Select != "" && in.Select != "SPECIFIC_ATTRIBUTES" && v.pr != nil:
		return v, invalid("Cannot specify the ProjectionExpression when choosing to get %s", cmp.Or(
			map[string]string{"COUNT": "only the Count"}[in.Select], in.Select))
	}
	if v.t, e = rq.table(in.TableName); e != nil {
		return v, e
	}
	if in.IndexName != "" {
		if v.x, e = v.t.index(in.IndexName); e != nil {
			return v, e
		}
	}
	return v, v.checkStart(in.ExclusiveStartKey)
}

func (v view) schema() schema {
	if v.x != nil {
		return v.x.schema
	}
	return v.t.schema
}

// startNames are the attributes of a key to go on from.
func (v view) startNames() []string {
	all := slices.Concat(v.t.names(), v.schema().names())
	slices.Sort(all)
	return slices.Compact(all)
}

func (v view) checkStart(start item) *apiError {
	if start == nil {
		return nil
	}
	if !slices.Equal(sortedKeys(start), v.startNames()) {
		return invalid("The provided starting key is invalid")
	}
	for name, val := range start {
		if val.kind != v.t.types[name] {
			return invalid("The provided starting key is invalid: The provided key element does not match the schema")
		}
	}
	return nil
}

func (v view) list(p *part) *sorted {
	if v.x != nil {
		return p.index[v.x.name]
	}
	return p.items
}

func (rq *request) query(in queryInput) (any, *apiError) {
	n, e := in.names()
	if e != nil {
		return nil, e
	}
	if in.KeyConditionExpression == nil {
		return nil, invalid("Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.")
	}
	v, e := rq.look(in.readInput, n)
	if e != nil {
		return nil, e
	}
	k, e := v.t.keyCondition(in.KeyConditionExpression, n, v.schema())
	if e != nil {
		return nil, e
	}
	if e := in.check(n, in.KeyConditionExpression, in.FilterExpression, in.ProjectionExpression); e != nil {
		return nil, e
	}
	if e := v.checkFilter(); e != nil {
		return nil, e
	}
	start := in.ExclusiveStartKey
	if start != nil && !start[v.t.hash].equal(k.hash) {
		return nil, invalid("The provided starting key is outside query boundaries based on provided conditions")
	}
	if start != nil && k.op != "" && !k.holds(start[v.schema().sort]) {
		return nil, invalid("The provided starting key does not match the range key predicate")
	}
	backwards := in.ScanIndexForward != nil && !*in.ScanIndexForward
	list := v.list(v.t.asOf(identity(k.hash), rq.then(in.ConsistentRead, v.x != nil)))
	return v.page(rq, v.inRange(list, k, start, backwards)), nil
}

// inRange yields what a key condition is about, beyond the key to start after.
func (v view) inRange(list *sorted, k keyCondition, start item, backwards bool) iter.Seq[item] {
	sortKey := v.schema().sort
	lo, hi := place{}, place{chunk: len(list.chunks)}
	if k.op != "" {
		lo = list.search(func(it item) bool { return !k.after(it[sortKey]) })
		hi = list.search(func(it item) bool { return !k.after(it[sortKey]) && !k.holds(it[sortKey]) })
	}
	if start != nil && backwards {
		hi = earlier(hi, list.search(func(it item) bool { return list.compare(it, start) >= 0 }))
	} else if start != nil {
		lo = later(lo, list.search(func(it item) bool { return list.compare(it, start) > 0 }))
	}
	return list.between(lo, hi, backwards)
}

func earlier(p, q place) place {
	if q.before(p) {
		return q
	}
	return p
}

func later(p, q place) place {
	if p.before(q) {
		return q
	}
	return p
}

// checkFilter refuses a filter on the keys of a query.
func (v view) checkFilter() *apiError {
	for _, p := range pathsOf(v.filter) {
		if slices.Contains(v.schema().names(), p[0].name) {
			return invalid("Filter Expression can only contain non-primary key attributes: Primary key attribute: %s", p[0].name)
		}
	}
	return nil
}

func pathsOf(c condition) (out []path) {
	switch c := c.(type) {
	case group:
		return pathsOf(c.condition)
	case both:
		return append(pathsOf(c.a), pathsOf(c.b)...)
	case either:
		return append(pathsOf(c.a), pathsOf(c.b)...)
	case negated:
		return pathsOf(c.c)
	case comparison:
		for _, a := range c.args {
			if a.path != nil {
				out = append(out, a.path)
			}
		}
	}
	return out
}

func (rq *request) scan(in readInput) (any, *apiError) {
	n, e := in.names()
	if e != nil {
		return nil, e
	}
	v, e := rq.look(in, n)
	if e != nil {
		return nil, e
	}
	if e := in.check(n, in.FilterExpression, in.ProjectionExpression); e != nil {
		return nil, e
	}
	// DynamoDB goes by a hash of the partition key, so that nobody relies on an order.
	hash := func(id string) string { sum := md5.Sum([]byte(id)); return string(sum[:]) }
	ids := sortedKeys(v.t.parts)
	slices.SortFunc(ids, func(a, b string) int { return cmp.Compare(hash(a), hash(b)) })
	from := ""
	if in.ExclusiveStartKey != nil {
		from = identity(in.ExclusiveStartKey[v.t.hash])
	}
	return v.page(rq, func(yield func(item) bool) {
		for _, id := range ids {
			if from != "" && hash(id) < hash(from) {
				continue
			}
			var start item
			if id == from {
				start = in.ExclusiveStartKey
			}
			list := v.list(v.t.asOf(id, rq.then(in.ConsistentRead, v.x != nil)))
			for it := range v.inRange(list, keyCondition{}, start, false) {
				if !yield(it) {
					return
				}
			}
		}
	}), nil
}

// page reads items until the limit or until a page is full.
func (v view) page(rq *request, items iter.Seq[item]) readOutput {
	out := readOutput{Items: []item{}}
	size := 0
	for it := range items {
		shown := it
		if v.x != nil && v.in.Select != "ALL_ATTRIBUTES" && v.pr == nil {
			shown = v.x.project(v.t, it)
		}
		size += shown.size()
		out.ScannedCount++
		if v.filter == nil || v.filter.holds(shown) {
			out.Count++
			out.Items = append(out.Items, v.pr.of(shown))
		}
		if size >= rq.db.opts.PageBytes || v.in.Limit != nil && out.ScannedCount >= *v.in.Limit {
			out.LastEvaluatedKey = item{}
			for _, name := range v.startNames() {
				out.LastEvaluatedKey[name] = it[name]
			}
			break
		}
	}
	if v.in.Select == "COUNT" {
		out.Items = nil
	}
	out.ConsumedCapacity = rq.reads(v.in.TableName, v.in.ReturnConsumedCapacity, v.in.IndexName, size, v.in.ConsistentRead)
	return out
}
