package bot

import (
	"context"
	"slices"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/slack-go/slack"
	"golang.org/x/sync/singleflight"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/internal/safe"
)

const (
	// languageAge is how long a person's language is remembered; people change
	// it once in years.
	languageAge = time.Hour
	// accountAge is how long it may take until the bot knows that somebody was
	// deactivated or made a guest. Each person costs one call in that time.
	accountAge = time.Minute
	// personRetry is how long a person whom Slack did not tell about is spoken
	// to in the channel's language before Slack is asked again for that alone.
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

	mu  sync.Mutex
	own workspace // zero until Slack has told
}

// person is what Slack told of one person.
type person struct {
	user   *slack.User // nil: nothing yet
	at     time.Time   // when it told that
	failed time.Time   // when it last did not tell
}

// workspace is where the bot is installed.
type workspace struct {
	team       string // empty: Slack does not say
	enterprise string // the organisation that it is one of; empty: none
	known      bool
}

// orgWide reports whether the bot is installed on a whole organisation: Slack
// then names that as the team.
func (w workspace) orgWide() bool { return w.team != "" && w.team == w.enterprise }

func newPeople(c *client) *people {
	return &people{client: c, cache: newCache[string, person](maxPeople)}
}

// language is the one the person reads; nil if Slack did not tell.
func (p person) language() *language {
	if p.user == nil || p.user.Locale == "" || time.Since(p.at) >= languageAge {
		return nil
	}
	return languageOf(p.user.Locale)
}

// get is what is known for choosing a language without asking Slack; false if
// it has to be asked.
func (s *people) get(user string) (person, bool) {
	p, ok := s.cache.Get(user)
	return p, ok && (p.user != nil && time.Since(p.at) < languageAge || time.Since(p.failed) < personRetry)
}

// fetch asks Slack about a person, unless the language is known or cannot be
// learnt just now. The channel gets a value or is closed once it is.
func (s *people) fetch(user string) <-chan singleflight.Result {
	if _, ok := s.get(user); ok || user == "" {
		done := make(chan singleflight.Result)
		close(done)
		return done
	}
	return s.ask(user)
}

// ask asks Slack about a person. There is one call for all who ask at the same
// time, and it goes on when they no longer wait.
func (s *people) ask(user string) <-chan singleflight.Result {
	return s.inflight.DoChan(user, func() (_ any, err error) {
		defer safe.Recover(&err)
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		known, _ := s.cache.Get(user)
		found, err := s.client.api.GetUserInfoContext(ctx, user)
		if err != nil {
			s.client.suspectToken(err)
			s.client.log.Info("Slack does not tell about somebody", "user", user, "err", s.client.clean(err))
			known.failed = time.Now()
			s.cache.Add(user, known)
			return nil, err
		}
		s.cache.Add(user, person{user: found, at: time.Now()})
		return found, nil
	})
}

// account is Slack's record of a person, no older than accountAge. EUNAVAILABLE
// if Slack does not tell.
func (s *people) account(ctx context.Context, user string) (*slack.User, error) {
	if p, ok := s.cache.Get(user); ok && p.user != nil && time.Since(p.at) < accountAge {
		return p.user, nil
	}
	select {
	case r := <-s.ask(user):
		if r.Err != nil {
			return nil, s.unknown(user, r.Err)
		}
		return r.Val.(*slack.User), nil
	case <-ctx.Done():
		return nil, s.unknown(user, ctx.Err())
	}
}

// person is what policy has to know of somebody. EUNAVAILABLE if Slack does not
// tell, or not where the bot itself belongs.
func (s *people) person(ctx context.Context, user string) (sshforward.Person, error) {
	own, err := s.home(ctx)
	if err != nil {
		return sshforward.Person{}, err
	}
	u, err := s.account(ctx, user)
	if err != nil {
		return sshforward.Person{}, err
	}
	return sshforward.Person{
		Guest:       u.IsRestricted || u.IsUltraRestricted,
		Deactivated: u.Deleted,
		Bot:         u.IsBot,
		Stranger:    own.stranger(u),
	}, nil
}

// stranger reports whether somebody is of another company. What Slack calls
// is_stranger does not decide that: it is not set for those who share a channel
// with the bot (https://docs.slack.dev/reference/objects/user-object).
func (w workspace) stranger(u *slack.User) bool {
	switch {
	case w.team == "":
		return u.IsStranger
	case u.TeamID == w.team || slices.Contains(u.Enterprise.Teams, w.team):
		return false
	}
	return w.enterprise == "" || u.Enterprise.EnterpriseID != w.enterprise
}

// home is where the bot is installed, which Slack is asked until it tells.
// EUNAVAILABLE if it does not, or if that is a whole organisation.
func (s *people) home(ctx context.Context) (workspace, error) {
	s.mu.Lock()
	own := s.own
	s.mu.Unlock()
	if !own.known {
		me, err := s.client.api.AuthTestContext(ctx)
		if err != nil {
			return workspace{}, s.client.failed("ask Slack who I am", err)
		}
		own = s.settle(me)
	}
	if own.orgWide() {
		return own, &sshforward.Error{Code: sshforward.EUNAVAILABLE, Message: orgWideInstall()}
	}
	return own, nil
}

// orgWideInstall is what people are told where the bot is installed on a whole
// organisation: it could not tell whose people it serves.
func orgWideInstall() sshforward.Text {
	return sshforward.Textf(
		"I am installed on a whole organisation, so I open nothing. An admin has to install me in one workspace; what is open ends on time.")
}

// settle remembers where the bot is installed.
func (s *people) settle(me *slack.AuthTestResponse) workspace {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.own.known {
		s.own = workspace{team: me.TeamID, enterprise: me.EnterpriseID, known: true}
	}
	return s.own
}

// installedIn reports whether a payload comes from where the bot is installed.
// If Slack did not say at the start where that is, the first payload decides it
// for as long as the process lives.
func (s *people) installedIn(team string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.own.team == "" && team != "" {
		s.own.team, s.own.known = team, true
		s.client.log.Info("the workspace of the first command is the one that is served", "team", team)
	}
	return team != "" && team == s.own.team
}

// unknown is the error for a person whom Slack does not tell about.
func (s *people) unknown(user string, err error) error {
	e := &sshforward.Error{Code: sshforward.EUNAVAILABLE, Err: s.client.clean(err), RetryAfter: retryAfter(err), Message: sshforward.Textf(
		"Slack cannot tell me right now who you are, so I have to say no. Try again in a minute.")}
	if code := slackCode(err); code != "" && !temporary(err) {
		e.Message = sshforward.Textf("Slack does not tell me who the user %s is (%s), so I have to say no. Ask the operator.", user, code)
	}
	return e
}
