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

// localizer chooses the render for a reader: a person's own language, or the
// configured one for a channel.
type localizer struct {
	people     *people
	forChannel render
}

// renderFor is for what one person reads. It waits for Slack to tell which
// language that person reads, for localeWait at most.
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

// renderCached is renderFor without asking Slack, from what is known.
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

// renderForButton is for the message in which the caller pressed a button: in a
// direct message only the caller reads it, elsewhere a channel does.
func (s *localizer) renderForButton(c sshforward.Caller, own render) render {
	if c.Direct {
		return own
	}
	return s.forChannel
}

// renderForChannel is for what is posted in a channel: in a direct message only
// user reads it.
func (s *localizer) renderForChannel(ctx context.Context, channel, user string) render {
	if isDirect(channel) && channel != s.forChannel.channel {
		return s.renderFor(ctx, user)
	}
	return s.forChannel
}
