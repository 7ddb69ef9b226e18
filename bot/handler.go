package bot

import (
	"context"
	"sync"
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
	duration time.Duration             // see Options.Duration
	denials  *lru.Cache[string, press] // clicks on Deny that wait for their reason, by envelope
	mu       sync.Mutex
	team     string // whose people are served
}

func newHandler(c *client, s *localizer, homes *homes, r *runner, o Options, team string) *handler {
	return &handler{runner: r, localizer: s, client: c, homes: homes, duration: o.Duration, denials: newCache[string, press](1000), team: team}
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

// serves reports whether people of a team may give commands. If Slack did not
// say at the start whose bot this is, the first team that gives one decides it
// for as long as the process lives.
func (h *handler) serves(team string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.team == "" && team != "" {
		h.team = team
		h.client.log.Info("the workspace of the first command is the one that is served", "team", team)
	}
	return team != "" && team == h.team
}

// renderWithin is renderFor for when Slack waits for the answer to an envelope.
func (h *handler) renderWithin(in *inbound, user string) render {
	ctx, cancel := context.WithDeadline(h.ctx, in.at.Add(modalLocaleWait))
	defer cancel()
	return h.renderFor(ctx, user)
}
