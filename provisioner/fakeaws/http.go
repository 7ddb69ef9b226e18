package fakeaws

import (
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/sshforward/sshforward/internal/standin"
)

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
func (c *Cloud) ServeHTTP(w http.ResponseWriter, req *http.Request) { c.serve(req).Write(w) }

// HTTPClient returns a client that runs the handler in the caller's goroutine,
// whatever the address: no sockets, and nothing left behind, so that it can be
// used in a synctest bubble.
func (c *Cloud) HTTPClient() *http.Client { return standin.Client(c.serve) }

// serve answers a call with the Cloud's own date, by which an SDK corrects its clock.
func (c *Cloud) serve(req *http.Request) standin.Answer {
	a := c.answer(req)
	if a.Err == nil {
		a.Header.Set("Date", c.date())
	}
	return a
}

func (c *Cloud) answer(req *http.Request) standin.Answer {
	var body []byte
	if req.Body != nil {
		var err error
		if body, err = io.ReadAll(io.LimitReader(req.Body, 1<<20)); err != nil {
			return standin.Answer{Err: err}
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
	if err := standin.Sleep(req.Context(), fault.Delay+half); err != nil {
		if fault.Arrives {
			c.later(call, scope, arrives)
		}
		return c.finish(call, standin.Answer{Err: err}, "", true)
	}
	if fault.Unsent {
		return c.finish(call, standin.Answer{Err: standin.ErrReset}, "", true)
	}
	if fault.Code != "" {
		e := &apiError{code: fault.Code, message: fault.Message, status: fault.Status}
		return c.finish(call, encodeError(call, e.withStatus()), e.code, false)
	}
	a, code := c.perform(call, scope)
	if fault.After != nil {
		fault.After()
	}
	if err := standin.Sleep(req.Context(), fault.SlowReply+half); err != nil {
		return c.finish(call, standin.Answer{Err: err}, code, true)
	}
	if fault.Lost {
		return c.finish(call, standin.Answer{Err: standin.ErrReset}, code, true)
	}
	return c.finish(call, a, code, false)
}

// record notes a call, before anything can go wrong with it, and asks for its
// fault.
func (c *Cloud) record(call Call, s scope) (Call, Fault) {
	c.mu.Lock()
	call.Seq, call.At = c.nextSeq(), time.Now()
	call.Account = c.accountOf(s)
	c.calls.Add(call)
	fault := c.fault
	c.mu.Unlock()
	if fault == nil {
		return call, Fault{}
	}
	return call, fault(call)
}

func (c *Cloud) finish(call Call, a standin.Answer, code string, lost bool) standin.Answer {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.note(call.Seq, code, lost)
	return a
}

func (c *Cloud) note(seq int, code string, lost bool) {
	if call := c.calls.Last(func(c *Call) bool { return c.Seq == seq }); call != nil {
		call.Code, call.Lost = code, lost
	}
}

// perform lets a call take effect.
func (c *Cloud) perform(call Call, s scope) (standin.Answer, string) {
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
func (c *Cloud) act(call Call, s scope, now time.Time) (standin.Answer, string) {
	fail := func(e *apiError) (standin.Answer, string) {
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
