package fakedynamo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// DB is one imaginary DynamoDB: the tables of one account in one region. All its
// methods may be called from several goroutines.
type DB struct {
	mu     sync.Mutex
	opts   Options
	tables map[string]*table
	fault  func(Call) Fault
	calls  []Call
	seq    int
	late   []lateCall
}

// lateCall is a call that arrives although its caller has given up.
type lateCall struct {
	rq *request
	at time.Time
}

// New returns a DB without tables.
func New(o Options) *DB {
	return &DB{opts: o.withDefaults(), tables: map[string]*table{}, fault: o.Fault}
}

// Drop deletes a table with all that is in it, as somebody does who may, protected or
// not.
func (db *DB) Drop(table string) {
	db.mu.Lock()
	defer db.mu.Unlock()
	delete(db.tables, table)
}

// request is a call while it is being worked on.
type request struct {
	db          *DB
	call        Call
	signed      time.Time
	now         time.Time
	stale       time.Duration
	unprocessed int
}

// operations by their names.
var operations = map[string]func(rq *request) (any, *apiError){
	"PutItem": decoded((*request).putItem), "GetItem": decoded((*request).getItem),
	"UpdateItem": decoded((*request).updateItem), "DeleteItem": decoded((*request).deleteItem),
	"Query": decoded((*request).query), "Scan": decoded((*request).scan),
	"BatchWriteItem": decoded((*request).batchWriteItem), "BatchGetItem": decoded((*request).batchGetItem),
	"CreateTable": decoded((*request).createTable), "DescribeTable": decoded((*request).describeTable),
	"UpdateTable": decoded((*request).updateTable), "DeleteTable": decoded((*request).deleteTable),
	"ListTables":                decoded((*request).listTables),
	"DescribeContinuousBackups": decoded((*request).describeContinuousBackups),
	"UpdateContinuousBackups":   decoded((*request).updateContinuousBackups),
	"TagResource":               decoded((*request).tagResource), "ListTagsOfResource": decoded((*request).listTagsOfResource),
}

// decoded reads the input of an operation. What it does not know it refuses,
// where DynamoDB would do something that is not imitated here.
func decoded[T any](op func(*request, T) (any, *apiError)) func(*request) (any, *apiError) {
	return func(rq *request) (any, *apiError) {
		var in T
		d := json.NewDecoder(strings.NewReader(rq.call.Body))
		d.DisallowUnknownFields()
		if err := d.Decode(&in); err != nil {
			if e := (*apiError)(nil); errors.As(err, &e) {
				return nil, e
			}
			return nil, &apiError{code: "SerializationException", message: "fakedynamo: " + err.Error()}
		}
		return op(rq, in)
	}
}

// answer is what goes back to the caller: a response, or a broken connection.
type answer struct {
	status int
	header http.Header
	body   []byte
	err    error
}

// ServeHTTP answers a call.
func (d *DB) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	a := d.serve(req, "")
	if a.err != nil {
		// The one way for a handler to break the connection off.
		panic(http.ErrAbortHandler)
	}
	for k, v := range a.header {
		w.Header()[k] = v
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body)
}

// HTTPClient returns a client that runs the handler in the caller's goroutine,
// whatever the address: no sockets, and nothing left behind, so that it can be
// used in a synctest bubble. The name is for faults that are one client's; without
// one it is the access key id.
func (d *DB) HTTPClient(name string) *http.Client { return &http.Client{Transport: transport{d, name}} }

type transport struct {
	d    *DB
	name string
}

func (t transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		defer req.Body.Close()
	}
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	a := t.d.serve(req, t.name)
	if a.err != nil {
		return nil, a.err
	}
	return &http.Response{
		Status: strconv.Itoa(a.status) + " " + http.StatusText(a.status), StatusCode: a.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: a.header, Body: io.NopCloser(bytes.NewReader(a.body)),
		ContentLength: int64(len(a.body)), Request: req,
	}, nil
}

var errReset = &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}

// maxRequest is how large a request may be.
const maxRequest = 16 << 20

var credential = regexp.MustCompile(`Credential=([^/]+)/[^/]+/[^/]+/dynamodb/`)

func (d *DB) serve(req *http.Request, client string) answer {
	body, err := io.ReadAll(io.LimitReader(req.Body, maxRequest))
	if err != nil {
		return answer{err: err}
	}
	rq := &request{db: d, call: Call{Client: client, Body: string(body)}}
	_, rq.call.Operation, _ = strings.Cut(req.Header.Get("X-Amz-Target"), "DynamoDB_20120810.")
	var about struct{ TableName, IndexName string }
	_ = json.Unmarshal(body, &about) // what is wrong with it its operation says
	rq.call.Table, rq.call.Index = about.TableName, about.IndexName
	rq.signed, _ = time.Parse("20060102T150405Z", req.Header.Get("X-Amz-Date"))
	who := credential.FindStringSubmatch(req.Header.Get("Authorization"))
	if who != nil && client == "" {
		rq.call.Client = who[1]
	}
	f := d.record(rq)
	rq.stale, rq.unprocessed = f.Stale, f.Unprocessed

	if f.Before != nil {
		f.Before()
	}
	half := d.opts.CallTime / 2
	arrives := time.Now().Add(f.Delay + half)
	if err := sleep(req.Context(), f.Delay+half); err != nil {
		if f.Arrives {
			d.later(rq, arrives)
		}
		return d.finish(rq, answer{err: err}, "", true)
	}
	if f.Unsent {
		return d.finish(rq, answer{err: errReset}, "", true)
	}
	if f.Code != "" {
		return d.fail(rq, &apiError{code: f.Code, message: f.Message, status: f.Status})
	}
	if who == nil {
		return d.fail(rq, &apiError{code: "MissingAuthenticationTokenException", message: "Request is missing Authentication Token"})
	}
	result, e := d.perform(rq)
	if f.After != nil {
		f.After()
	}
	code := ""
	if e != nil {
		code = e.code
	}
	if err := sleep(req.Context(), f.SlowReply+half); err != nil {
		return d.finish(rq, answer{err: err}, code, true)
	}
	if f.Lost {
		return d.finish(rq, answer{err: errReset}, code, true)
	}
	if e != nil {
		return d.fail(rq, e)
	}
	if result == nil {
		result = struct{}{}
	}
	return d.finish(rq, d.encode(rq, http.StatusOK, result), "", false)
}

func (d *DB) fail(rq *request, e *apiError) answer {
	return d.finish(rq, d.encode(rq, e.httpStatus(), e.body()), e.code, false)
}

func (d *DB) encode(rq *request, status int, v any) answer {
	body, err := json.Marshal(v)
	if err != nil {
		return answer{err: err}
	}
	d.mu.Lock()
	date := time.Now().Add(d.opts.ClockSkew).UTC().Format(http.TimeFormat)
	d.mu.Unlock()
	h := http.Header{}
	h.Set("Content-Type", "application/x-amz-json-1.0")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("X-Amzn-Requestid", fmt.Sprintf("FAKE%048d", rq.call.Seq))
	h.Set("X-Amz-Crc32", strconv.FormatUint(uint64(crc32.ChecksumIEEE(body)), 10))
	h.Set("Date", date)
	return answer{status: status, header: h, body: body}
}

// record notes a call, before anything can go wrong with it, and asks for its
// fault.
func (d *DB) record(rq *request) Fault {
	d.mu.Lock()
	d.seq++
	rq.call.Seq, rq.call.At = d.seq, time.Now()
	if len(d.calls) >= keepCalls {
		d.calls = slices.Clone(d.calls[keepCalls/2:])
	}
	kept := rq.call
	kept.Body = ""
	d.calls = append(d.calls, kept)
	fault := d.fault
	d.mu.Unlock()
	if fault == nil {
		return Fault{}
	}
	return fault(rq.call)
}

func (d *DB) finish(rq *request, a answer, code string, lost bool) answer {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := len(d.calls) - 1; i >= 0; i-- {
		if d.calls[i].Seq == rq.call.Seq {
			d.calls[i].Code, d.calls[i].Lost = code, lost
			break
		}
	}
	return a
}

func (d *DB) later(rq *request, at time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.late = append(d.late, lateCall{rq, at})
	slices.SortStableFunc(d.late, func(a, b lateCall) int { return a.at.Compare(b.at) })
}

// perform lets a call take effect, after those that arrived late before it.
func (d *DB) perform(rq *request) (any, *apiError) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	for len(d.late) > 0 && !d.late[0].at.After(now) {
		l := d.late[0]
		d.late = d.late[1:]
		_, _ = l.rq.act(l.at)
	}
	return rq.act(now)
}

// signatureLife is how long after its date a signed request is good (IAM guide,
// "Signature Version 4").
const signatureLife = 5 * time.Minute

func (rq *request) act(now time.Time) (any, *apiError) {
	rq.now = now
	if age := now.Add(rq.db.opts.ClockSkew).Sub(rq.signed); age < -signatureLife || age > signatureLife {
		return nil, &apiError{code: "InvalidSignatureException", message: "Signature expired: " + rq.signed.Format("20060102T150405Z") +
			" is now earlier than " + now.Add(rq.db.opts.ClockSkew-signatureLife).UTC().Format("20060102T150405Z")}
	}
	op, ok := operations[rq.call.Operation]
	if !ok {
		return nil, &apiError{code: "UnknownOperationException", message: "fakedynamo does not do " + rq.call.Operation}
	}
	return op(rq)
}

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return errors.Join(errReset, ctx.Err())
	}
}
