package bot

import (
	"context"
	"slices"
	"strings"
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
	show := func(v render) message { return v.card(l) }
	places := b.places(l)
	if l.Card.TS != "" {
		m := show(b.inChannel(ctx, l.Card.Channel, l.Owner))
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
	return b.post(ctx, l.Owner, places, show)
}

// Notice posts n in the thread of the lease's card; where that is gone, where
// a card would go. What operators have to hear goes to their channel instead,
// and what comes of it to the thread there. Approvers who cannot see the card
// get direct messages.
func (b *Bot) Notice(ctx context.Context, l *sshforward.Lease, n sshforward.Notice) (sshforward.Place, error) {
	now := time.Now()
	show := func(v render) message { return v.notice(l, n, now) }
	if show(b.show).Text == "" {
		return sshforward.Place{}, nil
	}
	places := b.places(l)
	switch {
	case n.Kind.Alarm() && b.opt.Channel != "":
		return placed(b.post(ctx, l.Owner, prepend(b.opt.Channel, places), show))
	case n.Kind == sshforward.NoticeReview:
		return placed(b.inThread(ctx, l, l.Broadcast, places, show))
	case asksApprovers(n.Kind) && unseen(l):
		if place, err := b.askEach(ctx, l, n, now); err != nil || place.TS != "" {
			return place, err
		}
	}
	place, err := placed(b.inThread(ctx, l, sshforward.Place{Channel: l.Card.Channel, TS: l.Card.TS}, places, show))
	if err == nil && show(b.show).hasButtons() {
		r := reminder{lease: l.ID, channel: place.Channel, ts: place.TS, until: l.ExpiresAt}
		if strings.HasPrefix(place.Channel, "D") {
			r.user = l.Owner
		}
		b.reminders.add(r)
	}
	return place, err
}

func placed(channel, ts string, err error) (sshforward.Place, error) {
	return sshforward.Place{Channel: channel, TS: ts}, err
}

// inThread posts a reply under a message, or to the places where there is no
// such message any more.
func (b *Bot) inThread(ctx context.Context, l *sshforward.Lease, under sshforward.Place, places []string, show func(render) message) (channel, ts string, err error) {
	if under.TS != "" {
		m := show(b.inChannel(ctx, under.Channel, l.Owner))
		channel, ts, err = b.postTo(ctx, under.Channel, m, slack.MsgOptionTS(under.TS))
		switch {
		case err == nil:
			return channel, ts, nil
		case is(err, noThread):
			places = prepend(under.Channel, places)
		case elsewhere(err):
			places = without(under.Channel, places)
		default:
			return "", "", b.failed("post notice", err)
		}
	}
	return b.post(ctx, l.Owner, places, show)
}

// Announce tells the operators' channel something that is about no lease. It
// does nothing where none is configured. Errors are those of a Notifier.
func (b *Bot) Announce(ctx context.Context, text sshforward.Text) error {
	if b.opt.Channel == "" {
		return nil
	}
	if _, _, err := b.postTo(ctx, b.opt.Channel, just(trim(escape(b.show.text(text)), 2900))); err != nil {
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
func (b *Bot) post(ctx context.Context, user string, places []string, show func(render) message) (channel, ts string, err error) {
	for _, p := range places {
		channel, ts, err = b.postTo(ctx, p, show(b.inChannel(ctx, p, user)))
		if err == nil {
			return channel, ts, nil
		}
		if !elsewhere(err) {
			return "", "", b.failed("post message", err)
		}
	}
	channel, ts, err = b.direct(ctx, user, show(b.in(ctx, user)))
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
