package fakedynamo

import (
	"cmp"
	"hash/crc32"
	"maps"
	"slices"
	"time"
)

// schema names the key attributes of a table or an index.
type schema struct {
	hash string
	sort string // empty: there is none
}

func (s schema) names() []string {
	if s.sort == "" {
		return []string{s.hash}
	}
	return []string{s.hash, s.sort}
}

// index is a local secondary index.
type index struct {
	name string
	schema
	projection string // ALL, KEYS_ONLY or INCLUDE
	include    []string
}

type table struct {
	schema
	info    tableInput
	types   map[string]string // of key attributes
	indexes []*index
	parts   map[string]*part
	past    []change

	created   time.Time
	active    time.Time // when it is so
	protected bool
	backups   bool
	tags      map[string]string
}

// part is the items of one partition key, and for each index those that are in it.
type part struct {
	items *sorted
	index map[string]*sorted
}

// change is how an item was before a write.
type change struct {
	at     time.Time
	part   string
	key    item
	before item // nil: it was not there
}

// keepPast is how long it is remembered what was, for reads that see the past.
const keepPast = time.Minute

func (t *table) index(name string) (*index, *apiError) {
	for _, x := range t.indexes {
		if x.name == name {
			return x, nil
		}
	}
	return nil, invalid("The table does not have the specified index: %s", name)
}

func identity(v value) string { return v.kind + v.text() }

func (t *table) keyOf(it item) item {
	key := item{}
	for _, name := range t.names() {
		key[name] = it[name]
	}
	return key
}

// order is that of the table, or of an index. Which of two items with the same key
// in an index comes first is not documented: here it is one that nobody expects.
func (t *table) order(sort string) func(a, b item) int {
	return func(a, b item) int {
		if sort == "" {
			return 0
		}
		c := a[sort].compare(b[sort])
		if c == 0 && sort != t.sort {
			x, y := identity(a[t.sort]), identity(b[t.sort])
			c = cmp.Or(cmp.Compare(crc32.ChecksumIEEE([]byte(x)), crc32.ChecksumIEEE([]byte(y))), cmp.Compare(x, y))
		}
		return c
	}
}

func (t *table) newPart() *part {
	p := &part{items: &sorted{compare: t.order(t.sort)}, index: map[string]*sorted{}}
	for _, x := range t.indexes {
		p.index[x.name] = &sorted{compare: t.order(x.sort)}
	}
	return p
}

// get returns the item of a key.
func (t *table) get(key item) item {
	p, ok := t.parts[identity(key[t.hash])]
	if !ok {
		return nil
	}
	at := p.items.search(func(it item) bool { return p.items.compare(it, key) >= 0 })
	if at.chunk == len(p.items.chunks) {
		return nil
	}
	if it := p.items.chunks[at.chunk][at.i]; p.items.compare(it, key) == 0 {
		return it
	}
	return nil
}

// set writes an item in place of another; nil is none.
func (t *table) set(before, after item, now time.Time) {
	key := t.keyOf(before)
	if after != nil {
		key = t.keyOf(after)
	}
	id := identity(key[t.hash])
	p, ok := t.parts[id]
	if !ok {
		p = t.newPart()
		t.parts[id] = p
	}
	t.past = append(t.past, change{at: now, part: id, key: key, before: before})
	p.replace(t, before, after)
	if old := now.Add(-keepPast); t.past[len(t.past)/2].at.Before(old) {
		t.past = slices.DeleteFunc(t.past, func(c change) bool { return c.at.Before(old) })
	}
}

func (p *part) replace(t *table, before, after item) {
	if before != nil {
		p.items.remove(before)
	}
	if after != nil {
		p.items.add(after)
	}
	for _, x := range t.indexes {
		if _, ok := before[x.sort]; ok {
			p.index[x.name].remove(before)
		}
		if _, ok := after[x.sort]; ok {
			p.index[x.name].add(after)
		}
	}
}

// asOf returns a partition as it was at a moment that is not long ago.
func (t *table) asOf(id string, then time.Time) *part {
	p, ok := t.parts[id]
	if !ok {
		return t.newPart()
	}
	n := len(t.past)
	for n > 0 && t.past[n-1].at.After(then) {
		n--
	}
	if !slices.ContainsFunc(t.past[n:], func(c change) bool { return c.part == id }) {
		return p
	}
	was := make(map[string]item)
	sortID := func(it item) string {
		if t.sort == "" {
			return ""
		}
		return identity(it[t.sort])
	}
	for it := range p.items.between(place{}, place{chunk: len(p.items.chunks)}, false) {
		was[sortID(it)] = it
	}
	for _, c := range slices.Backward(t.past[n:]) {
		if c.part == id {
			was[sortID(c.key)] = c.before
		}
	}
	old := t.newPart()
	for _, it := range was {
		old.replace(t, nil, it)
	}
	return old
}

// project is what an index has of an item.
func (x *index) project(t *table, it item) item {
	if x.projection == "ALL" {
		return it
	}
	out := item{}
	for _, name := range slices.Concat(t.names(), x.names(), x.include) {
		if v, ok := it[name]; ok {
			out[name] = v
		}
	}
	return out
}

// checkKey refuses a key that does not fit the table.
func (t *table) checkKey(key item) *apiError {
	if len(key) != len(t.names()) {
		return invalid("The provided key element does not match the schema")
	}
	for _, name := range t.names() {
		if v, ok := key[name]; !ok || v.kind != t.types[name] {
			return invalid("The provided key element does not match the schema")
		}
	}
	return t.checkKeyValues(key)
}

// checkKeyValues refuses keys that are empty or too long.
func (t *table) checkKeyValues(key item) *apiError {
	for i, name := range t.names() {
		switch v := key[name]; {
		case v.kind == "S" && v.s == "":
			return invalid("One or more parameter values are not valid. The AttributeValue for a key attribute "+
				"cannot contain an empty string value. Key: %s", name)
		case v.kind == "B" && v.s == "":
			return invalid("One or more parameter values are not valid. The AttributeValue for a key attribute "+
				"cannot contain an empty binary value. Key: %s", name)
		case i == 0 && v.size() > 2048:
			return invalid("One or more parameter values were invalid: Size of hashkey has exceeded the maximum size limit of2048 bytes")
		case i == 1 && v.size() > 1024:
			return tooLongSort()
		}
	}
	return nil
}

func tooLongSort() *apiError {
	return invalid("One or more parameter values were invalid: Aggregated size of all range keys has exceeded the size limit of 1024 bytes")
}

// maxItem is how large an item may be, with the names of its attributes.
const maxItem = 400 << 10

// checkItem refuses an item that does not fit the table.
func (t *table) checkItem(it item) *apiError {
	for _, name := range t.names() {
		v, ok := it[name]
		if !ok {
			return invalid("One or more parameter values were invalid: Missing the key %s in the item", name)
		}
		if v.kind != t.types[name] {
			return invalid("One or more parameter values were invalid: Type mismatch for key %s expected: %s actual: %s",
				name, t.types[name], v.kind)
		}
	}
	if e := t.checkKeyValues(it); e != nil {
		return e
	}
	for _, x := range t.indexes {
		v, ok := it[x.sort]
		switch {
		case !ok:
		case v.kind != t.types[x.sort]:
			return invalid("One or more parameter values were invalid: Type mismatch for Index Key %s Expected: %s Actual: %s IndexName: %s",
				x.sort, t.types[x.sort], v.kind, x.name)
		case v.kind != "N" && v.s == "":
			return invalid("One or more parameter values are not valid. A value specified for a secondary index key is not supported. "+
				"The AttributeValue for a key attribute cannot contain an empty string value. IndexName: %s, IndexKey: %s", x.name, x.sort)
		case v.size() > 1024:
			return tooLongSort()
		}
	}
	return nil
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
