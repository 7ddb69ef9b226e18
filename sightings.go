package sshforward

import (
	"sync"
	"time"
)

// sweeper remembers what the last look at each account has seen, and since
// when every look has. It is lost in a crash, which only makes the next sweeps
// more patient.
type sweeper struct {
	mu      sync.Mutex
	looking map[string]bool                 // accounts that are being looked at
	seen    map[string]map[string]time.Time // account -> what was seen -> since when
}

// look is one look at one account.
type look struct {
	Survey
	before map[string]time.Time // what the last look has seen -> since when
	seen   map[string]time.Time // what this one has
}

// lasts notes that something is so, and reports whether every look has seen
// that for as long as patience.
func (l look) lasts(what string, patience time.Duration) bool {
	since, ok := l.before[what]
	if !ok {
		since = l.At
	}
	l.seen[what] = since
	return l.At.Sub(since) >= patience
}

// begin begins a look at an account, and end has the next one go on from it.
func (s *sweeper) begin(account string, survey Survey) look {
	s.mu.Lock()
	defer s.mu.Unlock()
	return look{Survey: survey, before: s.seen[account], seen: make(map[string]time.Time)}
}

func (s *sweeper) end(account string, l look) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seen == nil {
		s.seen = make(map[string]map[string]time.Time)
	}
	s.seen[account] = l.seen
}

// enter begins a look at an account unless one is under way.
func (s *sweeper) enter(account string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.looking[account] {
		return false
	}
	if s.looking == nil {
		s.looking = make(map[string]bool)
	}
	s.looking[account] = true
	return true
}

func (s *sweeper) leave(account string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.looking, account)
}
