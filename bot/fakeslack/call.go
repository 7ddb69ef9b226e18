package fakeslack

import (
	"context"
	"maps"
	"time"
)

// Methods of calls that are not Web API methods.
const (
	MethodResponseURL = "response_url" // a POST to a response URL
	MethodDial        = "socket.dial"  // a Socket Mode connection coming in
	MethodEnvelope    = "socket.send"  // an envelope going out to the bot
	MethodAck         = "socket.ack"   // an acknowledgement coming in
)

// Call is one thing that crossed the wire between the bot and Slack. It is
// recorded before anything is done about it.
type Call struct {
	Seq     int            `json:"seq"` // from 1
	At      time.Time      `json:"at"`
	Method  string         `json:"method"` // chat.postMessage …, or one of the Method constants
	Args    map[string]any `json:"args,omitempty"`
	Channel string         `json:"channel,omitempty"`
	User    string         `json:"user,omitempty"`
	JSON    bool           `json:"json,omitempty"` // came as JSON, not as a form

	Done     bool          `json:"done"`
	Took     time.Duration `json:"took,omitempty"`
	Error    string        `json:"error,omitempty"`    // Slack's error code, if it answered one
	Messages []string      `json:"messages,omitempty"` // details of invalid_blocks and the like
	Status   int           `json:"status,omitempty"`   // HTTP
	Faulted  bool          `json:"faulted,omitempty"`
}

// Outcome is what a fault does to a call. The zero value does nothing.
type Outcome struct {
	// Delay comes before the effect, which happens also when the client has
	// hung up in the meantime.
	Delay      time.Duration
	Status     int           // HTTP status instead of the effect, such as 429 or 503
	RetryAfter time.Duration // goes with 429; zero means no Retry-After header
	Error      string        // an {"ok":false} answer with this code instead of the effect

	// LoseRequest breaks the connection with no effect; for an envelope or an
	// acknowledgement it never arrives.
	LoseRequest bool
	// LoseAnswer lets the effect happen and breaks the connection before the
	// answer. Go's HTTP client repeats a GET after that by itself, not a POST.
	LoseAnswer bool
	// DelayAnswer holds back the answer after the effect.
	DelayAnswer time.Duration
	// Silent takes the request and never answers, with no effect: the client
	// has to give up by itself.
	Silent bool
}

// begin records a call and asks what is to go wrong with it.
func (w *Workspace) begin(c Call) (*Call, Outcome) {
	w.mu.Lock()
	c.At = time.Now()
	if n := len(w.calls); n > 0 {
		c.Seq = w.calls[n-1].Seq
	}
	c.Seq++
	w.count(c.Method, c.At)
	call := &c
	w.calls = trim(append(w.calls, call), w.opt.History)
	w.note(Change{Kind: ChangeCall, Call: call, Channel: c.Channel, User: c.User})
	var out Outcome
	hook := w.fault
	if o, ok := w.scripted(c.Method); ok {
		out, hook = o, nil
	}
	w.mu.Unlock()
	if hook != nil {
		copied := c
		copied.Args = maps.Clone(c.Args)
		out = hook(copied)
	}
	return call, out
}

// end records how a call went.
func (w *Workspace) end(old *Call, out Outcome, status int, code string, messages []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := *old
	c.Done, c.Took, c.Status, c.Error, c.Messages = true, time.Since(c.At), status, code, messages
	c.Faulted = out != Outcome{}
	for i := len(w.calls) - 1; i >= 0; i-- {
		if w.calls[i] == old {
			w.calls[i] = &c
			break
		}
	}
	w.note(Change{Kind: ChangeCallDone, Call: &c, Channel: c.Channel, User: c.User})
}

// pause sleeps, unless the request or the workspace ends first.
func (w *Workspace) pause(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	case <-w.ctx.Done():
	}
}
