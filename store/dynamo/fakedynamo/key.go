package fakedynamo

import "slices"

// keyCondition is what a query asks of the keys: one partition, and a range in it.
type keyCondition struct {
	hash  value
	op    string // of the sort key: =, <, <=, >, >=, BETWEEN, begins_with; empty for all
	bound []value
}

func (k keyCondition) holds(sort value) bool {
	switch k.op {
	case "":
		return true
	case "BETWEEN":
		return sort.compare(k.bound[0]) >= 0 && sort.compare(k.bound[1]) <= 0
	}
	return compareWith(k.op, sort, k.bound[0])
}

// after tells whether the range only begins after a sort key.
func (k keyCondition) after(sort value) bool {
	switch k.op {
	case "<", "<=":
		return false
	case ">":
		return sort.compare(k.bound[0]) <= 0
	}
	return sort.compare(k.bound[0]) < 0
}

// keyCondition reads a key condition of a table or an index.
func (t *table) keyCondition(src *string, n *names, s schema) (k keyCondition, e *apiError) {
	c, e := parse("KeyConditionExpression", src, n, (*parser).condition)
	if e != nil {
		return k, e
	}
	parts, e := conjuncts(c, nil)
	if e != nil {
		return k, e
	}
	seen := make(map[string]comparison)
	for _, part := range parts {
		name := part.args[0].path[0].name
		if _, twice := seen[name]; twice {
			return k, invalid("KeyConditionExpressions must only contain one condition per key")
		}
		seen[name] = part
	}
	hash, ok := seen[s.hash]
	if !ok {
		return k, invalid("Query condition missed key schema element: %s", s.hash)
	}
	if hash.op != "=" {
		return k, invalid("Query key condition not supported")
	}
	delete(seen, s.hash)
	k.hash = *hash.args[1].literal
	if sort, ok := seen[s.sort]; ok && s.sort != "" {
		delete(seen, s.sort)
		k.op = sort.op
		for _, a := range sort.args[1:] {
			k.bound = append(k.bound, *a.literal)
		}
	}
	if len(seen) > 0 {
		if k.op == "" && s.sort != "" {
			return k, invalid("Query condition missed key schema element: %s", s.sort)
		}
		return k, invalid("Query key condition not supported")
	}
	for i, v := range append([]value{k.hash}, k.bound...) {
		name := s.hash
		if i > 0 {
			name = s.sort
		}
		if v.kind != t.types[name] {
			return k, invalid("One or more parameter values were invalid: Condition parameter type does not match schema type")
		}
		if v.s == "" && v.kind != "N" {
			return k, invalid("One or more parameter values are not valid. The AttributeValue for a key attribute "+
				"cannot contain an empty %s value. Key: %s", map[string]string{"S": "string", "B": "binary"}[v.kind], name)
		}
	}
	return k, nil
}

// conjuncts takes a condition apart that only says AND.
func conjuncts(c condition, into []comparison) ([]comparison, *apiError) {
	switch c := c.(type) {
	case group:
		return conjuncts(c.condition, into)
	case both:
		into, e := conjuncts(c.a, into)
		if e != nil {
			return into, e
		}
		return conjuncts(c.b, into)
	case comparison:
		if !slices.Contains([]string{"=", "<", "<=", ">", ">=", "BETWEEN", "begins_with"}, c.op) {
			return into, invalid("Invalid operator used in KeyConditionExpression: %s", c.op)
		}
		if len(c.args[0].path) != 1 || c.args[0].size {
			return into, invalid("Invalid condition in KeyConditionExpression: %s operator must have the key attribute as its first operand", c.op)
		}
		for _, a := range c.args[1:] {
			if a.literal == nil {
				return into, invalid("Invalid condition in KeyConditionExpression: %s operator must have values as its other operands", c.op)
			}
		}
		return append(into, c), nil
	case either:
		return into, invalid("Invalid operator used in KeyConditionExpression: OR")
	}
	return into, invalid("Invalid operator used in KeyConditionExpression: NOT")
}
