package sshforward

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

const (
	// beatEvery is how often a replica says that it lives.
	beatEvery = 3 * time.Second
	// muteAfter is how long a replica that cannot beat goes on opening. The others
	// call it dead only later, so that what it opens has one owner.
	muteAfter = 8 * time.Second
	// forgetAfter is when a dead one is listed no more. AWS takes nothing by then
	// that it has signed, see straggleFor.
	forgetAfter = 10 * time.Minute
	// beatTimeout bounds one look at the replicas.
	beatTimeout = 5 * time.Second

	// skewSaid is how far the clock may be off before that is said, and skewMost
	// before the others do the work: leases end by it.
	skewSaid = 2 * time.Second
	skewMost = 5 * time.Second
)

// membership is what a replica knows of itself and of the others that share its
// store. Time is only compared with this process's own, so that nobody's clock has
// to be right for it to be seen that a beat stands still.
//
// A keeper that is alone has no id and does not beat: its store is locked, so that
// who else is named in a lease has ended.
type membership struct {
	store Replicas // nil: alone
	id    string   // drawn when the process starts; "" where alone
	round sync.Mutex

	mu      sync.Mutex
	beats   uint64
	beaten  time.Time // when the last beat that was written began; zero: none was
	told    bool      // it said that it leaves
	looked  bool      // the replicas were read once
	known   map[string]sighted
	serving []string // the ids of those that served when it was looked last
	leaving bool
	skew    time.Duration // of the clock
}

// sighted is a replica, and since when its beat stands still.
type sighted struct {
	Replica
	since time.Time
}

func (s sighted) serves(now time.Time) bool { return !s.Leaving && now.Sub(s.since) < deadAfter }

func newMembership(store Replicas, shared bool) *membership {
	if !shared {
		return new(membership)
	}
	return &membership{store: store, id: rand.Text()}
}

func (m *membership) alone() bool { return m.store == nil }

// beat writes that this one lives, when it is time for that, and looks at the
// others. It reports whether one serves no more that did at the look before, or
// may have done so before the first.
func (m *membership) beat(ctx context.Context) (gone bool, err error) {
	if m.alone() || !m.round.TryLock() {
		return false, nil // the one before hangs
	}
	defer m.round.Unlock()
	ctx, cancel := context.WithTimeout(ctx, beatTimeout)
	defer cancel()
	began := time.Now()
	if me, ok := m.nextBeat(began); ok {
		if err := m.store.Beat(ctx, me); err != nil {
			return false, fmt.Errorf("beat: %w", err)
		}
		m.hasBeaten(me, began)
	}
	all, err := m.store.Replicas(ctx)
	if err != nil {
		return false, fmt.Errorf("look at the other replicas: %w", err)
	}
	now := time.Now()
	gone, over := m.see(all, now)
	for _, dead := range over {
		if err := m.store.Dismiss(ctx, dead); err != nil && ErrorCode(err) != ECONFLICT {
			return gone, fmt.Errorf("forget a replica that is gone: %w", err)
		}
	}
	return gone, nil
}

// nextBeat is the beat to write; false if it is too early for another one.
func (m *membership) nextBeat(now time.Time) (Replica, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	me := Replica{ID: m.id, Beat: m.beats + 1, At: now.UTC(), Leaving: m.yields()}
	return me, m.beaten.IsZero() || me.Leaving != m.told || now.Sub(m.beaten) >= beatEvery
}

func (m *membership) hasBeaten(me Replica, began time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.beats, m.beaten, m.told = me.Beat, began, me.Leaving
}

// see takes in what the store has of the replicas, and returns those to forget.
func (m *membership) see(all []Replica, now time.Time) (gone bool, over []Replica) {
	m.mu.Lock()
	defer m.mu.Unlock()
	before := m.known
	m.known = make(map[string]sighted, len(all))
	for _, is := range all {
		s := sighted{is, now}
		if was, ok := before[is.ID]; ok && was.Beat == is.Beat {
			s.since = was.since
		}
		m.known[is.ID] = s
		if is.ID != m.id && now.Sub(s.since) >= forgetAfter {
			over = append(over, is)
		}
	}
	served := m.serving
	m.serving = m.serve(now)
	gone = !m.looked || slices.ContainsFunc(served, func(id string) bool { return !slices.Contains(m.serving, id) })
	m.looked = true
	return gone, over
}

// serve returns the ids of those whose work is their own, in order. The lock is held.
func (m *membership) serve(now time.Time) (ids []string) {
	for id, s := range m.known {
		if id != m.id && s.serves(now) {
			ids = append(ids, id)
		}
	}
	if !m.yields() {
		ids = append(ids, m.id)
	}
	slices.Sort(ids)
	return ids
}

// yields reports whether the others are to do this one's work. The lock is held.
func (m *membership) yields() bool { return m.leaving || m.skew.Abs() > skewMost }

// leave has the others told with the next beat that this one is going.
func (m *membership) leave() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.leaving = true
}

// end takes this one off the list, once all its work is done.
func (m *membership) end(ctx context.Context) error {
	if m.alone() {
		return nil
	}
	m.round.Lock() // a beat that is under way would put it there again
	defer m.round.Unlock()
	m.mu.Lock()
	me := Replica{ID: m.id, Beat: m.beats}
	m.mu.Unlock()
	return m.store.Dismiss(ctx, me)
}

// measured takes in how far the clock is off.
func (m *membership) measured(skew time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.skew = skew
}

// mayOpen reports whether something may be begun that lets people in. Closing never
// asks.
func (m *membership) mayOpen(now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.alone() || !m.yields() && !m.mute(now)
}

// mute reports whether this one could not beat for too long. The lock is held.
func (m *membership) mute(now time.Time) bool {
	// By both clocks: the monotonic one may stand still while a machine sleeps.
	silent := max(now.Sub(m.beaten), now.Round(0).Sub(m.beaten.Round(0)))
	return m.beaten.IsZero() || silent >= muteAfter
}

// unfit returns what keeps this one from working as it should, for operators.
func (m *membership) unfit(now time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.skew.Abs() > skewSaid:
		return fmt.Errorf("the clock here is off by %s", m.skew.Round(100*time.Millisecond))
	case !m.alone() && m.mute(now):
		return errors.New("the other replicas could not be told for a while that this one lives")
	}
	return nil
}

// serves reports whether a replica lives and does its own work. Before the first
// look it is taken to.
func (m *membership) serves(id string, now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if id == m.id {
		return !m.yields()
	}
	return !m.alone() && (!m.looked || m.known[id].ID == id && m.known[id].serves(now))
}

// lives reports whether a replica beats, also if it is leaving.
func (m *membership) lives(id string, now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, ok := m.known[id]
	return ok && now.Sub(s.since) < deadAfter
}

// listed reports whether a replica has not ended in order, nor long ago.
func (m *membership) listed(id string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, ok := m.known[id]
	return !m.alone() && (!m.looked || ok)
}

// replicas is how many serve.
func (m *membership) replicas(now time.Time) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.serve(now))
}

// works reports whether this replica works on a lease. One that yields goes on only
// while there is no other.
func (m *membership) works(l *Lease, now time.Time) bool {
	if m.alone() {
		return true
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return l.Worker == m.id && (!m.yields() || len(m.serve(now)) == 0)
}

// inherits reports whether this replica may take a lease over: nobody works on it, or
// who did serves no more, or its end is late.
func (m *membership) inherits(l *Lease, now time.Time) bool {
	if m.alone() || l.Worker == m.id {
		return false
	}
	if m.serves(m.id, now) && (l.Worker == "" || !m.serves(l.Worker, now)) {
		return true
	}
	return Next(l, now).late(now) && (m.serves(m.id, now) || m.replicas(now) == 0)
}

// own says in each write of a lease who works on it from then on: whoever moves it
// into another state. What has failed at this one is tried next at another, which
// may have a way to AWS or to Slack that this one does not have.
func (m *membership) own(was, is *Lease, now time.Time) {
	if m.alone() {
		is.Worker, is.Stragglers = "", nil // what a table had of it
		return
	}
	switch {
	case is.State != was.State:
		is.handOver(m.id, was.making(), now)
	case is.Attempts > was.Attempts && is.Worker == m.id:
		is.Worker = m.next(now)
	case is.Worker == m.id && is.cannotTell(was):
		is.handOver(m.next(now), was.Card.TS == "", now)
		is.tellAgain(was, now) // at once: until it looks, the other one has no copy of the lease
	}
	is.dropStragglers(now, func(s Straggler) bool { return s.Worker == is.Worker || s.Worker != "" && !m.listed(s.Worker) })
}

// next is the replica after this one, in the order of their ids.
func (m *membership) next(now time.Time) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	serving := m.serve(now)
	if len(serving) == 0 {
		return m.id
	}
	i, found := slices.BinarySearch(serving, m.id)
	if found {
		i++
	}
	return serving[i%len(serving)]
}

// chosen reports whether what has this key is this replica's among those that serve:
// all of them find the same one, and when one goes only what was its own moves.
func (m *membership) chosen(key string, now time.Time) bool {
	if m.alone() {
		return true
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	serving := m.serve(now)
	if len(serving) == 0 {
		return true
	}
	return m.id == slices.MaxFunc(serving, func(a, b string) int { return bytes.Compare(score(a, key), score(b, key)) })
}

// score is for rendezvous hashing.
func score(id, key string) []byte {
	sum := sha256.Sum256([]byte(id + "/" + key))
	return sum[:]
}
