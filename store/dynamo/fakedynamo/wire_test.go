package fakedynamo_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sshforward/sshforward/store/dynamo/fakedynamo"
)

// wire speaks to something that says it is DynamoDB.
type wire struct {
	t      *testing.T
	client *http.Client
	url    string
}

func fake(t *testing.T, o fakedynamo.Options) (*fakedynamo.DB, wire) {
	db := fakedynamo.New(o)
	return db, wire{t, db.HTTPClient("test"), "http://dynamodb.invalid/"}
}

// reply is an answer: its error's name and message, or what it says.
type reply struct {
	Code, Message string
	Body          map[string]any
}

func (w wire) call(operation, body string) reply {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, w.url, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-amz-json-1.0")
	req.Header.Set("X-Amz-Target", "DynamoDB_20120810."+operation)
	req.Header.Set("X-Amz-Date", time.Now().UTC().Format("20060102T150405Z"))
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIATEST/20260101/us-east-1/dynamodb/aws4_request, "+
		"SignedHeaders=host, Signature=00")
	resp, err := w.client.Do(req)
	if err != nil {
		return reply{Code: "broken", Message: err.Error()}
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	var r reply
	if err := json.Unmarshal(raw, &r.Body); err != nil {
		w.t.Fatalf("%s answers %d %q: %v", operation, resp.StatusCode, raw, err)
	}
	if resp.StatusCode != http.StatusOK {
		kind, _ := r.Body["__type"].(string)
		_, r.Code, _ = strings.Cut(kind, "#")
		r.Message, _ = r.Body["message"].(string)
		delete(r.Body, "__type")
		delete(r.Body, "message")
	}
	sortSets(r.Body)
	return r
}

// must is a call that succeeds.
func (w wire) must(operation, body string) map[string]any {
	w.t.Helper()
	r := w.call(operation, body)
	if r.Code != "" {
		w.t.Fatalf("%s %s: %s: %s", operation, body, r.Code, r.Message)
	}
	return r.Body
}

// sortSets gives sets an order, which they do not have.
func sortSets(v any) {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			if elements, ok := e.([]any); ok && (k == "SS" || k == "NS" || k == "BS") {
				slices.SortFunc(elements, func(a, b any) int { return strings.Compare(a.(string), b.(string)) })
			}
			sortSets(e)
		}
	case []any:
		for _, e := range v {
			sortSets(e)
		}
	}
}

func show(v any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(v)
	return strings.TrimSpace(b.String())
}

// leases is a table with what the store's has: two string keys and sparse local
// indexes.
const leases = `{"TableName": "leases", "BillingMode": "PAY_PER_REQUEST",
	"AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}, {"AttributeName": "sk", "AttributeType": "S"},
		{"AttributeName": "due", "AttributeType": "S"}, {"AttributeName": "nth", "AttributeType": "N"}],
	"KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
	"LocalSecondaryIndexes": [
		{"IndexName": "due", "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "due", "KeyType": "RANGE"}],
			"Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["w"]}},
		{"IndexName": "nth", "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "nth", "KeyType": "RANGE"}],
			"Projection": {"ProjectionType": "KEYS_ONLY"}}]}`
