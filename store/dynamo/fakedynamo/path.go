package fakedynamo

import (
	"slices"
	"strconv"
	"strings"
)

// step is one part of a path: a name in a map, or an index into a list.
type step struct {
	name  string
	index int // -1: it is a name
}

type path []step

func (p path) String() string {
	var parts []string
	for _, s := range p {
		if s.index >= 0 {
			parts = append(parts, "["+strconv.Itoa(s.index)+"]")
		} else {
			parts = append(parts, s.name)
		}
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

// path reads a document path: a.b[3].#c
func (p *parser) path() path {
	out := path{p.attribute()}
	for {
		switch {
		case p.sign("."):
			out = append(out, p.attribute())
		case p.sign("["):
			t := p.next()
			i, err := strconv.Atoi(t.text)
			if err != nil {
				p.syntax()
			}
			p.need("]")
			out = append(out, step{index: i})
		default:
			return out
		}
	}
}

func (p *parser) attribute() step {
	switch t := p.tokens[0]; t.kind {
	case tokenWord:
		if reserved[strings.ToUpper(t.text)] {
			p.fail("Attribute name is a reserved keyword; reserved keyword: " + t.text)
		}
		p.next()
		return step{name: t.text, index: -1}
	case tokenName:
		p.next()
		name, ok := p.names.attributes[t.text]
		if !ok {
			p.fail("An expression attribute name used in the document path is not defined; attribute name: " + t.text)
		}
		p.names.used[t.text] = true
		return step{name: name, index: -1}
	}
	p.syntax()
	return step{}
}

func (p *parser) value() value {
	t := p.next()
	v, ok := p.names.values[t.text]
	if !ok {
		p.fail("An expression attribute value used in expression is not defined; attribute value: " + t.text)
	}
	p.names.used[t.text] = true
	return v
}

// find looks a path up in an item.
func (p path) find(it item) (value, bool) {
	v := value{kind: "M", m: it}
	for _, s := range p {
		switch {
		case s.index >= 0 && v.kind == "L" && s.index < len(v.list):
			v = v.list[s.index]
		case s.index < 0 && v.kind == "M":
			next, ok := v.m[s.name]
			if !ok {
				return value{}, false
			}
			v = next
		default:
			return value{}, false
		}
	}
	return v, true
}

// overlaps tells whether one of two paths is in the other.
func (p path) overlaps(q path) bool {
	n := min(len(p), len(q))
	return slices.Equal(p[:n], q[:n])
}

// projection is what of an item is answered; nil means all.
type projection []path

func (p *parser) projection() projection {
	out := projection{p.path()}
	for p.sign(",") {
		out = append(out, p.path())
	}
	p.disjoint(out)
	return out
}

// disjoint refuses paths of which one is in another.
func (p *parser) disjoint(paths []path) {
	for i, a := range paths {
		for _, b := range paths[:i] {
			if a.overlaps(b) {
				p.fail("Two document paths overlap with each other; must remove or rewrite one of these paths; path one: " +
					b.String() + ", path two: " + a.String())
			}
		}
	}
}

func (pr projection) of(it item) item {
	if pr == nil {
		return it
	}
	out := item{}
	for _, p := range pr {
		if v, ok := p.find(it); ok {
			out.graft(p, v)
		}
	}
	return out
}

// graft puts a value where its path says, with the maps and lists around it; of a
// list there is only what was asked for.
func (it item) graft(p path, v value) {
	if len(p) == 1 {
		it[p[0].name] = v
		return
	}
	it[p[0].name] = grafted(it[p[0].name], p[1:], v)
}

func grafted(into value, p path, v value) value {
	if len(p) == 0 {
		return v
	}
	if p[0].index >= 0 {
		return value{kind: "L", list: append(slices.Clone(into.list), grafted(value{}, p[1:], v))}
	}
	m := item{}
	for name, old := range into.m {
		m[name] = old
	}
	m[p[0].name] = grafted(m[p[0].name], p[1:], v)
	return value{kind: "M", m: m}
}
