package fakeslack

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// Kinds of Change.
const (
	ChangePeople       = "people"       // users, channels or groups
	ChangePosted       = "posted"       // a message, ephemeral ones included
	ChangeEdited       = "edited"       // a message
	ChangeDeleted      = "deleted"      // a message
	ChangeView         = "view"         // a modal was opened, changed or closed
	ChangeHome         = "home"         // a home tab was published
	ChangeCall         = "call"         // a call came in
	ChangeCallDone     = "call_done"    // and was answered
	ChangeDelivery     = "delivery"     // an envelope was sent, acknowledged or given up
	ChangeConnected    = "connected"    // a Socket Mode connection said hello
	ChangeDisconnected = "disconnected" // and is gone
	ChangeFailure      = "failure"      // a person was shown an error
)

// Change is one thing that happened. The pointers are set where they apply and
// must not be written through.
type Change struct {
	Seq      uint64    `json:"seq"`
	At       time.Time `json:"at"`
	Kind     string    `json:"kind"`
	Channel  string    `json:"channel,omitempty"`
	User     string    `json:"user,omitempty"`
	TS       string    `json:"ts,omitempty"`
	Message  *Message  `json:"message,omitempty"`
	View     *View     `json:"view,omitempty"`
	Call     *Call     `json:"call,omitempty"`
	Delivery *Delivery `json:"delivery,omitempty"`
	Failure  *Failure  `json:"failure,omitempty"`
}

// Failure is an error that Slack showed to a person.
type Failure struct {
	At      time.Time `json:"at"`
	User    string    `json:"user"`
	Channel string    `json:"channel,omitempty"`
	Thread  string    `json:"thread_ts,omitempty"` // where the person was told, if in a thread
	What    string    `json:"what"`                // the command, action id or callback id
	Error   string    `json:"error"`               // operation_timeout, dispatch_failed, invalid_command_response …
}

// note records that something changed. Needs mu.
func (w *Workspace) note(c Change) {
	w.seq++
	c.Seq, c.At = w.seq, time.Now()
	w.snapshot = nil
	close(w.changed)
	w.changed = make(chan struct{})
	for x := range w.watchers {
		x.push(c)
	}
}

// fail records an error that a person was shown. Needs mu.
func (w *Workspace) fail(f Failure) {
	f.At = time.Now()
	w.failures = trim(append(w.failures, &f), w.opt.History)
	w.note(Change{Kind: ChangeFailure, User: f.User, Channel: f.Channel, Failure: &f})
}

// trim drops the oldest entries. It cuts in big steps, so that appending stays cheap.
func trim[T any](s []T, keep int) []T {
	if len(s) < keep+keep/4+16 {
		return s
	}
	return slices.Clone(s[len(s)-keep:])
}

// Wait blocks until a predicate over the state is true. The predicate runs at
// once and again after every change, without locks; it may call anything.
// The error is the context's, or says that the workspace was closed.
func (w *Workspace) Wait(ctx context.Context, done func(*Snapshot) bool) error {
	for {
		w.mu.Lock()
		changed, snap := w.changed, w.snap()
		w.mu.Unlock()
		if done(snap) {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		case <-w.ctx.Done():
			return errors.New("fakeslack: workspace closed")
		}
	}
}

// Subscribe streams every change from now on. The stream never blocks the
// workspace and drops nothing; it is closed when ctx ends or on Close.
func (w *Workspace) Subscribe(ctx context.Context) <-chan Change {
	x := &watcher{wake: make(chan struct{}, 1), end: make(chan struct{})}
	out := make(chan Change)
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		close(out)
		return out
	}
	w.watchers[x] = struct{}{}
	w.mu.Unlock()
	go func() {
		defer close(out)
		defer func() {
			w.mu.Lock()
			delete(w.watchers, x)
			w.mu.Unlock()
		}()
		for {
			for _, c := range x.take() {
				select {
				case out <- c:
				case <-ctx.Done():
					return
				case <-x.end:
					return
				}
			}
			select {
			case <-x.wake:
			case <-ctx.Done():
				return
			case <-x.end:
				return
			}
		}
	}()
	return out
}

// watcher is the unbounded queue between the workspace and one subscriber.
type watcher struct {
	mu    sync.Mutex
	queue []Change
	wake  chan struct{}
	end   chan struct{}
}

func (x *watcher) push(c Change) {
	x.mu.Lock()
	x.queue = append(x.queue, c)
	x.mu.Unlock()
	select {
	case x.wake <- struct{}{}:
	default:
	}
}

func (x *watcher) take() []Change {
	x.mu.Lock()
	defer x.mu.Unlock()
	q := x.queue
	x.queue = nil
	return q
}

func (x *watcher) close() { close(x.end) }
