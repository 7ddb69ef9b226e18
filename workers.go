package sshforward

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/sshforward/sshforward/internal/safe"
)

// queue is what of a lease is worked on one after the other. AWS's bad days
// must not hold up Slack, nor the other way round; an alarm waits for neither,
// and the command that somebody waits for not for a card.
type queue string

const (
	queueSteps    queue = "steps"    // AWS
	queueCard     queue = "card"     // Slack, as the rest
	queueNotices  queue = "notices"  // for the people of the lease
	queueAlarms   queue = "alarms"   // for whoever is on call
	queueEdits    queue = "edits"    // of messages beside the card
	queueLook     queue = "look"     // whose work it is
	queueReplicas queue = "replicas" // of all replicas, and of no lease
)

const (
	stepsPerAccount = 32 // at one time, openings and closings counted apart
	sendsAtOnce     = 8  // calls to Slack at one time, of each kind
)

// sendKind is what shares the room for calls to Slack.
type sendKind string

const (
	sendShown  sendKind = "shown"  // cards, and edits of other messages
	sendNotice sendKind = "notice" // notices
	sendAlarm  sendKind = "alarm"  // alarms
)

// workers schedule the work on leases: at most one worker for each queue of a
// lease, and a bounded number of them in a call to AWS or Slack at one time.
// Accounts do not wait for each other, and a teardown never waits for openings.
type workers struct {
	ctx    context.Context // of all work; it ends when running work is cut short
	cancel context.CancelFunc
	done   chan struct{} // closed when stopping
	// panicked is told of a panic outside of the steps, which the steps' own
	// errors do not have.
	panicked func(error)
	wg       sync.WaitGroup

	mu      sync.Mutex
	stopped bool
	running map[leaseQueue]bool // true: run once more
	steps   map[stepKind]chan struct{}
	sends   map[sendKind]chan struct{}
	cancels map[string]context.CancelFunc // by lease id, see interruptible
	calls   map[string]int                // to AWS or Slack that are under way, by lease id
}

type leaseQueue struct {
	id    string
	queue queue
}

// stepKind is what shares one bound.
type stepKind struct {
	account string
	closing bool
}

func newWorkers(panicked func(error)) *workers {
	w := &workers{
		panicked: panicked,
		done:     make(chan struct{}),
		running:  make(map[leaseQueue]bool),
		steps:    make(map[stepKind]chan struct{}),
		sends: map[sendKind]chan struct{}{
			sendShown: make(chan struct{}, sendsAtOnce), sendNotice: make(chan struct{}, sendsAtOnce), sendAlarm: make(chan struct{}, sendsAtOnce),
		},
		cancels: make(map[string]context.CancelFunc),
		calls:   make(map[string]int),
	}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	return w
}

// start runs do for a queue of a lease. If that runs already, it is run once
// more afterwards, since it may have looked at the lease too early.
func (w *workers) start(id string, q queue, do func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	key := leaseQueue{id, q}
	if w.stopped {
		return
	}
	if _, ok := w.running[key]; ok {
		w.running[key] = true
		return
	}
	w.running[key] = false
	w.wg.Go(func() {
		defer safe.Catch(w.panicked)
		for {
			w.guarded(do)
			if !w.again(key) {
				return
			}
		}
	})
}

// guarded does something whose panic is that of one lease.
func (w *workers) guarded(do func()) {
	defer safe.Catch(w.panicked)
	do()
}

// again reports whether a queue is to be run once more, and forgets it if not.
func (w *workers) again(key leaseQueue) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.running[key] || w.stopped {
		delete(w.running, key)
		return false
	}
	w.running[key] = false
	return true
}

// acquireStep waits until the lease's account has room for one more step.
// errNoTurn if ctx ended first.
func (w *workers) acquireStep(ctx context.Context, l *Lease) (release func(), err error) {
	room := w.room(l)
	if release, err = w.acquire(ctx, room); err != nil && !errors.Is(err, errStopping) {
		err = fmt.Errorf("%w: %w", errNoTurn, err)
	}
	return release, err
}

// room is what the steps of a lease share with others of its account.
func (w *workers) room(l *Lease) chan struct{} {
	kind := stepKind{account: l.Instance.Account, closing: l.State == Closing}
	w.mu.Lock()
	defer w.mu.Unlock()
	room, ok := w.steps[kind]
	if !ok {
		room = make(chan struct{}, stepsPerAccount)
		w.steps[kind] = room
	}
	return room
}

// crowded reports whether a step of the lease would have to wait for its turn.
func (w *workers) crowded(l *Lease) bool {
	room := w.room(l)
	return len(room) == cap(room)
}

// acquireSend waits until there is room for one more call to Slack of a kind.
func (w *workers) acquireSend(ctx context.Context, kind sendKind) (release func(), err error) {
	return w.acquire(ctx, w.sends[kind])
}

// errNoTurn: something more important came due before the turn did, which is no
// failure of the work.
var errNoTurn = errors.New("its turn did not come")

// errStopping ends the wait for room: nothing new is begun.
var errStopping = errors.New("stopping")

func (w *workers) acquire(ctx context.Context, room chan struct{}) (release func(), err error) {
	if w.stopping() {
		return nil, errStopping
	}
	select {
	case room <- struct{}{}:
		return func() { <-room }, nil
	case <-w.done:
		return nil, errStopping
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (w *workers) stopping() bool {
	select {
	case <-w.done:
		return true
	default:
		return false
	}
}

// stop begins nothing more and waits for what runs; when ctx ends it is cut
// short.
func (w *workers) stop(ctx context.Context) {
	w.mu.Lock()
	if !w.stopped {
		w.stopped = true
		close(w.done)
	}
	w.mu.Unlock()
	idle := make(chan struct{})
	go func() { w.wg.Wait(); close(idle) }()
	select {
	case <-idle:
	case <-ctx.Done():
	}
	w.cancel()
	<-idle
}

// calling notes that something is done about a lease outside of this process. The
// returned function ends that.
func (w *workers) calling(id string) (end func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls[id]++
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.calls[id]--; w.calls[id] == 0 {
			delete(w.calls, id)
		}
	}
}

// atWork reports whether something is being done about a lease.
func (w *workers) atWork(id string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.calls[id] > 0
}

// interruptible lets interrupt cancel the step that runs for a lease. The
// returned function ends that.
func (w *workers) interruptible(id string, cancel context.CancelFunc) (end func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cancels[id] = cancel
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.cancels, id)
	}
}

// interrupt cuts short the step of a lease, so that a close does not wait for it.
func (w *workers) interrupt(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if cancel, ok := w.cancels[id]; ok {
		cancel()
	}
}
