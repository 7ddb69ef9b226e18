package bot

import (
	"context"
	"slices"
	"time"

	"github.com/slack-go/slack"

	"github.com/sshforward/sshforward"
)

// Card posts the lease's card or updates it in place, and returns where it
// is. If the message is gone it is posted anew. Reminders that it overtakes
// lose their buttons.
func (b *Bot) Card(ctx context.Context, l *sshforward.Lease) (channel, ts string, err error) {
	b.homes.changed(l)
	if channel, ts, err = b.card(ctx, l); err == nil {
		b.retire(ctx, l)
	}
	return channel, ts, err
}

func (b *Bot) card(ctx context.Context, l *sshforward.Lease) (channel, ts string, err error) {
	m := b.show.card(l)
	places := b.places(l)
	if l.Card.TS != "" {
		_, _, _, err := b.api.UpdateMessageContext(ctx, l.Card.Channel, l.Card.TS, m.options()...)
		if slackCode(err) == "invalid_blocks" {
			b.log.Error("Slack refuses the blocks of a card", "lease", l.ID, "state", l.State, "err", b.clean(err))
			_, _, _, err = b.api.UpdateMessageContext(ctx, l.Card.Channel, l.Card.TS, m.bare()...)
		}
		switch {
		case err == nil:
			return l.Card.Channel, l.Card.TS, nil
		case is(err, vanished):
			places = prepend(l.Card.Channel, places)
		case elsewhere(err):
			places = without(l.Card.Channel, places)
		default:
			return "", "", b.failed("update card", err)
		}
		b.log.Warn("the card is gone, posting it anew", "lease", l.ID, "code", slackCode(err))
	}
	return b.post(ctx, l.Owner, places, m)
}

// Notice posts n in the thread of the lease's card; where that is gone, where
// a card would go. What operators have to hear goes to their channel instead.
func (b *Bot) Notice(ctx context.Context, l *sshforward.Lease, n sshforward.Notice) (sshforward.Place, error) {
	m := b.show.notice(l, n, time.Now())
	if m.Text == "" {
		return sshforward.Place{}, nil
	}
	places := b.places(l)
	if n.Kind.Alarm() && b.opt.Channel != "" {
		channel, ts, err := b.post(ctx, l.Owner, prepend(b.opt.Channel, places), m)
		return sshforward.Place{Channel: channel, TS: ts}, err
	}
	channel, ts, err := b.postNotice(ctx, l, places, m)
	if err == nil && m.hasButtons() {
		b.reminders.add(reminder{lease: l.ID, channel: channel, ts: ts, until: l.ExpiresAt})
	}
	return sshforward.Place{Channel: channel, TS: ts}, err
}

func (b *Bot) postNotice(ctx context.Context, l *sshforward.Lease, places []string, m message) (channel, ts string, err error) {
	if l.Card.TS != "" {
		channel, ts, err = b.postTo(ctx, l.Card.Channel, m, slack.MsgOptionTS(l.Card.TS))
		switch {
		case err == nil:
			return channel, ts, nil
		case is(err, noThread):
			places = prepend(l.Card.Channel, places)
		case elsewhere(err):
			places = without(l.Card.Channel, places)
		default:
			return "", "", b.failed("post notice", err)
		}
	}
	return b.post(ctx, l.Owner, places, m)
}

// Announce tells the operators' channel something that is about no lease. It
// does nothing where none is configured. Errors are those of a Notifier.
func (b *Bot) Announce(ctx context.Context, text string) error {
	if b.opt.Channel == "" {
		return nil
	}
	if _, _, err := b.postTo(ctx, b.opt.Channel, just(trim(escape(text), 2900))); err != nil {
		return b.failed("post announcement", err)
	}
	return nil
}

// places lists the channels a message about a lease may go to, the best first;
// after them come the owner's direct messages. A direct message is none of
// them unless it is the bot's own, and that one is found by its user.
func (b *Bot) places(l *sshforward.Lease) []string {
	var out []string
	if !l.Direct && l.Channel != "" {
		out = append(out, l.Channel)
	}
	if b.opt.Channel != "" && !slices.Contains(out, b.opt.Channel) {
		out = append(out, b.opt.Channel)
	}
	return out
}

func prepend(channel string, places []string) []string {
	return append([]string{channel}, without(channel, places)...)
}

func without(channel string, places []string) []string {
	return slices.DeleteFunc(slices.Clone(places), func(p string) bool { return p == channel })
}

// post tries the places in turn and then the user's direct messages. Only a
// refusal of the place itself leads on to the next; trouble of any other kind
// is the caller's to retry, lest a card ends up somewhere by accident.
func (b *Bot) post(ctx context.Context, user string, places []string, m message) (channel, ts string, err error) {
	for _, p := range places {
		channel, ts, err = b.postTo(ctx, p, m)
		if err == nil {
			return channel, ts, nil
		}
		if !elsewhere(err) {
			return "", "", b.failed("post message", err)
		}
	}
	channel, ts, err = b.direct(ctx, user, m)
	if err != nil {
		return "", "", b.failed("post direct message", err)
	}
	return channel, ts, nil
}

// direct posts to the bot's direct messages with a user.
func (b *Bot) direct(ctx context.Context, user string, m message) (channel, ts string, err error) {
	c, _, _, err := b.api.OpenConversationContext(ctx, &slack.OpenConversationParameters{Users: []string{user}})
	if err != nil {
		return "", "", err
	}
	return b.postTo(ctx, c.ID, m)
}

func (b *Bot) postTo(ctx context.Context, to string, m message, more ...slack.MsgOption) (channel, ts string, err error) {
	channel, ts, err = b.api.PostMessageContext(ctx, to, append(m.options(), more...)...)
	if slackCode(err) == "invalid_blocks" {
		b.log.Error("Slack refuses the blocks of a message", "err", b.clean(err))
		channel, ts, err = b.api.PostMessageContext(ctx, to, append(m.bare(), more...)...)
	}
	return channel, ts, err
}

// bare is the message without its blocks: plain, but better than nothing.
func (m message) bare() []slack.MsgOption {
	return message{Text: m.Text}.options()
}
