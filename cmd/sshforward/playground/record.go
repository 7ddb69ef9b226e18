package playground

import (
	"bytes"
	"encoding/json"
	"io"
	"slices"
	"sync"

	"github.com/sshforward/sshforward"
)

// record is the audit record as the bot writes it to stdout (audit.stdout), line
// by line. Unlike the store it is there when the bot is dead, and after its
// database was lost.
type record struct {
	changed func() // is called when there is more
	heard   func(sshforward.Event)

	mu     sync.Mutex
	lines  []json.RawMessage
	events []sshforward.Event
}

// of returns a writer for what one process writes.
func (r *record) of() io.Writer { return &recordWriter{record: r} }

// all is what was written so far.
func (r *record) all() []sshforward.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.events)
}

// about is what was written about a lease.
func (r *record) about(lease string) (lines []json.RawMessage) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, e := range r.events {
		if e.Lease == lease {
			lines = append(lines, r.lines[i])
		}
	}
	return lines
}

func (r *record) add(line []byte) {
	var e sshforward.Event
	if json.Unmarshal(line, &e) != nil {
		return // a process that was killed in the middle of a line
	}
	r.mu.Lock()
	r.lines, r.events = append(r.lines, slices.Clone(line)), append(r.events, e)
	r.mu.Unlock()
	r.heard(e)
	r.changed()
}

type recordWriter struct {
	record *record
	rest   []byte
}

// Write implements io.Writer.
func (w *recordWriter) Write(p []byte) (int, error) {
	w.rest = append(w.rest, p...)
	for {
		line, rest, whole := bytes.Cut(w.rest, []byte("\n"))
		if !whole {
			return len(p), nil
		}
		w.record.add(line)
		w.rest = rest
	}
}
