package main

import (
	"bytes"
	"io"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/sshforward/sshforward/internal/safe"
)

const (
	// logHolds is how many lines wait for whoever reads the log, and
	// logHoldsBytes how much they are together.
	logHolds      = 8192
	logHoldsBytes = 2 << 20
	// logLinger is how long the end waits for the last lines.
	logLinger = time.Second
)

// logQueue is a writer that never waits, for a reader that may: a pipe holds
// 64 KiB, and once its reader stalls the next write to it blocks for as long.
// Lines queue for one goroutine that writes them; those that do not fit are left
// out, and how many that were is said once lines go through again.
type logQueue struct {
	w       io.Writer
	missing func(lines int64) []byte // a line that says how many were left out

	lines   chan []byte
	size    atomic.Int64 // of what waits, in bytes
	dropped atomic.Int64 // lines, ever
	end     chan struct{}
	done    chan struct{}
}

// newLogQueue begins to write to w. format and level are those of newLogger.
func newLogQueue(w io.Writer, format string) *logQueue {
	q := &logQueue{
		w: w, lines: make(chan []byte, logHolds), end: make(chan struct{}), done: make(chan struct{}),
		missing: func(lines int64) []byte {
			var b bytes.Buffer
			newLogger(&b, format, "warn").Warn("lines of the log were left out, since nobody read it", "lines", lines)
			return b.Bytes()
		},
	}
	go func() {
		defer close(q.done)
		defer safe.Catch(func(error) {}) // there is no log to say it in
		q.run()
	}()
	return q
}

// Write takes one line, as slog's handlers write them. It never fails: nobody
// could be told.
func (q *logQueue) Write(line []byte) (int, error) {
	size := int64(len(line))
	if q.size.Add(size) > logHoldsBytes {
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

func (q *logQueue) run() {
	var told int64 // of those left out
	for {
		select {
		case line := <-q.lines:
			told = q.write(line, told)
			continue
		default: // only now look whether it ends: what waits goes first
		}
		select {
		case line := <-q.lines:
			told = q.write(line, told)
		case <-q.end:
			return
		}
	}
}

// write writes a line and, if that goes through, what has been left out since
// that was told last.
func (q *logQueue) write(line []byte, told int64) int64 {
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

// stop writes what is left, if somebody reads it.
func (q *logQueue) stop() {
	close(q.end)
	select {
	case <-q.done:
	case <-time.After(logLinger):
	}
}

// newLogger writes what happened to w.
func newLogger(w io.Writer, format, level string) *slog.Logger {
	var min slog.Level
	_ = min.UnmarshalText([]byte(level)) // checked by the command line
	opts := &slog.HandlerOptions{Level: min}
	if format == "json" {
		return slog.New(slog.NewJSONHandler(plainJSON{w}, opts))
	}
	return slog.New(slog.NewTextHandler(w, opts))
}
