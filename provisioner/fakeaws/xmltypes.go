package fakeaws

import (
	"maps"
	"slices"
	"strconv"
	"time"
)

// The parts of EC2's answers that several operations share. Lists are
// <nameSet><item>…</item></nameSet>.

type xmlTag struct {
	Key   string `xml:"key"`
	Value string `xml:"value"`
}

type xmlReturn struct {
	Return bool `xml:"return"`
}

type xmlGroupRef struct {
	ID   string `xml:"groupId"`
	Name string `xml:"groupName"`
}

func xmlTags(tags map[string]string) []xmlTag {
	var out []xmlTag
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		out = append(out, xmlTag{Key: k, Value: tags[k]})
	}
	return out
}

// groupRefs names groups. A group that was deleted meanwhile has no name.
func (r *region) groupRefs(ids []string) []xmlGroupRef {
	var out []xmlGroupRef
	for _, id := range ids {
		ref := xmlGroupRef{ID: id}
		if g, ok := r.groups.get(id); ok {
			ref.Name = g.Name
		}
		out = append(out, ref)
	}
	return out
}

// stamp is the time format of both query APIs.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

func itoas(nums ...int) []string {
	var out []string
	for _, n := range nums {
		out = append(out, strconv.Itoa(n))
	}
	return out
}
