package bot

import (
	"context"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/sshforward/sshforward"
)

// modalLocaleWait is how long the look-up of a person's language may take where
// Slack waits for an answer.
const modalLocaleWait = 400 * time.Millisecond

// handler turns what people do into commands and outcomes into answers. Each
// thing that people do is in a file of its own: slash.go, click.go, deny.go …
type handler struct {
	*runner
	*localizer
	client   *client
	homes    *homes
	follow   *follow
	duration time.Duration             // see Options.Duration
	denials  *lru.Cache[string, press] // clicks on Deny that wait for their reason, by envelope
}

func newHandler(c *client, s *localizer, homes *homes, f *follow, r *runner, o Options) *handler {
	return &handler{runner: r, localizer: s, client: c, homes: homes, follow: f, duration: o.Duration, denials: newCache[string, press](1000)}
}

// press is a click on a button that gives a command: by whom, where, and which.
// The response URL in it is a secret, which is why one that waits for a modal
// is kept here and not in the view.
type press struct {
	to      recipient
	payload clickPayload
	action  action
	cmd     sshforward.Command
}

// serves reports whether somebody may use the bot at all, as far as Slack tells
// that in time; team is where the payload says that the bot is installed. If it
// does not tell, the keeper refuses what depends on it.
func (h *handler) serves(in *inbound, team, user string) bool {
	installed := h.people.installedIn(team)
	if team == "" {
		return false
	}
	if known, ok := h.people.get(user); ok && known.user == nil {
		return installed // Slack did not tell a moment ago
	}
	ctx, cancel := context.WithDeadline(h.ctx, in.at.Add(localeWait))
	defer cancel()
	p, err := h.people.person(ctx, user)
	if err != nil {
		h.client.log.Warn("Slack does not tell in time whose people somebody is", "user", user, "err", h.client.clean(err))
		return installed
	}
	return !p.Stranger
}

// renderTo is for an answer to somebody who pressed a button: in a thread Slack
// takes no commands, so that none are suggested there.
func (h *handler) renderTo(to recipient) render {
	v := h.renderFor(h.ctx, to.caller.User)
	v.threaded = to.thread != ""
	return v
}

// renderWithin is renderFor for when Slack waits for the answer to an envelope.
func (h *handler) renderWithin(in *inbound, user string) render {
	ctx, cancel := context.WithDeadline(h.ctx, in.at.Add(modalLocaleWait))
	defer cancel()
	return h.renderFor(ctx, user)
}
