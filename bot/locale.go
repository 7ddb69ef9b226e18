package bot

import (
	"context"
	"time"

	"github.com/sshforward/sshforward"
	"golang.org/x/sync/singleflight"
)

// localeWait is how long an answer waits for Slack to tell the locale. An
// acknowledgement that carries one has 3 s in all.
const localeWait = time.Second

// localizer makes the render for whoever reads: one person in their own
// language, a channel in the configured one.
type localizer struct {
	people     *people
	forChannel render
}

// renderFor speaks to one person, in their language. It waits for Slack to tell
// which that is, for localeWait at most.
func (s *localizer) renderFor(ctx context.Context, user string) render {
	if _, ok := s.people.get(user); !ok && user != "" {
		wait := time.NewTimer(localeWait)
		defer wait.Stop()
		select {
		case <-s.fetchLocale(user):
		case <-wait.C:
			s.people.client.log.Info("Slack does not tell in time which language somebody reads", "user", user)
		case <-ctx.Done():
		}
	}
	return s.renderCached(user)
}

// renderCached is renderFor without asking Slack.
func (s *localizer) renderCached(user string) render {
	v := s.forChannel
	v.reader = user
	if p, ok := s.people.get(user); ok && p.language() != nil {
		v.language = p.language()
	}
	return v
}

// fetchLocale has Slack asked for a person's language, unless it is known; the
// channel gets a value when it is.
func (s *localizer) fetchLocale(user string) <-chan singleflight.Result { return s.people.fetch(user) }

// renderForButton replaces a message that the caller pressed a button in: in a
// direct message they are alone, and a channel has its own language.
func (s *localizer) renderForButton(c sshforward.Caller, own render) render {
	if c.Direct {
		return own
	}
	return s.forChannel
}

// renderForChannel speaks to whoever reads a channel: in a direct message that
// is one person.
func (s *localizer) renderForChannel(ctx context.Context, channel, user string) render {
	if isDirect(channel) && channel != s.forChannel.channel {
		return s.renderFor(ctx, user)
	}
	return s.forChannel
}
