package sshforward

import (
	"slices"
	"strings"
	"sync"
	"time"
)

// sightings remember what the last round through each account has seen, and
// since when every round has: AWS's lists agree with each other only
// eventually, so one look proves nothing. They are lost in a crash, which only
// makes the next sweeps more patient.
type sightings struct {
	mu      sync.Mutex
	running map[string]bool                 // accounts that a round is under way in
	since   map[string]map[string]time.Time // account -> what was seen -> since when
	unseen  map[string]time.Time            // accounts whose instances could not be seen -> since when
	empty   map[string]time.Time            // accounts in which the last round saw nothing -> when
}

// round is one survey of one account, seen against those before it.
type round struct {
	Survey
	before map[string]time.Time // what the last round has seen -> since when
	seen   map[string]time.Time // what this one has
}

// enter begins a round through an account unless one is under way.
func (s *sightings) enter(account string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running[account] {
		return false
	}
	if s.running == nil {
		s.running = make(map[string]bool)
	}
	s.running[account] = true
	return true
}

// leave ends it.
func (s *sightings) leave(account string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.running, account)
}

// rest reports whether an account that the store has no lease in may be left alone
// this time: the last round saw nothing there, and that is less than pause ago. What
// is not left alone is looked at now. Who calls this every so often is not held to the
// second: a round begins a moment after its time.
func (s *sightings) rest(account string, now time.Time, pause time.Duration) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, ok := s.empty[account]
	if ok && !due(at.Add(pause-time.Second), now) {
		return true
	}
	delete(s.empty, account)
	return false
}

// blind notes that an account does not tell which tags instances have, and reports
// whether that has been so for as long as patience.
func (s *sightings) blind(account string, now time.Time, patience time.Duration) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	since, ok := s.unseen[account]
	if !ok {
		since = now
		if s.unseen == nil {
			s.unseen = make(map[string]time.Time)
		}
		s.unseen[account] = since
	}
	return now.Sub(since) >= patience
}

// begin compares a survey with what the last round has seen.
func (s *sightings) begin(account string, survey Survey) round {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !survey.Hides(PartInstances) {
		delete(s.unseen, account)
	}
	return round{Survey: survey, before: s.since[account], seen: make(map[string]time.Time)}
}

// end has the next round go on from this one.
func (s *sightings) end(account string, r round) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.since == nil {
		s.since = make(map[string]map[string]time.Time)
	}
	s.since[account] = r.seen
	if len(r.Found) == 0 && len(r.Unproven) == 0 && r.Survey.Err() == nil {
		if s.empty == nil {
			s.empty = make(map[string]time.Time)
		}
		s.empty[account] = r.At
	}
}

// first notes that something is so, and reports whether the last round did not see
// it.
func (r round) first(what string) bool {
	since, ok := r.before[what]
	if !ok {
		since = r.At
	}
	r.seen[what] = since
	return !ok
}

// lasts notes that something is so, and reports whether every round has seen
// that for as long as patience.
func (r round) lasts(what string, patience time.Duration) bool {
	since, ok := r.before[what]
	if !ok {
		since = r.At
	}
	r.seen[what] = since
	return r.At.Sub(since) >= patience
}

// hold has the next round go on from the one before this one, which could not tell.
func (r round) hold(what ...string) {
	for _, one := range what {
		if since, ok := r.before[one]; ok {
			r.seen[one] = since
		}
	}
}

// holdAll is hold for all that begins so and that this round has not seen.
func (r round) holdAll(prefixes ...string) {
	for what := range r.before {
		if _, seen := r.seen[what]; !seen && slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(what, p) }) {
			r.hold(what)
		}
	}
}
