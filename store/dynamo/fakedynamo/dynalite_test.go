package fakedynamo_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sshforward/sshforward/internal/testenv"
	"github.com/sshforward/sshforward/store/dynamo/dynalitetest"
	"github.com/sshforward/sshforward/store/dynamo/fakedynamo"
)

// pair is fakedynamo and dynalite, each with a table of its own of the same name.
type pair struct {
	t           *testing.T
	name        string
	here, there wire
}

func newPair(t *testing.T) pair {
	url := dynalitetest.Start(t)
	_, here := fake(t, fakedynamo.Options{Lag: -1})
	p := pair{t, fmt.Sprintf("t%d", time.Now().UnixNano()), here, wire{t, &http.Client{Timeout: 10 * time.Second}, url}}
	p.here.must("CreateTable", p.own(leases))
	p.there.must("CreateTable", p.own(leases))
	for end := time.Now().Add(10 * time.Second); ; {
		about := p.there.must("DescribeTable", p.own(`{"TableName": "leases"}`))["Table"].(map[string]any)
		if about["TableStatus"] == "ACTIVE" {
			return p
		}
		if time.Now().After(end) {
			t.Fatalf("the table is %v", about["TableStatus"])
		}
	}
}

func (p pair) own(body string) string { return strings.ReplaceAll(body, `"leases"`, `"`+p.name+`"`) }

// compare has both do something and fails the test unless they answer alike. The
// gist is without the words of an error: of two that there are, either may be named.
func (p pair) compare(name, body string, gist bool) (code string) {
	p.t.Helper()
	got, want := p.here.call(name, p.own(body)), p.there.call(name, p.own(body))
	// What AWS generates from its model, dynalite has to the letter; here it is the gist.
	if (gist || strings.HasPrefix(want.Message, "1 validation error")) && got.Code == want.Code {
		want.Message, got.Message = "", ""
	}
	if diff := cmp.Diff(want, got); diff != "" {
		p.t.Errorf("%s %s\n(-dynalite +fakedynamo)\n%s", name, body, diff)
	}
	return got.Code
}

// TestDynaliteAgrees runs the same operations, one after the other, here and on
// dynalite, somebody else's emulator, and compares every answer.
func TestDynaliteAgrees(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	for _, op := range operations {
		if op.differs == "" {
			p.compare(op.name, op.body, false)
			continue
		}
		if got := p.here.call(op.name, p.own(op.body)); got.Code != op.code {
			t.Errorf("%s %s\nis %q: %s, want %q", op.name, op.body, got.Code, got.Message, op.code)
		}
	}
}

// TestDynaliteAgreesOnAnything does the same with operations that nobody thought
// of: a seed repeats them.
func TestDynaliteAgreesOnAnything(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	codes := make(map[string]int)
	for seed := range uint64(testenv.UnlessRaced(600, 100)) {
		g := generator{rand.New(rand.NewPCG(seed, 0))}
		name, body := g.operation()
		codes[p.compare(name, body, true)]++
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	for _, code := range []string{"", "ConditionalCheckFailedException", "ValidationException"} {
		if codes[code] < 10 {
			t.Errorf("of the answers only %d are %q: %v", codes[code], code, codes)
		}
	}
}

// generator makes operations on a few items with a few attributes, so that they
// meet often.
type generator struct{ *rand.Rand }

func (g generator) one(of ...string) string { return of[g.IntN(len(of))] }

func (g generator) key() (pk, sk string) { return g.one("a", "b"), g.one("1", "2", "3", "30") }

func (g generator) operation() (name, body string) {
	pk, sk := g.key()
	key := fmt.Sprintf(`{"pk": {"S": %q}, "sk": {"S": %q}}`, pk, sk)
	switch g.IntN(6) {
	case 0, 1:
		item := fmt.Sprintf(`{"pk": {"S": %q}, "sk": {"S": %q}`, pk, sk)
		for _, a := range []string{"n", "s", "l", "tags", "due", "nth"} {
			if g.IntN(3) > 0 {
				item += fmt.Sprintf(`, %q: %s`, a, g.value(a, pk+sk))
			}
		}
		return "PutItem", `{"TableName": "leases", "ReturnValues": "ALL_OLD", "Item": ` + item + `}` + g.given() + `}`
	case 2, 3:
		return "UpdateItem", `{"TableName": "leases", "Key": ` + key + g.update(pk+sk) + `}`
	case 4:
		return "DeleteItem", `{"TableName": "leases", "ReturnValues": "ALL_OLD", "Key": ` + key + g.given() + `}`
	}
	return "Query", g.query(pk)
}

// value is one for an attribute; in the indexes no two items have the same.
func (g generator) value(attribute, item string) string {
	switch attribute {
	case "n":
		return fmt.Sprintf(`{"N": "%d"}`, g.IntN(5)-2)
	case "nth":
		return fmt.Sprintf(`{"N": "%d.%d%s5"}`, g.IntN(20), item[0]%2, item[1:])
	case "due":
		return fmt.Sprintf(`{"S": "%d/%s"}`, g.IntN(12), item)
	case "l":
		return fmt.Sprintf(`{"L": [{"S": %q}, {"N": "%d"}]}`, g.one("x", "y"), g.IntN(3))
	case "tags":
		return g.one(`{"SS": ["x"]}`, `{"SS": ["x", "y"]}`, `{"SS": ["y", "z"]}`)
	}
	return fmt.Sprintf(`{"S": %q}`, g.one("x", "y", "xy"))
}

// literals are what expressions compare with and put.
var literals = []string{
	`":n": {"N": "1"}`, `":m": {"N": "-1"}`, `":s": {"S": "x"}`, `":t": {"S": "xy"}`, `":l": {"L": [{"S": "x"}, {"N": "0"}]}`,
}

// condition makes one, so deep at most; it uses whatever of the literals.
func (g generator) condition(depth int) string {
	if depth > 0 && g.IntN(2) == 0 {
		switch g.IntN(4) {
		case 0:
			return "NOT " + g.condition(0) // dynalite has no NOT NOT
		case 1:
			return "(" + g.condition(depth-1) + " OR " + g.condition(0) + ") AND " + g.condition(0)
		}
		return g.condition(depth-1) + g.one(" AND ", " or ") + g.condition(depth-1)
	}
	a := g.one("n", "s", "l", "tags", "l[0]", "l[1]", "n", "s")
	literal := g.one(":n", ":m", ":s", ":t")
	switch g.IntN(8) {
	case 0:
		return "attribute_exists(" + a + ")"
	case 1:
		return "attribute_not_exists(" + a + ")"
	case 2:
		return "begins_with(" + a + ", " + g.one(":s", ":t", ":n") + ")"
	case 3:
		return "contains(" + a + ", " + literal + ")"
	case 4:
		return a + " IN (" + literal + ", :t)"
	case 5:
		return a + " BETWEEN " + g.one(":m AND :n", ":s AND :t", ":t AND :s", ":m AND :t")
	case 6:
		return "size(" + a + ") " + g.one("=", ">", "<=") + " :n"
	}
	return a + " " + g.one("=", "<>", "<", "<=", ">", ">=") + " " + literal
}

// given is a condition with its values, or nothing.
func (g generator) given() string {
	if g.IntN(2) == 0 {
		return ""
	}
	c := g.condition(2)
	return `, "ConditionExpression": "` + c + `"` + g.values(c)
}

// values are those of the literals that the expressions mention.
func (g generator) values(expressions string) string {
	var used []string
	for _, l := range literals {
		if name := l[1:3]; strings.Contains(expressions, name) {
			used = append(used, l)
		}
	}
	if used == nil {
		return ""
	}
	return `, "ExpressionAttributeValues": {` + strings.Join(used, ", ") + `}`
}

func (g generator) update(item string) string {
	clauses := []string{
		g.one("SET n = n + :n", "SET n = if_not_exists(n, :m) - :n", "SET n = s", "SET s = :s, n = :n", "SET l = list_append(l, :l)",
			"SET l = list_append(if_not_exists(l, :l), :l)", "SET l[1] = :s", "SET l[5] = :t", "SET s = if_not_exists(s, :t), l[0] = n"),
		g.one("REMOVE due", "REMOVE nth, due", "REMOVE l[1]", "REMOVE gone"),
	}
	text := clauses[g.IntN(2)]
	if g.IntN(4) == 0 && !strings.Contains(clauses[0], "l[") && !strings.Contains(clauses[0], "SET l") {
		text = clauses[0] + " " + clauses[1]
	}
	out := `, "ReturnValues": "` + g.one("ALL_NEW", "ALL_OLD", "NONE") + `", "UpdateExpression": "` + text + `"`
	if g.IntN(3) > 0 {
		return out + g.values(text)
	}
	c := g.condition(1)
	return out + `, "ConditionExpression": "` + c + `"` + g.values(text+c)
}

func (g generator) query(pk string) string {
	body, key := `{"TableName": "leases", "ConsistentRead": true`, "sk"
	value := func() string { return fmt.Sprintf(`{"S": %q}`, g.one("1", "2", "3", "30", "4")) }
	switch g.IntN(3) {
	case 0:
		key = "due"
		value = func() string { return g.value("due", pk+"2") }
	case 1:
		key = "nth"
		value = func() string { return g.value("nth", pk+"2") }
	}
	if key != "sk" {
		body += `, "IndexName": "` + key + `"` + g.one("", `, "Select": "ALL_ATTRIBUTES"`)
	}
	values := fmt.Sprintf(`":p": {"S": %q}`, pk)
	condition := "pk = :p"
	if g.IntN(3) > 0 {
		condition += " AND " + g.one(key+" < :x", key+" <= :x", key+" > :x", key+" >= :x", key+" = :x", key+" BETWEEN :x AND :y",
			"begins_with("+key+", :x)")
		values += `, ":x": ` + value()
		if strings.Contains(condition, ":y") {
			values += `, ":y": ` + value()
		}
	}
	if g.IntN(3) == 0 && key == "sk" {
		body += `, "FilterExpression": "n > :n OR contains(s, :s)"`
		values += `, ":n": {"N": "0"}, ":s": {"S": "x"}`
	}
	if g.IntN(2) == 0 {
		body += fmt.Sprintf(`, "Limit": %d`, 1+g.IntN(4))
	}
	body += g.one("", `, "ScanIndexForward": false`)
	return body + `, "KeyConditionExpression": "` + condition + `", "ExpressionAttributeValues": {` + values + `}}`
}
