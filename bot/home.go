package bot

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/slack-go/slack"

	"github.com/sshforward/sshforward"
)

const (
	// maxHomes and homeAge bound whose Home is kept current: views.publish
	// takes a hundred or so calls a minute. Other people's Homes are published
	// when they open them.
	maxHomes = 500
	homeAge  = 24 * time.Hour
	// homeGap is the least time between two publishes for one person.
	homeGap = time.Second
	// homesAtOnce is how many are published at the same time.
	homesAtOnce = 8
	homeTries   = 3
)

// homes keeps the home tabs current of people who have looked at theirs lately.
type homes struct {
	client *client
	*localizer
	groups *groups
	// decisions is how far the decision about each lease has come, so that the
	// Homes of approvers follow that and not every step of an opening.
	decisions *lru.Cache[string, string]
	slots     chan struct{}

	mu      sync.Mutex
	runner  *runner // nil unless the bot runs
	viewers *lru.Cache[string, *viewer]
	quiet   time.Time // until when Slack asked to be left alone
	running sync.WaitGroup
}

// viewer is one of those people. The fields are guarded by homes.mu.
type viewer struct {
	caller sshforward.Caller
	at     time.Time // of the last look
	stale  bool      // something has changed since it was published
	busy   bool      // a goroutine is at it
	shown  bool      // it was published once
}

func newHomes(c *client, s *localizer, g *groups) *homes {
	return &homes{client: c, localizer: s, groups: g, decisions: newCache[string, string](5000),
		slots: make(chan struct{}, homesAtOnce), viewers: newCache[string, *viewer](maxHomes)}
}

// begin lets Homes be published: with r the keeper can be asked what is in them.
func (s *homes) begin(r *runner) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.runner = r
}

// end waits for what is being published; the dispatcher has stopped.
func (s *homes) end() {
	s.mu.Lock()
	s.runner = nil
	s.mu.Unlock()
	s.running.Wait()
}

// viewed remembers that somebody looks at their Home.
func (s *homes) viewed(c sshforward.Caller) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if w, ok := s.viewers.Get(c.User); ok {
		w.at = time.Now()
		return
	}
	c.Channel, c.Message, c.Direct = "", "", true
	s.viewers.Add(c.User, &viewer{caller: c, at: time.Now()})
}

// refresh has somebody's Home published, if they have looked at it lately. It
// does not wait. Many changes in a row make one publish a second at most, and
// the last change is always published.
func (s *homes) refresh(user string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w, ok := s.viewers.Peek(user) // only a look of theirs keeps them
	if !ok || s.runner == nil {
		return
	}
	if time.Since(w.at) > homeAge {
		s.viewers.Remove(user)
		return
	}
	w.stale = true
	if w.busy {
		return
	}
	w.busy = true
	r := s.runner
	s.running.Go(func() {
		defer s.client.recovered("home", func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			w.busy = false // the next change publishes it
		})
		s.publishUntilCurrent(r, w)
	})
}

// publishUntilCurrent publishes one person's Home until it is current.
func (s *homes) publishUntilCurrent(r *runner, w *viewer) {
	tries := 0
	for {
		s.mu.Lock()
		// Who fell out of viewers and came back has a viewer and a goroutine anew.
		if now, _ := s.viewers.Peek(w.caller.User); now != w || !w.stale || r.ctx.Err() != nil {
			w.busy = false
			s.mu.Unlock()
			return
		}
		wait := time.Until(s.quiet)
		w.stale = wait > 0
		first := !w.shown
		s.mu.Unlock()
		if wait > 0 {
			sleep(r.ctx, wait+rand.N(homeGap)) // not all at once
			continue
		}
		again, err := s.publish(r, w.caller, first)
		s.mu.Lock()
		switch {
		case err == nil:
			tries, w.shown = 0, true
		case retryAfter(err) > 0: // not a failure, and it sets the pace itself
			w.stale, s.quiet = true, time.Now().Add(again)
		case again > 0 && tries < homeTries:
			tries++
			w.stale = true
		default: // the next change says it all again
			tries = 0
			s.client.log.Warn("Home not published", "user", w.caller.User, "err", s.client.clean(err))
		}
		s.mu.Unlock()
		sleep(r.ctx, homeGap)
	}
}

// publish asks the keeper what concerns a person now and publishes their Home.
// After a failure, again is the pause before another try; 0 if none is worth it.
//
// It is sent without the hash of the one before: there is one goroutine for
// each person, and what it publishes is always newer than what is there. Where
// Slack sees a conflict all the same, the same is tried again.
func (s *homes) publish(r *runner, c sshforward.Caller, first bool) (again time.Duration, err error) {
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	case <-r.ctx.Done():
		return 0, nil
	}
	v := s.renderFor(r.ctx, c.User)
	o := <-r.start(c, showOverview{})
	blocks := v.home(c, o.overview, time.Now())
	if o.err != nil {
		if r.ctx.Err() != nil {
			return 0, nil
		}
		r.logRefusal(c, showOverview{}, o.err)
		if !first { // what is there is better than nothing
			return 0, nil
		}
		blocks = v.homeUnavailable(o.err)
	}
	ctx, cancel := context.WithTimeout(r.ctx, 10*time.Second)
	defer cancel()
	_, err = s.client.api.PublishViewContext(ctx, slack.PublishViewContextRequest{UserID: c.User, View: homeOf(blocks)})
	switch {
	case err == nil:
		return 0, nil
	case r.ctx.Err() != nil:
		return 0, nil
	case retryAfter(err) > 0:
		return retryAfter(err), err
	case slackCode(err) == "hash_conflict":
		return homeGap, err
	}
	s.client.suspectToken(err)
	s.client.explain("a Home", err)
	return 0, err
}

func homeOf(blocks []slack.Block) slack.HomeTabViewRequest {
	return slack.HomeTabViewRequest{Type: slack.VTHomeTab, CallbackID: "home", Blocks: slack.Blocks{BlockSet: blocks}}
}

// changed has the Homes published that show a lease: its owner's and, if the
// decision about it has come further, those of whoever may decide. It does not
// wait.
func (s *homes) changed(l *sshforward.Lease) {
	s.refresh(l.Owner)
	if len(l.Approvers) == 0 {
		return
	}
	state := decisionState(l)
	s.mu.Lock()
	r := s.runner
	users := slices.DeleteFunc(s.viewers.Keys(), func(user string) bool { return user == l.Owner })
	if r == nil || len(users) == 0 {
		s.mu.Unlock()
		return
	}
	if before, known := s.decisions.Get(l.ID); known && before == state {
		s.mu.Unlock()
		return
	}
	s.decisions.Add(l.ID, state)
	id, approvers := l.ID, slices.Clone(l.Approvers)
	s.running.Add(1)
	s.mu.Unlock()
	go func() {
		defer s.running.Done()
		defer s.client.recovered("home", nil)
		if !s.refreshMembers(r.ctx, approvers, users) {
			s.decisions.Add(id, "") // the next card tries again
		}
	}()
}

// decisionState stands for all that approvers see of a lease and that can change.
func decisionState(l *sshforward.Lease) string {
	b, _ := json.Marshal([]any{l.State == sshforward.Pending, len(l.Approved), l.Asked.Pending(), l.Asked.At, len(l.Asked.Approved), l.Claim})
	return string(b)
}

// refreshMembers refreshes the Homes of those users who are among the approvers.
// It reports whether Slack told who the approvers are.
func (s *homes) refreshMembers(ctx context.Context, approvers, users []string) (all bool) {
	all = true
	for _, group := range approvers {
		for _, user := range users {
			in, err := s.groups.member(ctx, user, group)
			if err != nil {
				s.client.log.Info("Home not kept current for a user group", "group", group, "err", s.client.clean(err))
				all = false
				break
			}
			if in {
				s.refresh(user)
			}
		}
	}
	return all
}
