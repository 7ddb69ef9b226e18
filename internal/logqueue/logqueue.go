// Package logqueue is a writer that never waits, between a log and whoever
// reads it.
package logqueue

import (
	"bytes"
	"io"
	"sync/atomic"
	"time"

	"github.com/sshforward/sshforward/internal/safe"
)

const (
	// Holds is how many lines wait for whoever reads the log, and HoldsBytes how
	// much they are together.
	Holds      = 8192
	HoldsBytes = 2 << 20
	// Linger is how long the end waits for the last lines.
	Linger = time.Second
)

// Queue is a writer that never waits, for a reader that may: a pipe holds
// 64 KiB, and once its reader stalls the next write to it blocks for as long.
// Lines queue for one goroutine that writes them; those that do not fit are left
// out, and how many that were is said once lines go through again.
type Queue struct {
	w       io.Writer
	missing func(lines int64) []byte

	lines   chan []byte
	size    atomic.Int64 // of what waits, in bytes
	dropped atomic.Int64 // lines, ever
	end     chan struct{}
	done    chan struct{}
}

// New begins to write to w. What missing returns is the line that says how many
// were left out.
func New(w io.Writer, missing func(lines int64) []byte) *Queue {
	q := &Queue{w: w, missing: missing, lines: make(chan []byte, Holds), end: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(q.done)
		defer safe.Catch(func(error) {}) // there is no log to say it in
		q.run()
	}()
	return q
}

// Write takes one line, as slog's handlers write them. It never fails: nobody
// could be told.
func (q *Queue) Write(line []byte) (int, error) {
	size := int64(len(line))
	if q.size.Add(size) > HoldsBytes {
		q.size.Add(-size)
		q.dropped.Add(1)
		return len(line), nil
	}
	select {
	case q.lines <- bytes.Clone(line):
	default:
		q.size.Add(-size)
		q.dropped.Add(1)
	}
	return len(line), nil
}

// Dropped is how many lines were ever left out.
func (q *Queue) Dropped() int64 { return q.dropped.Load() }

func (q *Queue) run() {
	var told int64 // of those left out
	for ended := false; !ended; {
		select {
		case line := <-q.lines:
			told = q.write(line, told)
		case <-q.end:
			ended = true
		}
	}
	// What came before the end may be there still: of two that are ready, select takes any.
	for {
		select {
		case line := <-q.lines:
			told = q.write(line, told)
		default:
			return
		}
	}
}

// write writes a line and, if that goes through, what has been left out since
// that was told last.
func (q *Queue) write(line []byte, told int64) int64 {
	_, err := q.w.Write(line)
	q.size.Add(-int64(len(line)))
	if err != nil {
		q.dropped.Add(1)
		return told
	}
	dropped := q.dropped.Load()
	if dropped == told {
		return told
	}
	if _, err := q.w.Write(q.missing(dropped - told)); err != nil {
		return told
	}
	return dropped
}

// Stop writes what is left, if somebody reads it.
func (q *Queue) Stop() {
	close(q.end)
	select {
	case <-q.done:
	case <-time.After(Linger):
	}
}
