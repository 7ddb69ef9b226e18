package main

import (
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/internal/safe"
)

const (
	// mirrorHolds is how many events wait for whoever reads stdout. What does
	// not fit is left out there; it is in the record.
	mirrorHolds = 10_000
	// mirrorLinger is how long the end waits for the last of them.
	mirrorLinger = time.Second
)

// mirror writes each event as a JSON line. Nobody waits for it: a pipe that is
// not read must not keep a lease open.
type mirror struct {
	log   *slog.Logger
	queue chan sshforward.Event
	done  chan struct{}

	mu     sync.Mutex
	closed bool
	full   bool // and that was said
}

func startMirror(w io.Writer, log *slog.Logger) *mirror {
	m := &mirror{log: log, queue: make(chan sshforward.Event, mirrorHolds), done: make(chan struct{})}
	go func() {
		defer close(m.done)
		defer safe.Catch(func(err error) { log.Error("events are not written to stdout any more", "err", err) })
		write, lost := encodeEvents(w), 0
		for e := range m.queue {
			switch err := write(e); {
			case err != nil && lost == 0:
				log.Error("events cannot be written to stdout; they are in the record", "err", err)
				fallthrough
			case err != nil:
				lost++
			case lost > 0:
				log.Warn("events can be written to stdout again", "left_out", lost)
				lost = 0
			}
		}
	}()
	return m
}

// event takes an event; it never waits.
func (m *mirror) event(e sshforward.Event) {
	if m.leftOut(e) {
		m.log.Error("nobody reads stdout; events are left out there", "act", string(e.Act), "lease", e.Lease)
	}
}

// leftOut queues an event and reports whether it is the first that does not fit.
func (m *mirror) leftOut(e sshforward.Event) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return false
	}
	select {
	case m.queue <- e:
		m.full = false
		return false
	default:
		first := !m.full
		m.full = true
		return first
	}
}

// stop writes what is left, if somebody reads it.
func (m *mirror) stop() {
	m.mu.Lock()
	if !m.closed {
		m.closed = true
		close(m.queue)
	}
	m.mu.Unlock()
	select {
	case <-m.done:
	case <-time.After(mirrorLinger):
	}
}
