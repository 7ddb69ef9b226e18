package dynamo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// wire is the way to a table, on which things go wrong. Chances are of a hundred.
type wire struct {
	next aws.HTTPClient

	lost     int // the answer to a write that was done
	lostAll  int // any answer
	repeated int // a write comes twice, and the second answer is the one that arrives
	late     int // a write comes once more, some time after it was answered
	delayed  int // on the way there, or back
	refused  int // throttled
	down     atomic.Bool

	mu     sync.Mutex
	random *rand.Rand
	zombie sync.WaitGroup // writes that come late
	counts map[string]int
}

func newWire(next aws.HTTPClient, seed uint64) *wire {
	return &wire{next: next, random: rand.New(rand.NewPCG(seed, 17)), counts: make(map[string]int)}
}

// turns has a lock for each item, see turn.
var turns sync.Map

// turn lets an item be deleted only after whatever was sent to it before is there,
// with all copies, and nothing else before the delete is there with its own. A
// write whose copy came when its item was deleted meanwhile, and perhaps made anew,
// would be done twice, and no condition on the item could tell: see the package's
// doc on ids. Writes of any other kind have it at the same time. Whoever has had
// their turn calls what is returned.
func turn(operation string, body []byte) (over func()) {
	var in struct {
		TableName string
		Key, Item map[string]any
	}
	if json.Unmarshal(body, &in) != nil || in.Key == nil && in.Item == nil {
		return func() {}
	}
	it := in.Key
	if it == nil {
		it = in.Item
	}
	lock, _ := turns.LoadOrStore(fmt.Sprint(in.TableName, it[attrPK], it[attrSK]), new(sync.RWMutex))
	turn := lock.(*sync.RWMutex)
	if operation == "DeleteItem" {
		turn.Lock()
		return turn.Unlock
	}
	turn.RLock()
	return turn.RUnlock
}

// bad is a wire on which everything goes wrong now and then.
func bad(next aws.HTTPClient, seed uint64) *wire {
	w := newWire(next, seed)
	w.lost, w.repeated, w.late, w.delayed, w.refused = 8, 4, 4, 4, 4
	return w
}

func (w *wire) chance(what string, of int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.random.IntN(100) >= of {
		return false
	}
	w.counts[what]++
	return true
}

func (w *wire) some(d time.Duration) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Duration(w.random.Int64N(int64(d)))
}

func (w *wire) count(what string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.counts[what]
}

var errWire = errors.New("connection reset by peer")

const throttled = `{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException","message":"too much"}`

// Do carries a request, or does not.
func (w *wire) Do(req *http.Request) (*http.Response, error) {
	_, operation, _ := strings.Cut(req.Header.Get("X-Amz-Target"), ".")
	write := operation == "PutItem" || operation == "UpdateItem" || operation == "DeleteItem" || operation == "BatchWriteItem"
	var body []byte
	if req.Body != nil {
		var err error
		if body, err = io.ReadAll(req.Body); err != nil {
			return nil, err
		}
	}
	send := func(ctx context.Context) (*http.Response, error) {
		again := req.Clone(ctx)
		again.Body = io.NopCloser(bytes.NewReader(body))
		return w.next.Do(again)
	}
	if w.down.Load() {
		return nil, errWire
	}
	if w.chance("refused", w.refused) {
		return &http.Response{
			StatusCode: http.StatusBadRequest, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: req,
			Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}}, Body: io.NopCloser(strings.NewReader(throttled)),
		}, nil
	}
	if w.chance("delayed", w.delayed) {
		time.Sleep(w.some(10 * time.Millisecond))
	}
	over := func() {}
	if write {
		over = turn(operation, body)
	}
	defer func() { over() }()
	resp, err := send(req.Context())
	if err != nil {
		return nil, err
	}
	done := write && resp.StatusCode == http.StatusOK
	if write && w.chance("repeated", w.repeated) {
		discard(resp)
		if resp, err = send(req.Context()); err != nil {
			return nil, err
		}
	}
	if write && w.chance("late", w.late) {
		pause := w.some(50 * time.Millisecond)
		overLate := over
		over = func() {}
		w.zombie.Go(func() {
			defer overLate()
			time.Sleep(pause)
			if resp, err := send(context.Background()); err == nil {
				discard(resp)
			}
		})
	}
	if w.chance("lost", w.lostAll) || done && w.chance("lost", w.lost) {
		discard(resp)
		return nil, errWire
	}
	return resp, nil
}

func discard(resp *http.Response) {
	_, _ = io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
}
