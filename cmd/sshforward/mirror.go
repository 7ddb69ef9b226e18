package main

import (
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/sshforward/sshforward"
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
		write, said := encodeEvents(w), false
		for e := range m.queue {
			if err := write(e); err != nil && !said {
				said = true
				log.Error("events cannot be written to stdout", "err", err)
			}
		}
	}()
	return m
}

// event takes an event; it never waits.
func (m *mirror) event(e sshforward.Event) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return
	}
	select {
	case m.queue <- e:
		m.full = false
	default:
		if !m.full {
			m.full = true
			m.log.Error("nobody reads stdout; events are left out there", "act", string(e.Act), "lease", e.Lease)
		}
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
