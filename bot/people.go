package bot

import (
	"context"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/slack-go/slack"
	"golang.org/x/sync/singleflight"
)

const (
	// personKept is how long Slack's record of a person is remembered; people
	// change their language once in years.
	personKept = time.Hour
	// personRetry is how long a person whom Slack did not tell about is spoken
	// to in the channel's language before Slack is asked again.
	personRetry = time.Minute
	// peopleMost bounds the memory, in people.
	peopleMost = 10_000
)

// people is Slack's record of the people who use the bot (users.info, tier 4).
type people struct {
	client   *client
	cache    *lru.Cache[string, person]
	inflight singleflight.Group
}

// person is what Slack told of one person.
type person struct {
	user  *slack.User // nil: it did not tell
	until time.Time
}

func newPeople(c *client) *people {
	return &people{client: c, cache: newCache[string, person](peopleMost)}
}

// language is the one the person reads; nil if Slack did not tell.
func (p person) language() *language {
	if p.user == nil || p.user.Locale == "" {
		return nil
	}
	return languageOf(p.user.Locale)
}

// get is what is known without asking Slack; false if it should be asked.
func (s *people) get(user string) (person, bool) {
	p, ok := s.cache.Get(user)
	return p, ok && time.Now().Before(p.until)
}

// fetch has Slack asked about a person, unless that is known; the channel gets
// a value when it is. One question is for all who ask at once, and does not end
// with them.
func (s *people) fetch(user string) <-chan singleflight.Result {
	if _, ok := s.get(user); ok || user == "" {
		done := make(chan singleflight.Result)
		close(done)
		return done
	}
	return s.inflight.DoChan(user, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		found, err := s.client.api.GetUserInfoContext(ctx, user)
		if err != nil {
			s.client.suspectToken(err)
			s.client.log.Info("Slack does not tell which language somebody reads", "user", user, "err", s.client.clean(err))
			s.cache.Add(user, person{until: time.Now().Add(max(personRetry, retryAfter(err)))})
			return nil, nil
		}
		s.cache.Add(user, person{user: found, until: time.Now().Add(personKept)})
		return nil, nil
	})
}
