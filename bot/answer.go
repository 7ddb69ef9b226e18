package bot

import (
	"context"
	"time"

	"github.com/sshforward/sshforward"
)

// recipient is where an answer goes. The response URL is a secret: whoever has
// it can write into the channel for half an hour.
type recipient struct {
	caller      sshforward.Caller
	responseURL string
}

// answer tells the caller, by whatever way is left: the response URL works
// even where the bot may not post, but five times and for 30 minutes only;
// then an ephemeral message in the channel; then a direct message.
func (c *client) answer(to recipient, m message, replace bool) {
	if m.Text == "" {
		return
	}
	// Not the command's context: its end is one of the things to tell.
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if to.responseURL != "" { // none comes with what happens in a modal or in Home
		err := c.respond(ctx, to.responseURL, ephemeral(m, replace))
		if err == nil {
			return
		}
		c.log.Info("response URL does not work, posting instead", "user", to.caller.User, "err", c.clean(err))
	}
	if to.caller.Channel != "" {
		_, err := c.api.PostEphemeralContext(ctx, to.caller.Channel, to.caller.User, m.options()...)
		if err == nil {
			return
		}
		c.suspectToken(err)
	}
	if _, _, err := c.direct(ctx, to.caller.User, m); err != nil {
		c.log.Error("answer lost", "user", to.caller.User, "err", c.clean(err))
	}
}
