package sim

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

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
