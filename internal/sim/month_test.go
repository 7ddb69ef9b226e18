package sim

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/internal/testenv"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
	"github.com/sshforward/sshforward/store/bolt"
)

var monthLeases = flag.Int("month", 0, "how many leases TestMonth has; a thousand take a month")

// TestMonth is a month, or with fewer leases a shorter one, in which everything
// around the process goes wrong that may: see weather. Access ends when it was
// promised to, nothing is left, and what people are told is so.
func TestMonth(t *testing.T) {
	t.Parallel()
	n := cmp.Or(*monthLeases, testenv.UnlessRaced(60, 3))
	synctest.Test(t, func(t *testing.T) { month(t, n) })
}

// monthBudget is how long access may last beyond its end in a month: as in a
// storm, and besides that each of the calls that end it may take AWS half a minute.
const monthBudget = 2 * retryBudget

// weather is what goes wrong for a while. Several things may at once.
type weather int

const (
	slowAWS     weather = iota // an answer takes 5 to 25 seconds
	badAWS                     // three calls in ten fail or lose their answer
	slowSlack                  // a call takes up to a minute
	silentSlack                // nothing is answered
	badSlack                   // half of the calls are refused
	stalledLog                 // nobody reads it
	fullDisk                   // nothing can be written
	panics                     // one call in forty panics, wherever it goes
	weathers
)

func (w weather) String() string {
	return [...]string{"slow AWS", "bad AWS", "slow Slack", "silent Slack", "bad Slack", "stalled log", "full disk", "panics"}[w]
}

// sky is what the weather is, for calls of the process from many goroutines.
type sky struct {
	mu    sync.Mutex
	rng   *rand.Rand
	ahead []int // weathers that are still to come, before all come once more
	until [weathers]time.Time
	seen  [weathers]int // how many calls met it
}

func (k *sky) is(w weather) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if time.Now().Before(k.until[w]) {
		k.seen[w]++
		return true
	}
	return false
}

// upTo is a random duration.
func (k *sky) upTo(d time.Duration) time.Duration {
	k.mu.Lock()
	defer k.mu.Unlock()
	return time.Duration(k.rng.Int64N(int64(d)))
}

func (k *sky) oneIn(n int) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.rng.IntN(n) == 0
}

// turn begins some weather now and then; it lasts for minutes. All kinds of it come
// up before one does again.
func (k *sky) turn() {
	lasts := 2*time.Minute + k.upTo(40*time.Minute)
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.ahead) == 0 {
		k.ahead = k.rng.Perm(int(weathers))
	}
	k.until[k.ahead[0]] = time.Now().Add(lasts)
	k.ahead = k.ahead[1:]
}

// clear ends all of it.
func (k *sky) clear() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.until = [weathers]time.Time{}
}

// Write is the log's pipe.
func (k *sky) Write(line []byte) (int, error) {
	for k.is(stalledLog) {
		time.Sleep(10 * time.Second)
	}
	return len(line), nil
}

func (k *sky) disk() error {
	if k.is(fullDisk) {
		return &sshforward.Error{Code: sshforward.EUNAVAILABLE, Message: sshforward.Textf("The disk is full.")}
	}
	return nil
}

func (k *sky) slack(ctx context.Context) error {
	wait := time.Duration(0)
	switch {
	case k.is(silentSlack):
		<-ctx.Done()
		return ctx.Err()
	case k.is(slowSlack):
		wait = k.upTo(time.Minute)
	case k.is(badSlack) && k.oneIn(2):
		return &sshforward.Error{Code: sshforward.EUNAVAILABLE, Message: sshforward.Textf("Slack answers with an error.")}
	}
	select {
	case <-time.After(wait):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (k *sky) poison(string, string) bool { return k.is(panics) && k.oneIn(40) }

// over makes AWS as the weather is: chaos is what is wrong with a call otherwise.
func (k *sky) over(chaos, bad *fakeaws.Chaos) func(fakeaws.Call) fakeaws.Fault {
	return func(c fakeaws.Call) fakeaws.Fault {
		f := chaos.Fault(c)
		if k.is(badAWS) {
			f = bad.Fault(c)
		}
		if k.is(slowAWS) {
			f.SlowReply = 5*time.Second + k.upTo(20*time.Second)
		}
		return f
	}
}

// pause is a time in which the process did not run, or its clock was not right.
type pause struct{ from, to time.Time }

func month(t *testing.T, n int) {
	const longest = 3*time.Hour + 5*time.Minute
	lasts := max(2*longest, 30*24*time.Hour*time.Duration(n)/1000) // as busy with fewer
	rng := rand.New(rand.NewPCG(12, 0))
	o := fakeaws.Realistic()
	o.Seed, o.LoadBalancerLimit = 12, 1000
	s := newSim(t, o)
	s.timing.Keep = lasts // people and the audit record are compared at the end
	foreign := s.cloud.Foreign("sshforward:deployment", "sim")
	k := &sky{rng: rand.New(rand.NewPCG(12, 1))}
	s.log, s.disk, s.slack, s.poison = k, k.disk, k.slack, k.poison
	s.cloud.SetFault(k.over(fakeaws.NewChaos(12, 0.02), fakeaws.NewChaos(13, 0.3)))
	s.heard = s.isSo
	s.boot()

	began := time.Now()
	arrivals := make([]time.Duration, n)
	for i := range arrivals {
		arrivals[i] = time.Duration(rng.Int64N(int64(lasts - longest)))
	}
	slices.Sort(arrivals)
	var pauses []pause
	var asked []string
	live := make(map[string]bool)
	turns, killed, stepped, asleep := 0, 0, 0, 0
	nextTurn, nextBlow := began.Add(time.Hour), began.Add(2*time.Hour)
	for now := began; now.Sub(began) < lasts; now = time.Now() {
		for len(arrivals) > 0 && now.Sub(began) >= arrivals[0] {
			arrivals = arrivals[1:]
			d := 5*time.Minute + time.Duration(rng.Int64N(int64(longest-5*time.Minute)))
			id, ok := s.ask(fmt.Sprintf("U%d", rng.IntN(40)), d)
			if ok && !slices.Contains(asked, id) { // who has one to the instance is shown that
				live[id] = true
				asked = append(asked, id)
			}
		}
		if !now.Before(nextTurn) {
			nextTurn = now.Add(time.Duration(rng.Int64N(int64(2 * time.Hour))))
			k.turn()
			turns++
		}
		if !now.Before(nextBlow) {
			nextBlow = now.Add(time.Duration(rng.Int64N(int64(12 * time.Hour))))
			p := pause{from: now}
			switch rng.IntN(3) {
			case 0: // kill -9
				s.process.end()
				s.survive()
				killed++
			case 1: // the machine sleeps, or its clock is set forward
				s.process.end()
				s.bury()
				time.Sleep(time.Duration(rng.Int64N(int64(2 * time.Hour))))
				s.boot()
				asleep++
			case 2: // the clock was ahead when the last failures were written, and is right now
				s.process.end()
				s.bury()
				stepped += s.wasAhead(time.Duration(1+rng.IntN(23)) * time.Hour)
				s.boot()
			}
			p.to = time.Now()
			pauses = append(pauses, p)
		}
		if s.cloud.ForgetCalls(); rng.IntN(100) == 0 {
			for id := range live {
				l := s.lease(id)
				caller := sshforward.Caller{Team: "T", User: l.Owner}
				if rng.IntN(2) == 0 {
					_, _ = s.do(caller, sshforward.CloseLease{Ref: id})
				} else {
					_, _ = s.do(caller, sshforward.ExtendLease{Ref: id, Duration: time.Duration(1+rng.IntN(60)) * time.Minute})
				}
				break
			}
		}
		s.aside(5 * time.Minute)
		s.overdue(live, pauses)
		for id := range live {
			if s.lease(id).State == sshforward.Closed {
				delete(live, id)
			}
		}
	}
	k.clear()
	s.cloud.SetFault(nil)
	for end := time.Now().Add(2 * time.Hour); len(live) > 0; {
		if time.Now().After(end) {
			t.Fatalf("not closed two hours after the last fault:\n%s", s.describe())
		}
		s.aside(5 * time.Minute)
		for id := range live {
			if s.closed(id)() {
				delete(live, id)
			}
		}
	}
	s.run(time.Hour, func() bool { return len(s.cloud.Leftovers("sshforward:deployment", "sim")) == 0 })
	if after := s.cloud.Foreign("sshforward:deployment", "sim"); after != foreign {
		t.Errorf("something that is not ours was touched:\n%s\nbefore:\n%s", after, foreign)
	}
	if closed := s.checkAuditLog(); closed < len(asked) {
		t.Errorf("the audit record has %d leases that are over, and %d are", closed, len(asked))
	}
	var stays []time.Duration
	for _, id := range asked {
		l := s.lease(id)
		if l.OpenedAt.IsZero() {
			continue
		}
		stays = append(stays, overstay(l.ExpiresAt, l.AccessEndedAt, pauses))
		if s.channel.said(id, sshforward.NoticeEnded)+s.channel.said(id, sshforward.NoticeFailed) == 0 {
			t.Errorf("nobody was told that lease %s has ended (%s)", id, l.Reason)
		}
	}
	slices.Sort(stays)
	if len(stays) == 0 {
		t.Fatal("nothing was ever open")
	}
	t.Logf("%s, %d leases that were open of %d: overstay p50 %s, p99 %s, max %s; the weather turned %d times, "+
		"the process was killed %d times, the machine slept %d times, %d retries were written by a clock that was ahead", lasts,
		len(stays), len(asked), stays[len(stays)/2], stays[len(stays)*99/100], stays[len(stays)-1], turns, killed, asleep, stepped)
	for w := range weathers {
		t.Logf("%s: %d calls", w, k.seen[w])
		if k.seen[w] == 0 && n >= 60 {
			t.Errorf("there was no %s", w)
		}
	}
	if worst := stays[len(stays)-1]; worst > monthBudget {
		t.Errorf("access lasted %s beyond its end", worst)
	}
	s.bury()
}

// overstay is how long access lasted beyond its end, without the pauses between:
// while nothing runs nothing closes.
func overstay(end, ended time.Time, pauses []pause) time.Duration {
	stay := ended.Sub(end)
	for _, p := range pauses {
		from, to := later(p.from, end), earlier(p.to, ended)
		stay -= max(0, to.Sub(from))
	}
	return max(0, stay)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// reachable is what the cloud's data path says.
func (s *sim) reachable(id string) bool {
	_, err := s.cloud.Home().Route(sshforward.Name("sim", id), netip.MustParseAddr("203.0.113.7"), 22)
	return err == nil
}

// overdue holds the cloud's data path to what was promised and to the receipts.
func (s *sim) overdue(live map[string]bool, pauses []pause) {
	s.t.Helper()
	now := time.Now()
	for id := range live {
		l := s.lease(id)
		if l.OpenedAt.IsZero() || !s.reachable(id) {
			continue
		}
		if late := overstay(l.ExpiresAt, now, pauses); late > monthBudget {
			s.t.Errorf("lease %s can be used %s after its end: %s, %s", id, late, l.State, l.Why)
		}
		if !l.AccessEndedAt.IsZero() {
			s.t.Errorf("lease %s can be used, and its receipt says that access ended at %s", id, l.AccessEndedAt)
		}
	}
}

// isSo holds a notice to the cloud's data path at the moment at which Slack takes it.
func (s *sim) isSo(l *sshforward.Lease, n sshforward.Notice) {
	switch reachable := s.reachable(l.ID); n.Kind {
	case sshforward.NoticeEnded:
		if reachable {
			s.t.Errorf("people are told that lease %s has ended, and it can be used", l.ID)
		}
	case sshforward.NoticeReady:
		if now := time.Now(); !reachable && now.Before(l.ExpiresAt) && s.lease(l.ID).State == sshforward.Open {
			s.t.Errorf("people are told that lease %s can be used, and it cannot", l.ID)
		}
	}
}

// wasAhead has what failed last be recorded as by a clock that was ahead. No
// process runs meanwhile. It returns how many leases that were.
func (s *sim) wasAhead(by time.Duration) (leases int) {
	s.t.Helper()
	store, err := bolt.Open(s.file, bolt.Options{})
	if err != nil {
		s.t.Fatal(err)
	}
	active, err := store.Active(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	for _, l := range active {
		if l.State != sshforward.Opening && l.State != sshforward.Closing {
			continue
		}
		l.NextTryAt = time.Now().Add(by)
		l.Card.NextTryAt = l.NextTryAt
		for i := range l.Owed {
			l.Owed[i].NextTryAt = l.NextTryAt
		}
		l.DueAt = l.NextTryAt
		if err := store.Put(s.t.Context(), l); err != nil {
			s.t.Fatal(err)
		}
		leases++
	}
	if err := store.Close(); err != nil {
		s.t.Fatal(err)
	}
	return leases
}

// aside goes to the next moment at which anything is due, as skip does, and lets
// the sweep and the watch take their time beside the ticks, as the program does.
func (s *sim) aside(sweepEvery time.Duration) {
	s.t.Helper()
	now := time.Now()
	next := s.swept.Add(sweepEvery)
	for _, l := range s.active() {
		if l.DueAt.Before(next) {
			next = l.DueAt
		}
	}
	time.Sleep(max(next.Sub(now), 0).Truncate(time.Second))
	keeper := s.process.keeper
	if now := time.Now(); now.Sub(s.swept) >= sweepEvery {
		s.swept = now
		go s.loop(keeper.Sweep)
		go s.loop(keeper.Watch)
	}
	s.sweepEvery = 0
	s.tick()
}
