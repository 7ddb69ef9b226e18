package provisioner_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
)

// calls counts what OnCall is told.
type calls struct {
	mu  sync.Mutex
	all []string // "service:Operation code"
}

func (c *calls) add(service, operation, code string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = append(c.all, strings.TrimSpace(service+":"+operation+" "+code))
}

func (c *calls) take() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := c.all
	c.all = nil
	return all
}

// wire is the connection between the Provisioner and AWS, with what goes wrong
// on it.
type wire struct {
	next http.RoundTripper

	mu    sync.Mutex
	fault func(op string) trouble
}

// trouble is what happens to one request.
type trouble struct {
	hangs  bool   // nothing is heard of it, until whoever asks gives up
	unsent bool   // it does not arrive
	lost   bool   // it takes effect, the answer does not arrive
	after  func() // runs then
}

func (x *wire) set(fault func(op string) trouble) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.fault = fault
}

// operation is what a request asks for: the query APIs have it in the form;
// for the Scheduler it is method and path.
func operation(req *http.Request, form url.Values) string {
	if a := form.Get("Action"); a != "" {
		return a
	}
	kind, _, _ := strings.Cut(strings.TrimPrefix(req.URL.Path, "/"), "/")
	return req.Method + " " + kind
}

var errCut = errors.New("connection cut")

func (x *wire) RoundTrip(req *http.Request) (*http.Response, error) {
	var body []byte
	if req.Body != nil { // a GET of the Scheduler's has none
		var err error
		if body, err = io.ReadAll(req.Body); err != nil {
			return nil, err
		}
		_ = req.Body.Close()
	}
	x.mu.Lock()
	fault := x.fault
	x.mu.Unlock()
	var f trouble
	if fault != nil {
		form, _ := url.ParseQuery(string(body))
		f = fault(operation(req, form))
	}
	if f.after != nil {
		defer f.after()
	}
	if f.hangs {
		<-req.Context().Done()
		return nil, req.Context().Err()
	}
	if f.unsent {
		return nil, errCut
	}
	// What is on its way arrives, whoever has lost interest in the answer.
	clone := req.Clone(context.WithoutCancel(req.Context()))
	if req.Body != nil {
		clone.Body = io.NopCloser(bytes.NewReader(body))
	}
	res, err := x.next.RoundTrip(clone)
	if err == nil && f.lost {
		_ = res.Body.Close()
		return nil, errCut
	}
	return res, err
}
