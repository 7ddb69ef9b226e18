package main

import (
	"bytes"
	"io"
	"regexp"
	"sync"
)

// logBuffer is what the process wrote so far.
type logBuffer struct {
	mu      sync.Mutex
	b       bytes.Buffer
	gone    bool
	stalled chan struct{} // closed when it is read again; nil while it is read
}

// Write takes what came through the pipe. While it does not return, nobody reads
// the pipe; after an error nobody ever will.
func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	for l.stalled != nil {
		again := l.stalled
		l.mu.Unlock()
		<-again
		l.mu.Lock()
	}
	defer l.mu.Unlock()
	if l.gone {
		return 0, io.ErrClosedPipe
	}
	return l.b.Write(p)
}

// stall stops reading until resume is called.
func (l *logBuffer) stall() (resume func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	again := make(chan struct{})
	l.stalled = again
	return sync.OnceFunc(func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.stalled = nil
		close(again)
	})
}

// hangUp closes the reader's end of the pipe with the next line.
func (l *logBuffer) hangUp() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.gone = true
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (l *logBuffer) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.b.Reset()
}

func (l *logBuffer) find(re *regexp.Regexp) []string {
	return re.FindStringSubmatch(l.String())
}
