package fakeaws

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"syscall"
	"time"
)

// answer is what goes back to the caller: a response, or a broken connection.
type answer struct {
	status int
	header http.Header
	body   []byte
	err    error
}

// request is a call while it is being worked on, with the Cloud locked.
type request struct {
	c    *Cloud
	r    *region
	call Call
	p    params
	now  time.Time
	who  identity
}

// ServeHTTP answers a call to any of the services.
func (c *Cloud) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	a := c.serve(req)
	if a.err != nil {
		// The one way for a handler to break the connection off.
		panic(http.ErrAbortHandler)
	}
	for k, v := range a.header {
		w.Header()[k] = v
	}
	w.Header().Set("Date", c.date())
	w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body)
}

// HTTPClient returns a client that runs the handler in the caller's goroutine,
// whatever the address: no sockets, and nothing left behind, so that it can be
// used in a synctest bubble.
func (c *Cloud) HTTPClient() *http.Client { return &http.Client{Transport: transport{c}} }

type transport struct{ c *Cloud }

func (t transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		defer req.Body.Close()
	}
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	a := t.c.serve(req)
	if a.err != nil {
		return nil, a.err
	}
	// The SDK corrects its clock by the Date of an answer, so it has to be of
	// the bubble's time.
	a.header.Set("Date", t.c.date())
	return &http.Response{
		Status: strconv.Itoa(a.status) + " " + http.StatusText(a.status), StatusCode: a.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: a.header, Body: io.NopCloser(bytes.NewReader(a.body)),
		ContentLength: int64(len(a.body)), Request: req,
	}, nil
}

var errReset = &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}

func (c *Cloud) serve(req *http.Request) answer {
	var body []byte
	if req.Body != nil {
		var err error
		if body, err = io.ReadAll(io.LimitReader(req.Body, 1<<20)); err != nil {
			return answer{err: err}
		}
	}
	scope := parseScope(req)
	call := Call{Service: scope.service, Region: scope.region}
	if scope.service == "scheduler" {
		call.Operation, call.Params = schedulerOperation(req, body)
	} else {
		call.Params, _ = url.ParseQuery(string(body))
		for k, v := range req.URL.Query() {
			call.Params[k] = append(call.Params[k], v...)
		}
		call.Operation = call.Params.Get("Action")
	}
	call, fault := c.record(call, scope)

	if fault.Before != nil {
		fault.Before()
	}
	// Half of a call's own time passes before its effect, half after it.
	half := c.opts.latency(call) / 2
	arrives := time.Now().Add(fault.Delay + half)
	if err := sleep(req.Context(), fault.Delay+half); err != nil {
		if fault.Arrives {
			c.later(call, scope, arrives)
		}
		return c.finish(call, answer{err: err}, "", true)
	}
	if fault.Unsent {
		return c.finish(call, answer{err: errReset}, "", true)
	}
	if fault.Code != "" {
		e := &apiError{code: fault.Code, message: fault.Message, status: fault.Status}
		return c.finish(call, encodeError(call, e.withStatus()), e.code, false)
	}
	a, code := c.perform(call, scope)
	if fault.After != nil {
		fault.After()
	}
	if err := sleep(req.Context(), fault.SlowReply+half); err != nil {
		return c.finish(call, answer{err: err}, code, true)
	}
	if fault.Lost {
		return c.finish(call, answer{err: errReset}, code, true)
	}
	return c.finish(call, a, code, false)
}

// record notes a call, before anything can go wrong with it, and asks for its
// fault.
func (c *Cloud) record(call Call, s scope) (Call, Fault) {
	c.mu.Lock()
	call.Seq, call.At = c.nextSeq(), time.Now()
	call.Account = c.accountOf(s)
	if len(c.calls) >= keepCalls {
		c.calls = slices.Clone(c.calls[keepCalls/2:])
	}
	c.calls = append(c.calls, call)
	fault := c.fault
	c.mu.Unlock()
	if fault == nil {
		return call, Fault{}
	}
	return call, fault(call)
}

func (c *Cloud) finish(call Call, a answer, code string, lost bool) answer {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.note(call.Seq, code, lost)
	return a
}

func (c *Cloud) note(seq int, code string, lost bool) {
	for i := len(c.calls) - 1; i >= 0; i-- {
		if c.calls[i].Seq == seq {
			c.calls[i].Code, c.calls[i].Lost = code, lost
			break
		}
	}
}

// perform lets a call take effect.
func (c *Cloud) perform(call Call, s scope) (answer, string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	c.settle(now)
	c.cause = call.Operation
	defer func() {
		c.settle(now)
		c.cause = ""
	}()
	return c.act(call, s, now)
}

// act does what a call asks for, with the Cloud locked.
func (c *Cloud) act(call Call, s scope, now time.Time) (answer, string) {
	fail := func(e *apiError) (answer, string) {
		e = e.withStatus()
		return encodeError(call, e), e.code
	}
	who, e := c.authenticate(s, now)
	if e != nil {
		return fail(e)
	}
	if !c.withinRate(call, now) {
		return fail(throttled(call.Service))
	}
	if !c.withinBudget(call, now) {
		return fail(overBudget())
	}
	op, ok := operations[call.String()]
	if !ok {
		return fail(errorf("InvalidAction", "The action %s is not valid for this web service.", call.Operation))
	}
	if !c.allowed(call) {
		return fail(unauthorized(call, who))
	}
	rq := &request{
		c: c, r: c.region(who.account, s.region), call: call,
		p: params{v: call.Params}, now: now, who: who,
	}
	if rq.hidden() {
		return fail(unauthorized(call, who))
	}
	if e := rq.organisation(); e != nil {
		return fail(e)
	}
	if call.Service == "ec2" && call.Params.Get("DryRun") == "true" {
		return fail(&apiError{status: http.StatusPreconditionFailed, code: "DryRunOperation",
			message: "Request would have succeeded, but DryRun flag is set."})
	}
	result, e := op(rq)
	if e != nil {
		return fail(e)
	}
	return encodeResult(call, result), ""
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
