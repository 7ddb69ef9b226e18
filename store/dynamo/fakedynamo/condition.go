package fakedynamo

import (
	"slices"
	"strings"
)

// condition is a condition or filter expression.
type condition interface{ holds(it item) bool }

type (
	both    struct{ a, b condition }
	either  struct{ a, b condition }
	negated struct{ c condition }
	group   struct{ condition } // in parentheses
	// comparison is a test of operands: a comparator, BETWEEN, IN, or a function.
	comparison struct {
		op   string
		args []operand
	}
)

func (c both) holds(it item) bool    { return c.a.holds(it) && c.b.holds(it) }
func (c either) holds(it item) bool  { return c.a.holds(it) || c.b.holds(it) }
func (c negated) holds(it item) bool { return !c.c.holds(it) }

// operand is a path, a value of the request, or the size of a path.
type operand struct {
	path    path
	literal *value
	size    bool
}

func (o operand) of(it item) (value, bool) {
	if o.literal != nil {
		return *o.literal, true
	}
	v, ok := o.path.find(it)
	if !ok || !o.size {
		return v, ok
	}
	n := len(v.s)
	switch v.kind {
	case "M":
		n = len(v.m)
	case "N", "BOOL", "NULL":
		return value{}, false
	case "L", "SS", "NS", "BS":
		n = len(v.list)
	}
	return count(n), true
}

func (p *parser) condition() condition {
	c := p.conjunction()
	for p.word("OR") {
		c = either{c, p.conjunction()}
	}
	return c
}

func (p *parser) conjunction() condition {
	c := p.negation()
	for p.word("AND") {
		c = both{c, p.negation()}
	}
	return c
}

func (p *parser) negation() condition {
	if p.word("NOT") {
		return negated{p.negation()}
	}
	return p.primary()
}

func (p *parser) primary() condition {
	if p.sign("(") {
		c := p.condition()
		p.need(")")
		if _, ok := c.(group); ok {
			p.fail("The expression has redundant parentheses;")
		}
		return group{c}
	}
	if t := p.tokens[0]; t.kind == tokenWord && p.at(1) == "(" && t.text != "size" {
		return p.function()
	}
	a := p.operand()
	switch t := p.tokens[0]; {
	case t.kind == tokenSign && slices.Contains([]string{"=", "<>", "<", "<=", ">", ">="}, t.text):
		p.next()
		return p.checked(comparison{t.text, []operand{a, p.operand()}})
	case p.word("BETWEEN"):
		lower := p.operand()
		if !p.word("AND") {
			p.syntax()
		}
		return p.checked(comparison{"BETWEEN", []operand{a, lower, p.operand()}})
	case p.word("IN"):
		p.need("(")
		args := []operand{a, p.operand()}
		for p.sign(",") {
			args = append(args, p.operand())
		}
		p.need(")")
		return p.checked(comparison{"IN", args})
	}
	p.syntax()
	return nil
}

// functions and how many operands they have.
var functions = map[string]int{"attribute_exists": 1, "attribute_not_exists": 1, "attribute_type": 2, "begins_with": 2, "contains": 2}

func (p *parser) function() condition {
	name := p.next().text
	need, ok := functions[name]
	if !ok {
		p.fail("Invalid function name; function: " + name)
	}
	p.need("(")
	args := []operand{p.operand()}
	for p.sign(",") {
		args = append(args, p.operand())
	}
	p.need(")")
	if len(args) != need {
		p.fail("Incorrect number of operands for operator or function; operator or function: " + name +
			", number of operands: " + count(len(args)).n.String())
	}
	return p.checked(comparison{name, args})
}

func (p *parser) operand() operand {
	switch t := p.tokens[0]; {
	case t.kind == tokenValue:
		v := p.value()
		return operand{literal: &v}
	case t.text == "size" && p.at(1) == "(":
		p.next()
		p.next()
		o := operand{path: p.path(), size: true}
		p.need(")")
		return o
	}
	return operand{path: p.path()}
}

// checked refuses what DynamoDB sees to be wrong without looking at an item.
func (p *parser) checked(c comparison) condition {
	kind := func(i int) string {
		if i < len(c.args) && c.args[i].literal != nil {
			return c.args[i].literal.kind
		}
		return ""
	}
	wrong := func(kind string) {
		p.fail("Incorrect operand type for operator or function; operator or function: " + c.op + ", operand type: " + kind)
	}
	first := c.args[0]
	switch c.op {
	case "attribute_exists", "attribute_not_exists":
		if first.path == nil || first.size {
			p.fail("Operator or function requires a document path; operator or function: " + c.op)
		}
	case "begins_with":
		for i := range c.args {
			if k := kind(i); k != "" && k != "S" && k != "B" {
				wrong(k)
			}
		}
	case "<", "<=", ">", ">=", "BETWEEN":
		for i := range c.args {
			if k := kind(i); k != "" && k != "S" && k != "B" && k != "N" {
				wrong(k)
			}
		}
	}
	if c.op == "BETWEEN" {
		p.checkBounds(c.args[1].literal, c.args[2].literal)
	}
	if len(c.args) == 2 && c.op != "IN" && first.literal == nil && c.args[1].literal == nil && first.size == c.args[1].size &&
		slices.Equal(first.path, c.args[1].path) {
		p.fail("The first operand must be distinct from the remaining operands for this operator or function; operator: " + c.op +
			", first operand: " + first.path.String())
	}
	return c
}

func (p *parser) checkBounds(lower, upper *value) {
	if lower == nil || upper == nil {
		return
	}
	show := func(v *value) string { return "AttributeValue: {" + v.kind + ":" + v.text() + "}" }
	bounds := "; lower bound operand: " + show(lower) + ", upper bound operand: " + show(upper)
	if lower.kind != upper.kind {
		p.fail("The BETWEEN operator requires same data type for lower and upper bounds" + bounds)
	}
	if lower.compare(*upper) > 0 {
		p.fail("The BETWEEN operator requires upper bound to be greater than or equal to lower bound" + bounds)
	}
}

func (c comparison) holds(it item) bool {
	a, ok := c.args[0].of(it)
	switch c.op {
	case "attribute_exists":
		return ok
	case "attribute_not_exists":
		return !ok
	}
	b, also := c.args[1].of(it)
	if c.op == "<>" {
		return ok != also || ok && !a.equal(b)
	}
	if !ok {
		return false
	}
	switch c.op {
	case "IN":
		return slices.ContainsFunc(c.args[1:], func(o operand) bool {
			b, ok := o.of(it)
			return ok && a.equal(b)
		})
	case "BETWEEN":
		upper, ok := c.args[2].of(it)
		return ok && also && a.ordered(b) && a.ordered(upper) && a.compare(b) >= 0 && a.compare(upper) <= 0
	}
	return also && compareWith(c.op, a, b)
}

func compareWith(op string, a, b value) bool {
	switch op {
	case "=":
		return a.equal(b)
	case "<":
		return a.ordered(b) && a.compare(b) < 0
	case "<=":
		return a.ordered(b) && a.compare(b) <= 0
	case ">":
		return a.ordered(b) && a.compare(b) > 0
	case ">=":
		return a.ordered(b) && a.compare(b) >= 0
	case "begins_with":
		return a.kind == b.kind && (a.kind == "S" || a.kind == "B") && strings.HasPrefix(a.s, b.s)
	case "attribute_type":
		return b.kind == "S" && a.kind == b.s
	case "contains":
		if a.kind == "S" || a.kind == "B" {
			return a.kind == b.kind && strings.Contains(a.s, b.s)
		}
		return slices.ContainsFunc(a.list, b.equal)
	}
	return false
}

// ordered tells whether two values can be compared by more than being equal.
func (v value) ordered(w value) bool {
	return v.kind == w.kind && (v.kind == "S" || v.kind == "N" || v.kind == "B")
}
