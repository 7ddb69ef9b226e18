package bot

import (
	"context"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/slack-go/slack"
	"golang.org/x/sync/singleflight"
)

const (
	// personAge is how long Slack's record of a person is remembered; people
	// change their language once in years.
	personAge = time.Hour
	// personRetry is how long a person whom Slack did not tell about is spoken
	// to in the channel's language before Slack is asked again.
	personRetry = time.Minute
	// maxPeople bounds the memory, in people.
	maxPeople = 10_000
)

// people looks up the people who use the bot: Slack's whole record of each, so
// that one look-up tells the language and whatever else is asked of a person.
// users.info takes a hundred or so calls a minute (tier 4).
type people struct {
	client   *client
	cache    *lru.Cache[string, person]
	inflight singleflight.Group
}

// person is what Slack told of one person, and until when to believe it.
type person struct {
	user  *slack.User // nil: it did not tell
	until time.Time
}

func newPeople(c *client) *people {
	return &people{client: c, cache: newCache[string, person](maxPeople)}
}

// language is the one the person reads; nil if Slack did not tell.
func (p person) language() *language {
	if p.user == nil || p.user.Locale == "" {
		return nil
	}
	return languageOf(p.user.Locale)
}

// get is what is known without asking Slack; false if it has to be asked.
func (s *people) get(user string) (person, bool) {
	p, ok := s.cache.Get(user)
	return p, ok && time.Now().Before(p.until)
}

// fetch asks Slack about a person, unless that is known. The channel gets a value
// or is closed once it is. There is one call for all who ask at the same time,
// and it goes on when they no longer wait.
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
		s.cache.Add(user, person{user: found, until: time.Now().Add(personAge)})
		return nil, nil
	})
}
