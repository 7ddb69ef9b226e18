package bot

import (
	"context"
	"time"

	"github.com/slack-go/slack"

	"github.com/sshforward/sshforward"
)

// recipient is where an answer goes. The response URL is a secret: whoever has
// it can write into the channel for half an hour.
type recipient struct {
	caller      sshforward.Caller
	responseURL string
	// thread is the message on whose thread a button was pressed; empty: none.
	thread string
}

// recipient is whoever did it, where they did it.
func (p clickPayload) recipient() recipient {
	return recipient{caller: p.caller(), responseURL: p.ResponseURL, thread: p.thread()}
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
	if !c.answers(ctx, to.caller) {
		return // another replica does
	}
	if to.thread != "" && !replace && c.inThread(ctx, to, m) {
		return
	}
	if to.responseURL != "" { // none comes with what happens in a modal or in Home
		answer := ephemeral(m, replace)
		answer.ThreadTS = to.thread
		err := c.respond(ctx, to.responseURL, answer)
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

// inThread answers in the thread where the click was. Slack promises that of
// chat.postEphemeral alone, for which the bot has to be in the channel; an answer
// to the response URL may stand in the channel instead.
func (c *client) inThread(ctx context.Context, to recipient, m message) bool {
	_, err := c.api.PostEphemeralContext(ctx, to.caller.Channel, to.caller.User, append(m.options(), slack.MsgOptionTS(to.thread))...)
	if err != nil {
		c.suspectToken(err)
		c.log.Info("cannot answer in the thread", "user", to.caller.User, "err", c.clean(err))
	}
	return err == nil
}
