package bot

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/sshforward/sshforward"
)

const (
	// maxPosted is how many messages with buttons are remembered.
	maxPosted = 1000
	// retireTimeout bounds what a card's caller waits for its old messages.
	retireTimeout = 5 * time.Second
	// Those that Slack does not take are tried again after a minute, two, four …
	retireTries     = 8
	retirePause     = time.Minute
	retirePauseMost = 10 * time.Minute
)

// postedMessage is a message with buttons that belong to one end of one lease,
// as those of a reminder do, or to one decision about it.
type postedMessage struct {
	lease string
	place sshforward.Place
	until time.Time // the end that it speaks of

	user string // whose direct message it is; empty: a channel's
	// decides is set where it asks an approver, for the lease or for the
	// extension that was asked for at askedAt.
	decides sshforward.NoticeKind
	askedAt time.Time
}

// current reports whether the message is still true of the lease.
func (p postedMessage) current(l *sshforward.Lease) bool {
	switch p.decides {
	case sshforward.NoticeApproval:
		return l.State == sshforward.Pending
	case sshforward.NoticeAsked:
		return l.State == sshforward.Open && l.Asked.Pending() && l.Asked.At.Equal(p.askedAt)
	}
	return l.State == sshforward.Open && l.ExpiresAt.Equal(p.until)
}

// posted remembers messages with live buttons until the process ends. After
// that, whoever presses one of them is told how the lease stands.
type posted struct {
	client *client
	*localizer
	cache       *lru.Cache[sshforward.Place, postedMessage]
	retirePause time.Duration
}

func newPosted(c *client, s *localizer) *posted {
	return &posted{client: c, localizer: s, cache: newCache[sshforward.Place, postedMessage](maxPosted), retirePause: retirePause}
}

func (s *posted) add(p postedMessage) { s.cache.Add(p.place, p) }

// take forgets and returns the messages that are no longer true of the lease.
func (s *posted) take(l *sshforward.Lease) []postedMessage {
	var out []postedMessage
	for _, p := range s.cache.Values() {
		if p.lease == l.ID && !p.current(l) && s.cache.Remove(p.place) { // once, whoever else looks now
			out = append(out, p)
		}
	}
	return out
}

// retire replaces the messages that are no longer true of the lease by what
// became of it, and takes their buttons away. It does what it can: they are no
// reason for a card to fail, and the card's sender waits for retireTimeout at
// most. What Slack does not take just now goes on behind.
func (s *posted) retire(ctx context.Context, l *sshforward.Lease) {
	if s.retireOnce(ctx, l) == 0 {
		return
	}
	later := l.Clone()
	go func() {
		defer s.client.recovered("retire", nil)
		for try := 1; try <= retireTries; try++ {
			sleep(context.Background(), min(s.retirePause<<(try-1), retirePauseMost))
			if s.retireOnce(context.Background(), later) == 0 {
				return
			}
		}
	}()
}

// retireOnce returns how many messages are left. They are remembered, so that a
// newer card of the lease takes them over.
func (s *posted) retireOnce(ctx context.Context, l *sshforward.Lease) (left int) {
	old := s.take(l)
	if len(old) == 0 {
		return 0
	}
	ctx, cancel := context.WithTimeout(ctx, retireTimeout)
	defer cancel()
	var (
		all   sync.WaitGroup
		again atomic.Int32
	)
	for _, p := range old {
		all.Go(func() {
			defer s.client.recovered("retire", nil)
			if !s.replace(ctx, l, p) {
				again.Add(1)
				s.add(p)
			}
		})
	}
	all.Wait()
	return int(again.Load())
}

// replace reports whether a message has lost its buttons, or never will.
func (s *posted) replace(ctx context.Context, l *sshforward.Lease, p postedMessage) bool {
	v := s.forChannel
	if p.user != "" {
		v = s.renderFor(ctx, p.user)
	}
	m := v.reminderOver(l)
	if p.decides != "" {
		m = v.decided(l, p.decides == sshforward.NoticeAsked)
	}
	err := s.client.update(ctx, p.place.Channel, p.place.TS, m)
	if err == nil {
		return true
	}
	s.client.suspectToken(err)
	s.client.log.Info("an old message keeps its buttons", "lease", l.ID, "err", s.client.clean(err))
	return !temporary(err)
}
