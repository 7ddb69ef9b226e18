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
	channels  *channels
	groups    *groups
	operators string   // their channel, see Options.Channel
	cards     []string // see Options.Cards
}

// card posts or updates the lease's card. One that stands where it may not, since
// the channel was shared with another company, moves.
func (s *notifier) card(ctx context.Context, l *sshforward.Lease) (channel, ts string, err error) {
	show := func(v render) message { return v.card(l) }
	places, err := s.places(ctx, l, l.Card.Attempts)
	if err != nil {
		return "", "", err
	}
	if l.Card.TS != "" {
		var m message
		may, err := s.mayStand(ctx, l.Card.Channel, l.Card.Attempts)
		switch v := s.renderForChannel(ctx, l.Card.Channel, l.Owner); {
		case err != nil:
			return "", "", err
		case may:
			m = show(v)
		default:
			m = paragraph(v.say("This has moved: the card of a lease does not stand in this channel."))
		}
		err = s.client.update(ctx, l.Card.Channel, l.Card.TS, m, howUrgent(l))
		switch {
		case err == nil && may:
			return l.Card.Channel, l.Card.TS, nil
		case may && hasCode(err, frozenCodes) && l.Card.State == l.State:
			return l.Card.Channel, l.Card.TS, nil // a new card for every detail would be worse
		case may && hasCode(err, slices.Concat(messageGoneCodes, frozenCodes)):
			places = prepend(l.Card.Channel, places)
		case err == nil || !may && slackCode(err) != "" && !temporary(err):
		case refusedHere(err):
			places = without(l.Card.Channel, places)
		default:
			return "", "", s.client.failed("update card", err)
		}
		s.client.log.Warn("the card is posted anew", "lease", l.ID, "moved", !may, "code", slackCode(err))
	}
	return s.post(ctx, l.Owner, places, show)
}

// howUrgent tells progress from what somebody waits for.
func howUrgent(l *sshforward.Lease) urgency {
	if l.OnlyProgress() {
		return progress
	}
	return changeOfState
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
	if n.Kind.Alarm() && s.operators != "" {
		return s.alarm(ctx, l, show)
	}
	places, err := s.places(ctx, l, n.Attempts)
	if err != nil {
		return sshforward.Place{}, err
	}
	switch {
	case n.Kind == sshforward.NoticeUrgent:
		return sshforward.Place{}, &sshforward.Error{Code: sshforward.EFORBIDDEN, Message: sshforward.Textf("There is no operators' channel.")}
	case n.Kind == sshforward.NoticeReview:
		return placed(s.inThread(ctx, l, l.Broadcast, places, show))
	}
	under := sshforward.Place{Channel: l.Card.Channel, TS: l.Card.TS}
	switch may, err := s.mayStand(ctx, under.Channel, n.Attempts); {
	case err != nil:
		return sshforward.Place{}, err
	case !may:
		under = sshforward.Place{}
	}
	if n.Kind.Asks() && s.unseen(ctx, l) {
		show = func(v render) message { return v.askApproversUnseen(l, n, now) }
	}
	return placed(s.inThread(ctx, l, under, places, show))
}

// unseen reports whether the card is in a private channel that nobody is in who
// is asked to decide.
func (s *notifier) unseen(ctx context.Context, l *sshforward.Lease) bool {
	var users []string
	for _, id := range l.Asks() {
		if !sshforward.IsGroup(id) {
			users = append(users, id)
			continue
		}
		members, err := s.groups.members(ctx, id)
		if err != nil {
			return false
		}
		users = append(users, members...)
	}
	users = slices.DeleteFunc(users, func(user string) bool { return user == l.Owner })
	return !s.channels.isIn(ctx, l.Card.Channel, users)
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

// edit brings a message that was posted as a notice up to date. Where another
// company reads it by now, it says no more of the lease.
func (s *notifier) edit(ctx context.Context, l *sshforward.Lease, p sshforward.Posted) error {
	v := s.renderForChannel(ctx, p.Channel, l.Owner)
	if p.To != "" {
		v = s.renderFor(ctx, p.To)
	}
	m := v.edited(l, p, time.Now())
	if p.Channel != s.operators { // alarms have no other place
		may, err := s.mayStand(ctx, p.Channel, 0)
		switch {
		case err != nil:
			return err
		case !may:
			m = paragraph(v.say("What stood here was about a lease, of which nothing is said in this channel any more."))
		}
	}
	if err := s.client.update(ctx, p.Channel, p.TS, m, edit); err != nil {
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
// typed in are none of them, nor is a channel that another company reads.
func (s *notifier) places(ctx context.Context, l *sshforward.Lease, attempts int) ([]string, error) {
	var out []string
	if !l.Direct {
		out = append(out, l.Channel)
	}
	if !slices.Contains(out, s.operators) {
		out = append(out, s.operators)
	}
	var errs []error
	out = slices.DeleteFunc(out, func(channel string) bool {
		may, err := s.mayStand(ctx, channel, attempts)
		errs = append(errs, err)
		return channel == "" || !may
	})
	return out, errors.Join(errs...)
}

// cannotTellAfter is how many failures it takes until a channel of which Slack
// does not tell whether another company reads it is passed over.
const cannotTellAfter = 3

// mayStand reports whether cards may stand in a channel: it is one of those that
// the configuration names, if it names any, and no other company reads it.
// EUNAVAILABLE if that cannot be told just now, and has not failed often.
func (s *notifier) mayStand(ctx context.Context, channel string, attempts int) (bool, error) {
	if channel == "" || isDirect(channel) {
		return true, nil
	}
	if len(s.cards) > 0 && channel != s.operators && !slices.Contains(s.cards, channel) {
		return false, nil
	}
	c, err := s.channels.get(ctx, channel)
	switch {
	case err != nil && attempts < cannotTellAfter:
		return false, s.client.failed("look at a channel", err)
	case err != nil:
		s.client.log.Warn("Slack does not tell whether another company reads a channel, so the card goes elsewhere",
			"channel", channel, "err", s.client.clean(err))
		return false, nil
	}
	return !isShared(c), nil
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
