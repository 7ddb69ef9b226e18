package bot

import (
	"context"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/sshforward/sshforward"
)

const (
	// localeKept is how long a person's locale is remembered; people change it
	// once in years.
	localeKept = time.Hour
	// localeRetry is how long a person whose locale Slack did not tell is
	// spoken to in the channel's language before Slack is asked again.
	localeRetry = time.Minute
	// localeWait is how long an answer waits for Slack to tell the locale.
	// An acknowledgement that carries one has 3 s in all.
	localeWait = time.Second
	// localesMost bounds the memory, in people.
	localesMost = 10_000
)

// locales are the languages that people read.
type locales struct {
	mu    sync.Mutex
	all   map[string]locale
	asked singleflight.Group
}

type locale struct {
	language *language // nil: Slack did not tell
	until    time.Time
}

func (s *locales) get(user string) (locale, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	one, ok := s.all[user]
	return one, ok && time.Now().Before(one.until)
}

func (s *locales) put(user string, one locale) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil || len(s.all) >= localesMost {
		s.all = make(map[string]locale) // asking once more costs little
	}
	s.all[user] = one
}

// in speaks to one person, in their language. It waits for Slack to tell which
// that is, for localeWait at most.
func (b *Bot) in(ctx context.Context, user string) render {
	if _, ok := b.locales.get(user); !ok && user != "" {
		wait := time.NewTimer(localeWait)
		defer wait.Stop()
		select {
		case <-b.learn(user):
		case <-wait.C:
			b.log.Info("Slack does not tell in time which language somebody reads", "user", user)
		case <-ctx.Done():
		}
	}
	return b.known(user)
}

// known is in, without asking Slack.
func (b *Bot) known(user string) render {
	v := b.show
	v.reader = user
	if one, ok := b.locales.get(user); ok && one.language != nil {
		v.language = one.language
	}
	return v
}

// publicly is how to speak where a caller pressed a button: in a direct message
// they are alone, and a channel has its own language.
func (b *Bot) publicly(c sshforward.Caller, caller render) render {
	if c.Direct {
		return caller
	}
	return b.show
}

// inChannel speaks to whoever reads a channel: in a direct message that is one
// person.
func (b *Bot) inChannel(ctx context.Context, channel, user string) render {
	if strings.HasPrefix(channel, "D") && channel != b.opt.Channel {
		return b.in(ctx, user)
	}
	return b.show
}

// learn has Slack asked for a person's locale, unless it is known; the channel
// gets a value when it is. One question is for all who ask at once, and does
// not end with them.
func (b *Bot) learn(user string) <-chan singleflight.Result {
	if _, ok := b.locales.get(user); ok || user == "" {
		done := make(chan singleflight.Result)
		close(done)
		return done
	}
	return b.locales.asked.DoChan(user, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		who, err := b.api.GetUserInfoContext(ctx, user)
		switch {
		case err != nil:
			b.suspectToken(err)
			b.log.Info("Slack does not tell which language somebody reads", "user", user, "err", b.clean(err))
			b.locales.put(user, locale{until: time.Now().Add(max(localeRetry, retryAfter(err)))})
		case who.Locale == "":
			b.locales.put(user, locale{until: time.Now().Add(localeKept)})
		default:
			b.locales.put(user, locale{language: languageOf(who.Locale), until: time.Now().Add(localeKept)})
		}
		return nil, nil
	})
}
