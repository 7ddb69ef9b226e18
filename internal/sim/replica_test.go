package sim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/internal/safe"
	"github.com/sshforward/sshforward/store/dynamo"
)

// outside is something that a replica talks to.
type outside string

const (
	toStore outside = "the store"
	toAWS   outside = "AWS"
	toSlack outside = "Slack"
)

// errCut is what a replica sees of something that it is cut off from.
var errCut = &net.OpError{Op: "dial", Net: "tcp", Err: syscall.EHOSTUNREACH}

// gate stands between a replica and all that is outside of it. The process behind
// it dies, sleeps or is cut off without knowing.
type gate struct {
	over chan struct{} // closed: it is dead, and nothing that it does has an effect any more
	once sync.Once

	mu     sync.Mutex
	rng    *rand.Rand
	sleepy func(operation string) bool // whether it falls asleep over a call; nil: over none
	asleep chan struct{}               // closed when it wakes up; nil: it is awake
	cut    map[outside]bool
}

func newGate(seed uint64) *gate {
	return &gate{over: make(chan struct{}), rng: rand.New(rand.NewPCG(seed, 11)), cut: make(map[outside]bool)}
}

func (g *gate) kill() { g.once.Do(func() { close(g.over) }) }

func (g *gate) isDead() bool {
	select {
	case <-g.over:
		return true
	default:
		return false
	}
}

// pause puts the process to sleep, as SIGSTOP does; resume wakes it up. What its
// timers would have done meanwhile they do all the same, and what it says and hears
// waits.
func (g *gate) pause() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.asleep == nil {
		g.asleep = make(chan struct{})
	}
}

func (g *gate) resume() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.asleep != nil {
		close(g.asleep)
		g.asleep = nil
	}
}

func (g *gate) isAsleep() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.asleep != nil
}

func (g *gate) setCut(from outside, cut bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.cut[from] = cut
}

func (g *gate) oneIn(n int) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.rng.IntN(n) == 0
}

// dozesOver has the process fall asleep when the call is on its way already.
func (g *gate) dozesOver(req *http.Request) bool {
	g.mu.Lock()
	sleepy := g.sleepy
	g.mu.Unlock()
	if sleepy == nil || !sleepy(operation(req)) {
		return false
	}
	g.pause()
	return true
}

// pass returns when a call may go on; waited says that the process was asleep.
func (g *gate) pass(to outside) (waited bool, err error) {
	for {
		g.mu.Lock()
		asleep, cut := g.asleep, g.cut[to]
		g.mu.Unlock()
		switch {
		case g.isDead():
			return waited, errDead
		case asleep == nil && cut:
			return waited, errCut
		case asleep == nil:
			return waited, nil
		}
		waited = true
		select {
		case <-asleep:
		case <-g.over:
		}
	}
}

// gatedTransport is a replica's way to something over HTTP.
type gatedTransport struct {
	g    *gate
	to   outside
	next http.RoundTripper
}

func (w gatedTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	dozes := w.g.dozesOver(req)
	waited, err := w.g.pass(w.to)
	if err != nil {
		return nil, err
	}
	if dozes || waited && w.g.oneIn(2) {
		// It had been given up by the time the process woke up, and was on its way
		// before anybody looked at that.
		req = req.WithContext(context.WithoutCancel(req.Context()))
	}
	resp, err := w.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if _, err := w.g.pass(w.to); err != nil {
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		return nil, err
	}
	return resp, nil
}

// gatedSlack is a replica's way to Slack.
type gatedSlack struct {
	r *replica
	nobody
}

func (s gatedSlack) say(what string, l *sshforward.Lease, n sshforward.Notice) error {
	if _, err := s.r.gate.pass(toSlack); err != nil {
		return err
	}
	s.r.f.hear(what, l, n)
	_, err := s.r.gate.pass(toSlack)
	return err
}

func (s gatedSlack) Card(_ context.Context, l *sshforward.Lease) (channel, ts string, err error) {
	what := "card"
	if l.Card.TS != "" {
		what = "card update"
	}
	return l.Channel, "1." + l.ID, s.say(what, l, sshforward.Notice{})
}

func (s gatedSlack) Notice(_ context.Context, l *sshforward.Lease, n sshforward.Notice) (sshforward.Place, error) {
	return sshforward.Place{Channel: l.Channel, TS: fmt.Sprintf("%d.%s%s", n.At.UnixNano(), n.Kind, n.To)}, s.say("notice", l, n)
}

func (s gatedSlack) Edit(_ context.Context, l *sshforward.Lease, _ sshforward.Posted) error {
	return s.say("edit", l, sshforward.Notice{})
}

func (s gatedSlack) Announce(context.Context, sshforward.Text) error {
	_, err := s.r.gate.pass(toSlack)
	return err
}

// replica is one process of a fleet.
type replica struct {
	f      *fleet
	name   string
	gate   *gate
	clock  clock
	store  *dynamo.Store
	keeper *sshforward.Keeper
	ctx    context.Context // of its loops
	cancel context.CancelFunc
	loops  sync.WaitGroup
}

// loop runs one of the loops, every so often, as cron does: a round that hangs is
// not begun a second time, and a panic is that round's.
func (r *replica) loop(every time.Duration, round func(context.Context) error) {
	r.loops.Go(func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
			case <-r.ctx.Done():
				return
			}
			if r.gate.isAsleep() {
				continue
			}
			var err error
			func() {
				defer safe.Recover(&err)
				err = round(r.ctx)
			}()
		}
	})
}

// kill ends the process as kill -9 would.
func (r *replica) kill() {
	r.gate.kill()
	r.end(0)
}

// terminate ends it as SIGTERM does: it has seven seconds for what it is at.
func (r *replica) terminate() { r.end(7 * time.Second) }

func (r *replica) end(within time.Duration) {
	r.cancel()
	late, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	r.keeper.Stop(late)
	r.gate.kill()
	r.loops.Wait()
	if err := r.store.Close(); err != nil && !errors.Is(err, errDead) {
		r.f.t.Error(err)
	}
}
