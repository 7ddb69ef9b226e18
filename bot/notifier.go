package bot

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/slack-go/slack"

	"github.com/sshforward/sshforward"
)

// notifier posts what the keeper has to tell about leases.
type notifier struct {
	client *client
	*localizer
	operators string // their channel, see Options.Channel
}

// card posts or updates the lease's card.
func (s *notifier) card(ctx context.Context, l *sshforward.Lease) (channel, ts string, err error) {
	show := func(v render) message { return v.card(l) }
	places := s.places(l)
	if l.Card.TS != "" {
		err := s.client.update(ctx, l.Card.Channel, l.Card.TS, show(s.renderForChannel(ctx, l.Card.Channel, l.Owner)))
		switch {
		case err == nil:
			return l.Card.Channel, l.Card.TS, nil
		case hasCode(err, messageGoneCodes):
			places = prepend(l.Card.Channel, places)
		case refusedHere(err):
			places = without(l.Card.Channel, places)
		default:
			return "", "", s.client.failed("update card", err)
		}
		s.client.log.Warn("the card is gone, posting it anew", "lease", l.ID, "code", slackCode(err))
	}
	return s.post(ctx, l.Owner, places, show)
}

// notice posts n in the thread of the lease's card or, where that is gone, where
// a card would go. Alarms go to the operators' channel instead, the review of an
// urgent lease into the thread there, and what is for one approver to that one.
func (s *notifier) notice(ctx context.Context, l *sshforward.Lease, n sshforward.Notice) (sshforward.Place, error) {
	now := time.Now()
	if n.To != "" {
		return s.ask(ctx, l, n, now)
	}
	show := func(v render) message { return v.notice(l, n, now) }
	if show(s.forChannel).Text == "" {
		return sshforward.Place{}, nil
	}
	places := s.places(l)
	switch {
	case n.Kind.Alarm() && s.operators != "":
		return s.alarm(ctx, l, show)
	case n.Kind == sshforward.NoticeUrgent:
		return sshforward.Place{}, &sshforward.Error{Code: sshforward.EFORBIDDEN, Message: sshforward.Textf("There is no operators' channel.")}
	case n.Kind == sshforward.NoticeReview:
		return placed(s.inThread(ctx, l, l.Broadcast, places, show))
	}
	return placed(s.inThread(ctx, l, sshforward.Place{Channel: l.Card.Channel, TS: l.Card.TS}, places, show))
}

// ask asks one approver in a direct message, or tells them what became of what
// they approved. EFORBIDDEN if they cannot be reached: they have left, are a bot, or the bot may not.
func (s *notifier) ask(ctx context.Context, l *sshforward.Lease, n sshforward.Notice, now time.Time) (sshforward.Place, error) {
	v := s.renderFor(ctx, n.To)
	m := v.askApprover(l, n, now)
	if n.Kind == sshforward.NoticeMoved {
		m = v.moved(l)
	}
	if m.Text == "" {
		return sshforward.Place{}, nil
	}
	channel, ts, err := s.client.direct(ctx, n.To, m)
	if err != nil {
		return sshforward.Place{}, s.client.failed("ask an approver", err)
	}
	return sshforward.Place{Channel: channel, TS: ts}, nil
}

// edit brings a message that was posted as a notice up to date.
func (s *notifier) edit(ctx context.Context, l *sshforward.Lease, p sshforward.Posted) error {
	v := s.renderForChannel(ctx, p.Channel, l.Owner)
	if p.To != "" {
		v = s.renderFor(ctx, p.To)
	}
	if err := s.client.update(ctx, p.Channel, p.TS, v.edited(l, p, time.Now())); err != nil {
		return s.client.failed("edit a message", err)
	}
	return nil
}

// alarm posts to the operators' channel and nowhere else: that the requester has
// read it does not mean that it was heard.
func (s *notifier) alarm(ctx context.Context, l *sshforward.Lease, show func(render) message) (sshforward.Place, error) {
	channel, ts, err := s.client.post(ctx, s.operators, show(s.renderForChannel(ctx, s.operators, l.Owner)))
	if err != nil {
		return sshforward.Place{}, s.client.failed("post alarm", err)
	}
	return sshforward.Place{Channel: channel, TS: ts}, nil
}

func placed(channel, ts string, err error) (sshforward.Place, error) {
	return sshforward.Place{Channel: channel, TS: ts}, err
}

// inThread posts a reply under a message, or to the places where there is no
// such message any more.
func (s *notifier) inThread(ctx context.Context, l *sshforward.Lease, under sshforward.Place, places []string,
	show func(render) message) (channel, ts string, err error) {
	if under.TS != "" {
		m := show(s.renderForChannel(ctx, under.Channel, l.Owner))
		channel, ts, err = s.client.post(ctx, under.Channel, m, slack.MsgOptionTS(under.TS))
		switch {
		case err == nil:
			return channel, ts, nil
		case hasCode(err, threadGoneCodes):
			places = prepend(under.Channel, places)
		case refusedHere(err):
			places = without(under.Channel, places)
		default:
			return "", "", s.client.failed("post notice", err)
		}
	}
	return s.post(ctx, l.Owner, places, show)
}

// announce tells the operators' channel something that is about no lease. It
// does nothing where none is configured. Errors are those of a Notifier.
func (s *notifier) announce(ctx context.Context, text sshforward.Text) error {
	if s.operators == "" {
		return nil
	}
	if _, _, err := s.client.post(ctx, s.operators, paragraph(trim(escape(s.forChannel.text(text)), 2900))); err != nil {
		return s.client.failed("post announcement", err)
	}
	return nil
}

// places lists the channels that a message about a lease may go to, the best
// first; after them come the owner's direct messages with the bot, which are
// found by the user. The direct messages with somebody else that a command was
// typed in are none of them.
func (s *notifier) places(l *sshforward.Lease) []string {
	var out []string
	if !l.Direct && l.Channel != "" {
		out = append(out, l.Channel)
	}
	if s.operators != "" && !slices.Contains(out, s.operators) {
		out = append(out, s.operators)
	}
	return out
}

func prepend(channel string, places []string) []string {
	return append([]string{channel}, without(channel, places)...)
}

func without(channel string, places []string) []string {
	return slices.DeleteFunc(slices.Clone(places), func(p string) bool { return p == channel })
}

// errNowhere: the message is for the operators, whose channel there is none of.
var errNowhere = errors.New("there is no slack.channel to say it in")

// post tries the places in turn and then the user's direct messages. It goes on
// to the next one only if a place itself refuses the message. After trouble of
// any other kind the caller has to try again, lest a card ends up in the wrong
// place by accident.
func (s *notifier) post(ctx context.Context, user string, places []string, show func(render) message) (channel, ts string, err error) {
	for _, p := range places {
		channel, ts, err = s.client.post(ctx, p, show(s.renderForChannel(ctx, p, user)))
		if err == nil {
			return channel, ts, nil
		}
		if !refusedHere(err) {
			return "", "", s.client.failed("post message", err)
		}
	}
	if user == "" { // nobody's, see sshforward.Proof
		return "", "", &sshforward.Error{Code: sshforward.EFORBIDDEN, Err: errNowhere}
	}
	channel, ts, err = s.client.direct(ctx, user, show(s.renderFor(ctx, user)))
	if err != nil {
		return "", "", s.client.failed("post direct message", err)
	}
	return channel, ts, nil
}
