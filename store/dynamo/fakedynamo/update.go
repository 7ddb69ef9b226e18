package fakedynamo

import (
	"maps"
	"slices"
	"strings"
)

// update is an update expression: what each of its clauses does to an item.
type update []action

type action struct {
	clause string // SET, REMOVE, ADD or DELETE
	path   path
	expr   expression // of SET
	value  value      // of ADD and DELETE
}

// expression is the right side of a SET. It sees the item as it was before.
type expression interface {
	of(old item) (value, *apiError)
}

type (
	plain       struct{ operand }
	sum         struct{ a, b expression }
	difference  struct{ a, b expression }
	ifNotExists struct {
		path path
		or   expression
	}
	listAppend struct{ a, b expression }
)

func (p *parser) update() update {
	var out update
	seen := make(map[string]bool)
	for p.tokens[0].kind != tokenEnd {
		clause := strings.ToUpper(p.next().text)
		if seen[clause] {
			p.fail("The \"" + clause + "\" section can only be used once in an update expression;")
		}
		seen[clause] = true
		for first := true; first || p.sign(","); first = false {
			out = append(out, p.action(clause))
		}
	}
	var paths []path
	for _, a := range out {
		paths = append(paths, a.path)
	}
	p.disjoint(paths)
	return out
}

func (p *parser) action(clause string) action {
	a := action{clause: clause}
	switch clause {
	case "SET":
		a.path = p.path()
		p.need("=")
		a.expr = p.expression()
	case "REMOVE":
		a.path = p.path()
	case "ADD", "DELETE":
		a.path = p.path()
		if p.tokens[0].kind != tokenValue {
			p.syntax()
		}
		a.value = p.value()
		if !a.value.isSet() && (clause == "DELETE" || a.value.kind != "N") {
			p.fail("Incorrect operand type for operator or function; operator: " + clause + ", operand type: " + longKinds[a.value.kind])
		}
	default:
		p.syntax()
	}
	return a
}

// longKinds are the types as the messages about ADD and DELETE call them.
var longKinds = map[string]string{"S": "STRING", "N": "NUMBER", "B": "BINARY", "BOOL": "BOOLEAN", "NULL": "NULL", "L": "LIST", "M": "MAP"}

func (p *parser) expression() expression {
	e := p.term()
	for _, op := range []string{"+", "-"} {
		if !p.sign(op) {
			continue
		}
		other := p.term()
		p.ofKind("N", op, e, other)
		if op == "+" {
			return sum{e, other}
		}
		return difference{e, other}
	}
	return e
}

// ofKind refuses literals that an operator or function cannot work with.
func (p *parser) ofKind(kind, op string, operands ...expression) {
	for _, e := range operands {
		if o, ok := e.(plain); ok && o.literal != nil && o.literal.kind != kind {
			p.fail("Incorrect operand type for operator or function; operator or function: " + op + ", operand type: " + o.literal.kind)
		}
	}
}

func (p *parser) term() expression {
	if t := p.tokens[0]; t.kind != tokenWord || p.at(1) != "(" {
		if t.kind == tokenValue {
			v := p.value()
			return plain{operand{literal: &v}}
		}
		return plain{operand{path: p.path()}}
	}
	name := p.next().text
	p.next()
	switch name {
	case "if_not_exists":
		e := ifNotExists{path: p.path()}
		p.need(",")
		e.or = p.term()
		p.need(")")
		return e
	case "list_append":
		e := listAppend{a: p.term()}
		p.need(",")
		e.b = p.term()
		p.need(")")
		p.ofKind("L", name, e.a, e.b)
		return e
	}
	p.fail("Invalid function name; function: " + name)
	return nil
}

func (e plain) of(old item) (value, *apiError) {
	v, ok := e.operand.of(old)
	if !ok {
		return v, invalid("The provided expression refers to an attribute that does not exist in the item")
	}
	return v, nil
}

func (e ifNotExists) of(old item) (value, *apiError) {
	if v, ok := e.path.find(old); ok {
		return v, nil
	}
	return e.or.of(old)
}

// pair works two operands out, which have to be of one type.
func pair(old item, kind string, a, b expression) (x, y value, e *apiError) {
	if x, e = a.of(old); e != nil {
		return x, y, e
	}
	if y, e = b.of(old); e != nil {
		return x, y, e
	}
	if x.kind != kind || y.kind != kind {
		return x, y, badOperand()
	}
	return x, y, nil
}

func badOperand() *apiError {
	return invalid("An operand in the update expression has an incorrect data type")
}

func (e sum) of(old item) (value, *apiError) {
	x, y, err := pair(old, "N", e.a, e.b)
	if err != nil {
		return x, err
	}
	n, err := x.n.plus(y.n)
	return numeric(n), err
}

func (e difference) of(old item) (value, *apiError) {
	x, y, err := pair(old, "N", e.a, e.b)
	if err != nil {
		return x, err
	}
	n, err := x.n.plus(y.n.negated())
	return numeric(n), err
}

func (e listAppend) of(old item) (value, *apiError) {
	x, y, err := pair(old, "L", e.a, e.b)
	return value{kind: "L", list: slices.Concat(x.list, y.list)}, err
}

// apply returns the item as it is after the update; the old one is not changed.
func (u update) apply(old item) (item, *apiError) {
	next := maps.Clone(old)
	for _, a := range u {
		if a.clause != "SET" {
			continue
		}
		v, e := a.expr.of(old)
		if e != nil {
			return nil, e
		}
		if e := next.change(a.path, func(value, bool) (value, bool, *apiError) { return v, true, nil }); e != nil {
			return nil, e
		}
	}
	// Of a list the last goes first, so that the indexes stay those of before.
	rest := slices.DeleteFunc(slices.Clone(u), func(a action) bool { return a.clause == "SET" })
	slices.SortStableFunc(rest, func(a, b action) int { return b.path[len(b.path)-1].index - a.path[len(a.path)-1].index })
	for _, a := range rest {
		if e := next.change(a.path, a.effect); e != nil {
			return nil, e
		}
	}
	return next, nil
}

// effect is what REMOVE, ADD and DELETE make of a value.
func (a action) effect(v value, there bool) (next value, keep bool, e *apiError) {
	if a.clause == "REMOVE" {
		return value{}, false, nil
	}
	if there && v.kind != a.value.kind {
		return value{}, false, badOperand()
	}
	if a.clause == "DELETE" {
		v.list = slices.DeleteFunc(slices.Clone(v.list), func(e value) bool { return slices.ContainsFunc(a.value.list, e.equal) })
		return v, len(v.list) > 0, nil
	}
	if !there {
		return a.value, true, nil
	}
	if v.kind == "N" {
		n, e := v.n.plus(a.value.n)
		return numeric(n), true, e
	}
	v.list = slices.Clone(v.list)
	for _, e := range a.value.list {
		if !slices.ContainsFunc(v.list, e.equal) {
			v.list = append(v.list, e)
		}
	}
	return v, true, nil
}

type effect func(v value, there bool) (next value, keep bool, e *apiError)

// change has an effect where a path leads to.
func (it item) change(p path, f effect) *apiError {
	v, there := it[p[0].name]
	next, keep, e := changed(v, there, p[1:], f)
	switch {
	case e != nil:
		return e
	case keep:
		it[p[0].name] = next
	default:
		delete(it, p[0].name)
	}
	return nil
}

func changed(v value, there bool, p path, f effect) (value, bool, *apiError) {
	if len(p) == 0 {
		return f(v, there)
	}
	switch s := p[0]; {
	case s.index >= 0 && v.kind == "L":
		var old value
		inside := s.index < len(v.list)
		if inside {
			old = v.list[s.index]
		}
		next, keep, e := changed(old, inside, p[1:], f)
		list := slices.Clone(v.list)
		switch {
		case keep && inside:
			list[s.index] = next
		case keep:
			list = append(list, next)
		case inside:
			list = slices.Delete(list, s.index, s.index+1)
		}
		return value{kind: "L", list: list}, true, e
	case s.index < 0 && v.kind == "M":
		m := maps.Clone(v.m)
		e := m.change(p, f)
		return value{kind: "M", m: m}, true, e
	}
	return value{}, false, invalid("The document path provided in the update expression is invalid for update")
}
