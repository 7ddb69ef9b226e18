package fakedynamo

import "maps"

// capacity is what a call cost, as the wire has it.
type capacity struct {
	TableName             string
	CapacityUnits         float64
	Table                 *units           `json:",omitempty"`
	LocalSecondaryIndexes map[string]units `json:",omitempty"`
}

type units struct{ CapacityUnits float64 }

// perUnit rounds a size up to units of so many bytes; nothing costs one as well.
func perUnit(size, bytes int) float64 { return float64(max(1, (size+bytes-1)/bytes)) }

// reads is the cost of reading so many bytes: half as much if what was may be
// answered.
func (rq *request) reads(table, wanted, index string, size int, consistent bool) *capacity {
	n := perUnit(size, 4<<10)
	if !consistent {
		n /= 2
	}
	c := &capacity{TableName: table, CapacityUnits: n}
	if index != "" {
		return c.wanted(wanted, 0, map[string]units{index: {n}})
	}
	return c.wanted(wanted, n, nil)
}

// writes is the cost of a write: the larger of the item before and after, and of
// each index one write for what it has no more or has now, two if its key is
// another one (developer guide, "Local secondary indexes").
func (rq *request) writes(w write, t *table, before, after item) *capacity {
	own := perUnit(max(before.size(), after.size()), 1<<10)
	total, indexes := own, make(map[string]units)
	for _, x := range t.indexes {
		n := 0.0
		old, was := before[x.sort]
		key, is := after[x.sort]
		a, b := x.project(t, before), x.project(t, after)
		switch {
		case was && is && !old.equal(key):
			n = perUnit(a.size(), 1<<10) + perUnit(b.size(), 1<<10)
		case was && is && !maps.EqualFunc(a, b, value.equal), was != is && is:
			n = perUnit(b.size(), 1<<10)
		case was != is:
			n = perUnit(a.size(), 1<<10)
		}
		if n > 0 {
			total += n
			indexes[x.name] = units{n}
		}
	}
	c := &capacity{TableName: w.TableName, CapacityUnits: total}
	return c.wanted(w.ReturnConsumedCapacity, own, indexes)
}

// wanted is what of it was asked for.
func (c *capacity) wanted(what string, own float64, indexes map[string]units) *capacity {
	switch what {
	case "TOTAL":
		return c
	case "INDEXES":
		c.Table, c.LocalSecondaryIndexes = &units{own}, indexes
		return c
	}
	return nil
}
