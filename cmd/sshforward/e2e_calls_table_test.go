package main

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/sshforward/sshforward/internal/testenv"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
	"github.com/sshforward/sshforward/store/dynamo/fakedynamo"
)

// tableCallsFile is what IAM is asked about the table, see callsFile.
const tableCallsFile = "../../deploy/calls-table.json"

// tableRecorder notes what is asked of DynamoDB, and hands it on.
type tableRecorder struct {
	db   http.Handler
	mu   sync.Mutex
	seen map[string]bool // calls, as the file has them
}

// ServeHTTP implements http.Handler.
func (r *tableRecorder) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return
	}
	req.Body = io.NopCloser(bytes.NewReader(body))
	var in struct {
		TableName, IndexName string
		RequestItems         map[string]json.RawMessage
	}
	_ = json.Unmarshal(body, &in) // DynamoDB says what is wrong with it
	_, operation, _ := strings.Cut(req.Header.Get("X-Amz-Target"), ".")
	for table := range in.RequestItems {
		in.TableName = table
	}
	action := "dynamodb:" + operation
	resource := "arn:aws:dynamodb:ap-northeast-1:123456789012:table/" + in.TableName
	if in.IndexName != "" {
		resource += "/index/" + in.IndexName
	}
	line, _ := json.Marshal(iamCall{Call: action, Requests: []iamRequest{{Action: action, Resource: resource}}}) // strings can be
	r.mu.Lock()
	r.seen[string(line)] = true
	r.mu.Unlock()
	r.db.ServeHTTP(w, req)
}

// TestCallsOfATable records a life with the leases in a table that the bot makes, and
// the commands that look into it or fill it.
func TestCallsOfATable(t *testing.T) {
	testenv.SkipRaced(t, "what it records does not depend on it")
	t.Parallel()
	recorded := &tableRecorder{db: fakedynamo.New(fakedynamo.Options{}), seen: make(map[string]bool)}
	server := httptest.NewServer(recorded)
	t.Cleanup(server.Close)
	c, _, _ := fakeCloud(t, fakeaws.Options{})
	w := newWorld(t, c, worldOptions{
		store: "dynamodb: {table: sshforward-prod, create: true}", env: []string{"AWS_ENDPOINT_URL_DYNAMODB=" + server.URL},
		timing: strings.Replace(shortTiming, "keep: 1h", "keep: 1s", 1),
	})
	w.slash(ann, dev, "ip 203.0.113.9")
	w.slash(ann, dev, "ip clear")
	w.card(dev, w.open(ann, dev, c.instance+" 2s from 203.0.113.7"), "*Closed*")
	w.nothingLeftSoon()
	if out, err := w.command("doctor", "--json").Output(); !strings.Contains(string(out), "point-in-time recovery is on") ||
		!strings.Contains(string(out), "tried without effect") {
		t.Errorf("doctor: %v\n%s", err, out)
	}
	w.audit()
	copied := filepath.Join(w.dir, "copy.db")
	if out, err := w.command("backup", copied).CombinedOutput(); err != nil {
		t.Fatalf("backup: %v\n%s", err, out)
	}
	if code, _ := w.terminate(); code != 0 {
		t.Errorf("it ends with %d", code)
	}
	// The same table, anew.
	recorded.db = fakedynamo.New(fakedynamo.Options{})
	if out, err := w.command("audit").CombinedOutput(); err == nil || strings.Count(string(out), "\n") != 1 ||
		!strings.Contains(string(out), "there is no table sshforward-prod in ap-northeast-1; make it with") {
		t.Errorf("without a table: %v %s", err, out)
	}
	if out, err := w.command("restore", copied).CombinedOutput(); err != nil {
		t.Errorf("restore: %v\n%s", err, out)
	}
	recorded.mu.Lock()
	got := slices.Sorted(maps.Keys(recorded.seen))
	recorded.mu.Unlock()
	text := "[\n  " + strings.Join(got, ",\n  ") + "\n]\n"
	want, err := os.ReadFile(tableCallsFile)
	if err == nil && string(want) == text {
		return
	}
	if !*updateFiles {
		t.Fatalf("%s is not what is called (go test ./cmd/sshforward -run TestCallsOfATable -update writes it), %v:\n%s",
			tableCallsFile, err, text)
	}
	if err := os.WriteFile(tableCallsFile, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
