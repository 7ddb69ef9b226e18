package fakedynamo

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// value is one attribute value; nobody changes it once it is made.
type value struct {
	kind string // as on the wire: S, N, B, BOOL, NULL, L, M, SS, NS or BS
	s    string // of S; of B the bytes
	n    number
	b    bool
	list []value // of L, and the elements of a set
	m    item
}

// item is what is stored, or a map in it.
type item map[string]value

// UnmarshalJSON reads a value as the wire has it, and refuses what DynamoDB does.
func (v *value) UnmarshalJSON(data []byte) error {
	var wire map[string]json.RawMessage
	if err := json.Unmarshal(data, &wire); err != nil {
		return err
	}
	for kind, raw := range wire {
		if string(raw) == "null" {
			delete(wire, kind)
		}
	}
	if len(wire) == 0 {
		return invalid("Supplied AttributeValue is empty, must contain exactly one of the supported datatypes")
	}
	if len(wire) > 1 {
		return invalid("Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes")
	}
	for kind, raw := range wire {
		v.kind = kind
		return v.decode(raw)
	}
	return nil
}

func (v *value) decode(raw json.RawMessage) (err error) {
	switch v.kind {
	case "S", "N", "B":
		var s string
		if err = json.Unmarshal(raw, &s); err != nil {
			return err
		}
		*v, err = scalar(v.kind, s)
		return err
	case "BOOL", "NULL":
		if err = json.Unmarshal(raw, &v.b); err == nil && v.kind == "NULL" && !v.b {
			return invalid("One or more parameter values were invalid: Null attribute value types must have the value of true")
		}
		return err
	case "L":
		return json.Unmarshal(raw, &v.list)
	case "M":
		v.m = item{}
		return json.Unmarshal(raw, &v.m)
	case "SS", "NS", "BS":
		var all []string
		if err = json.Unmarshal(raw, &all); err != nil {
			return err
		}
		return v.decodeSet(all)
	}
	return invalid("Supplied AttributeValue is empty, must contain exactly one of the supported datatypes")
}

func (v *value) decodeSet(all []string) error {
	if len(all) == 0 {
		name := map[string]string{"SS": "An string set  may not be empty", "NS": "An number set  may not be empty",
			"BS": "Binary sets should not be empty"}[v.kind]
		return invalid("One or more parameter values were invalid: %s", name)
	}
	for _, s := range all {
		e, err := scalar(v.kind[:1], s)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(v.list, e.equal) {
			return invalid("One or more parameter values were invalid: Input collection [%s] contains duplicates.", strings.Join(all, ", "))
		}
		v.list = append(v.list, e)
	}
	return nil
}

func scalar(kind, s string) (value, error) {
	v := value{kind: kind, s: s}
	switch kind {
	case "N":
		n, e := parseNumber(s)
		if e != nil {
			return v, e
		}
		v.n, v.s = n, ""
	case "B":
		raw, err := base64.StdEncoding.DecodeString(s)
		if err != nil {
			return v, &apiError{code: "SerializationException", message: "Invalid base64: " + err.Error()}
		}
		v.s = string(raw)
	}
	return v, nil
}

// MarshalJSON writes a value as the wire has it.
func (v value) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]any{v.kind: v.wire()})
}

func (v value) wire() any {
	switch v.kind {
	case "S":
		return v.s
	case "N":
		return v.n.String()
	case "B":
		return []byte(v.s)
	case "BOOL", "NULL":
		return v.b
	case "L":
		return append([]value{}, v.list...)
	case "M":
		return v.m
	}
	elements := make([]any, len(v.list))
	for i, e := range v.list {
		elements[i] = e.wire()
	}
	return elements
}

func numeric(n number) value { return value{kind: "N", n: n} }

func count(n int) value {
	i, _ := parseNumber(strconv.Itoa(n))
	return numeric(i)
}

// text is a scalar as messages have it.
func (v value) text() string {
	switch v.kind {
	case "N":
		return v.n.String()
	case "B":
		return base64.StdEncoding.EncodeToString([]byte(v.s))
	}
	return v.s
}

func (v value) isSet() bool { return len(v.kind) == 2 }

func (v value) equal(w value) bool {
	if v.kind != w.kind {
		return false
	}
	switch v.kind {
	case "S", "B":
		return v.s == w.s
	case "N":
		return v.n.cmp(w.n) == 0
	case "L":
		return slices.EqualFunc(v.list, w.list, value.equal)
	case "M":
		return maps.EqualFunc(v.m, w.m, value.equal)
	case "BOOL", "NULL":
		return v.b == w.b
	}
	return len(v.list) == len(w.list) && !slices.ContainsFunc(v.list, func(e value) bool { return !slices.ContainsFunc(w.list, e.equal) })
}

// compare orders two values of one scalar kind as DynamoDB sorts them: strings
// and binaries by their bytes.
func (v value) compare(w value) int {
	if v.kind == "N" {
		return v.n.cmp(w.n)
	}
	return bytes.Compare([]byte(v.s), []byte(w.s))
}

// size is what a value counts for the limit of an item, a page and for capacity
// (developer guide, "Item sizes and formats").
func (v value) size() int {
	switch v.kind {
	case "S", "B":
		return len(v.s)
	case "N":
		n := (len(v.n.digits)+1)/2 + 1
		if v.n.neg {
			n++
		}
		return n
	case "L":
		n := 3
		for _, e := range v.list {
			n += 1 + e.size()
		}
		return n
	case "M":
		return 3 + len(v.m) + v.m.size()
	case "BOOL", "NULL":
		return 1
	}
	n := 0
	for _, e := range v.list {
		n += e.size()
	}
	return n
}

func (it item) size() int {
	n := 0
	for name, v := range it {
		n += len(name) + v.size()
	}
	return n
}
