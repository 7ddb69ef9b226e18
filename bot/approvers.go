package bot

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sshforward/sshforward"
)

// mostAsked is how many approvers get a direct message: Slack takes about one
// a second.
const mostAsked = 20

// toldMost bounds what is remembered of who was asked: more than one outage
// leaves half done.
const toldMost = 5000

// asksApprovers reports whether the notice is for approvers.
func asksApprovers(k sshforward.NoticeKind) bool {
	return k == sshforward.NoticeApproval || k == sshforward.NoticeNudge || k == sshforward.NoticeAsked
}

// unseen reports whether the card is where approvers do not see it: in the
// requester's direct messages.
func unseen(l *sshforward.Lease) bool { return strings.HasPrefix(l.Card.Channel, "D") }

// askEach asks every approver in a direct message and returns where the first
// of those is; nowhere if there is nobody who could be asked. If one could not
// be reached just now, that is the error, and a repeat goes on with those who
// were not told.
func (b *Bot) askEach(ctx context.Context, l *sshforward.Lease, n sshforward.Notice, now time.Time) (sshforward.Place, error) {
	people, err := b.approvers(ctx, l)
	if err != nil {
		return sshforward.Place{}, err
	}
	var first sshforward.Place
	var errs []error
	for _, user := range people {
		key := fmt.Sprint(l.ID, n.Kind, n.At.UnixNano(), user)
		place, ok := b.told.get(key)
		if !ok {
			m := b.in(ctx, user).askApprover(l, n, now)
			channel, ts, err := b.direct(ctx, user, m)
			switch {
			case err != nil && (elsewhere(err) || is(err, lacking)): // they have left, are a bot, or I may not
				b.log.Warn("an approver cannot be asked", "lease", l.ID, "user", user, "code", slackCode(err))
				continue
			case err != nil:
				errs = append(errs, b.failed("post direct message", err))
				continue
			}
			place = sshforward.Place{Channel: channel, TS: ts}
			b.told.put(key, place)
			if m.hasButtons() {
				b.reminders.add(reminder{lease: l.ID, channel: channel, ts: ts, user: user, asks: n.Kind, ask: l.Asked.At})
			}
		}
		if first.TS == "" {
			first = place
		}
	}
	if len(errs) > 0 {
		return sshforward.Place{}, errs[0]
	}
	return first, nil
}

// approvers are the people who may decide about a lease, without its requester
// and who asks for the extension, at most mostAsked of them. A group that Slack
// does not know is left out.
func (b *Bot) approvers(ctx context.Context, l *sshforward.Lease) ([]string, error) {
	var out []string
	for _, id := range l.Approvers {
		users := []string{id}
		if strings.HasPrefix(id, "S") {
			var err error
			users, err = b.members(ctx, id)
			if code := slackCode(err); err != nil && (code == "" || slices.Contains(passing, code)) {
				return nil, err
			} else if err != nil {
				b.log.Warn("approvers cannot be asked", "lease", l.ID, "group", id, "code", code)
			}
		}
		for _, user := range users {
			if user != l.Owner && user != l.Asked.User && !slices.Contains(out, user) {
				out = append(out, user)
			}
		}
	}
	if len(out) > mostAsked {
		b.log.Warn("more approvers than can be asked one by one", "lease", l.ID, "approvers", len(out), "asked", mostAsked)
		out = out[:mostAsked]
	}
	return out, nil
}
