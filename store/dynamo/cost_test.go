package dynamo

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/internal/testenv"
	"github.com/sshforward/sshforward/store/storetest"
)

// meter asks DynamoDB what each call has cost, and adds that up.
type meter struct {
	next aws.HTTPClient

	mu            sync.Mutex
	reads, writes float64
	calls, items  int // items that were looked at by queries
}

func (m *meter) Do(req *http.Request) (*http.Response, error) {
	_, operation, _ := strings.Cut(req.Header.Get("X-Amz-Target"), ".")
	if strings.HasSuffix(operation, "Item") || operation == "Query" {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return nil, err
		}
		// The stand-ins do not look at what was signed.
		body = bytes.Replace(body, []byte("{"), []byte(`{"ReturnConsumedCapacity":"TOTAL",`), 1)
		req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		req.Header.Set("Content-Length", "")
		req.Header.Del("Content-Length")
	}
	resp, err := m.next.Do(req)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	var said struct {
		ConsumedCapacity json.RawMessage
		ScannedCount     int
	}
	if json.Unmarshal(body, &said) != nil {
		return resp, nil
	}
	type capacity struct{ CapacityUnits float64 }
	var one capacity
	var several []capacity
	if json.Unmarshal(said.ConsumedCapacity, &one) != nil {
		_ = json.Unmarshal(said.ConsumedCapacity, &several)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls++
	m.items += said.ScannedCount
	for _, c := range append(several, one) {
		if operation == "GetItem" || operation == "BatchGetItem" || operation == "Query" {
			m.reads += c.CapacityUnits
		} else {
			m.writes += c.CapacityUnits
		}
	}
	return resp, nil
}

// cost is what something has cost.
type cost struct {
	reads, writes float64
	calls, items  int
}

func (m *meter) cost(t *testing.T, s *Store, do func() error) cost {
	t.Helper()
	if err := s.teller.flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	m.mu.Lock()
	before := cost{m.reads, m.writes, m.calls, m.items}
	m.mu.Unlock()
	if err := do(); err != nil {
		t.Fatal(err)
	}
	if err := s.teller.flush(t.Context()); err != nil { // what a Put has to tell belongs to it
		t.Fatal(err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return cost{m.reads - before.reads, m.writes - before.writes, m.calls - before.calls, m.items - before.items}
}

// What a call costs does not grow with what is kept: not in units, not in calls,
// and not in entries that are looked at.
func TestWhatThingsCost(t *testing.T) {
	st := fake()
	m := &meter{next: st.next}
	s := st.open(t, newTable(), func(o *Options) { o.HTTPClient = m })
	real := storetest.Full(t) // larger than most
	real.ID, real.Revision, real.State, real.DueAt = "active0", 0, sshforward.Open, noon.Add(time.Hour)
	mustPut(t, s, real)
	for _, id := range []string{"active1", "active2"} {
		l := newLease(id)
		l.DueAt = noon.Add(time.Hour)
		mustPut(t, s, l)
	}
	beat := func() error { return s.Beat(t.Context(), sshforward.Replica{ID: "aaa", Beat: 1}) }
	if err := beat(); err != nil { // before the replicas are counted, in whatever order
		t.Fatal(err)
	}
	e := sshforward.Event{At: noon, Act: sshforward.ActOpened, Lease: real.ID, Owner: "U1", Instance: "i-0123456789abcdef0"}
	calls := map[string]func() error{
		"Due, nothing is":      func() error { _, err := s.Due(t.Context(), noon, 100); return err },
		"Lease":                func() error { _, err := s.Lease(t.Context(), real.ID); return err },
		"Active, three leases": func() error { _, err := s.Active(t.Context()); return err },
		"Put":                  func() error { return s.Put(t.Context(), real) },
		"Put with an event":    func() error { return s.Put(t.Context(), real, e) },
		"Append":               func() error { return s.Append(t.Context(), e) },
		"Past of nobody":       func() error { _, err := s.Past(t.Context(), "U0PAST", time.Time{}, 10); return err },
		"Events of the future": func() error {
			return s.events(t.Context(), noon.Add(1e18), func(sshforward.Event) bool { return true })
		},
		"Beat":                   beat,
		"Replicas, there is one": func() error { _, err := s.Replicas(t.Context()); return err },
	}
	measure := func() map[string]cost {
		all := make(map[string]cost)
		for what, call := range calls {
			m.cost(t, s, call) // the first time may make an item
			all[what] = m.cost(t, s, call)
		}
		return all
	}
	few := measure()
	fill(t, s, testenv.UnlessRaced(3000, 300), testenv.UnlessRaced(3000, 300))
	for what, many := range measure() {
		t.Logf("%-22s %4.1f reads, %4.1f writes, %d calls", what, many.reads, many.writes, many.calls)
		if many != few[what] {
			t.Errorf("%s costs %+v, and with more that is kept %+v", what, few[what], many)
		}
	}
	if due := few["Due, nothing is"]; due != (cost{reads: 1, calls: 1}) {
		t.Errorf("to see that nothing is due costs %+v", due)
	}
}

// What is larger than an item may be is compressed: a lease has to end whatever is
// in it.
func TestALeaseThatIsTooLarge(t *testing.T) {
	t.Parallel()
	st := fake()
	s := st.open(t, newTable())
	l := newLease("aaaaaaa")
	l.Because = strings.Repeat("because of this and that ", 60_000) // 1.5 MB
	e := sshforward.Event{At: noon, Act: sshforward.ActOpen, Detail: strings.Repeat("of this and that ", 5_000)}
	mustPut(t, s, l, e, e, e)
	got, err := s.Lease(t.Context(), l.ID)
	if err != nil || got.Because != l.Because {
		t.Fatalf("it comes back with %d bytes, %v", len(got.Because), err)
	}
	n := 0
	for got, err := range s.EventsAfter(t.Context(), 0) {
		if err != nil || got.Detail != e.Detail {
			t.Fatalf("an event comes back with %d bytes, %v", len(got.Detail), err)
		}
		n++
	}
	if n != 3 {
		t.Errorf("%d events", n)
	}
	e.Detail = strings.Repeat("x", maxEvent)
	if err := s.Put(t.Context(), l, e); sshforward.ErrorCode(err) != sshforward.EINVALID {
		t.Errorf("an event that no item has room for: %v", err)
	}
}
