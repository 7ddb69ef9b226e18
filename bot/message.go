package bot

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/slack-go/slack"
)

const (
	// chatTimeout bounds a call about a message where nothing else does. Slack
	// on a slow day takes more than ten seconds; a client that gave up sooner
	// would post the same again and again.
	chatTimeout = time.Minute
	// lateAnswer is how long the answer to a message is waited for once its
	// sender has given up.
	lateAnswer = 5 * time.Minute
)

// post posts to a channel; with the text alone if Slack refuses the blocks.
func (c *client) post(ctx context.Context, to string, m message, more ...slack.MsgOption) (channel, ts string, err error) {
	channel, ts, err = c.postOnce(ctx, to, append(m.options(), more...)...)
	if hasCode(err, blockCodes) {
		c.log.Error("Slack refuses the blocks of a message", "err", c.clean(err))
		channel, ts, err = c.postOnce(ctx, to, append(m.bare(), more...)...)
	}
	return channel, ts, err
}

// postOnce posts and waits as long as ctx and chatTimeout allow. Whoever gives up
// posts the same anew; should the first one turn out to be there after all, it
// is deleted, so that no second card with live buttons stays.
func (c *client) postOnce(ctx context.Context, to string, options ...slack.MsgOption) (channel, ts string, err error) {
	type result struct {
		channel, ts string
		err         error
	}
	answered := make(chan result, 1)
	var decided atomic.Bool // by whoever is first: the answer, or the sender who gives up
	go func() {
		defer c.recovered("post", func() { answered <- result{err: errors.New("posting panicked")} })
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), chatTimeout+lateAnswer)
		defer cancel()
		var r result
		r.channel, r.ts, r.err = c.chat.PostMessageContext(late, to, options...)
		if decided.CompareAndSwap(false, true) {
			answered <- r
		} else if r.err == nil {
			c.retract(late, r.channel, r.ts)
		}
	}()
	wait, cancel := context.WithTimeout(ctx, chatTimeout)
	defer cancel()
	select {
	case r := <-answered:
		return r.channel, r.ts, r.err
	case <-wait.Done():
		if decided.CompareAndSwap(false, true) {
			return "", "", fmt.Errorf("it is not known whether the message is there: %w", wait.Err())
		}
		r := <-answered
		return r.channel, r.ts, r.err
	}
}

// retract deletes a message that came to be there after its sender had given up.
func (c *client) retract(ctx context.Context, channel, ts string) {
	if _, _, err := c.api.DeleteMessageContext(ctx, channel, ts); err != nil {
		c.log.Warn("a message that Slack took too late stays beside its repetition", "channel", channel, "err", c.clean(err))
	}
}

// update replaces a message; with the text alone if Slack refuses the blocks. It
// is a [slack.RateLimitedError] if others have to go first.
func (c *client) update(ctx context.Context, channel, ts string, m message, u urgency) error {
	if wait := c.rates.takeUpdate(u, time.Now()); wait > 0 {
		return limited(wait)
	}
	ctx, cancel := context.WithTimeout(ctx, chatTimeout)
	defer cancel()
	_, _, _, err := c.chat.UpdateMessageContext(ctx, channel, ts, m.options()...)
	if hasCode(err, blockCodes) {
		c.log.Error("Slack refuses the blocks of an update", "err", c.clean(err))
		_, _, _, err = c.chat.UpdateMessageContext(ctx, channel, ts, m.bare()...)
	}
	return err
}

// direct posts to the bot's direct messages with a user.
func (c *client) direct(ctx context.Context, user string, m message) (channel, ts string, err error) {
	to, _, _, err := c.api.OpenConversationContext(ctx, &slack.OpenConversationParameters{Users: []string{user}})
	if err != nil {
		return "", "", err
	}
	return c.post(ctx, to.ID, m)
}
