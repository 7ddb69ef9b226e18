package bot

import (
	"context"
	"fmt"
	"slices"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/sshforward/sshforward"
)

const (
	// maxApproversAsked is how many approvers get a direct message: Slack takes
	// about one a second.
	maxApproversAsked = 20
	// maxAskedAt bounds what is remembered of who was asked. It is more than an
	// outage of Slack can leave half done.
	maxAskedAt = 5000
)

// asksApprovers reports whether the notice is for approvers.
func asksApprovers(k sshforward.NoticeKind) bool {
	return k == sshforward.NoticeApproval || k == sshforward.NoticeNudge || k == sshforward.NoticeAsked
}

// cardHidden reports whether the card is where approvers do not see it: in the
// requester's direct messages.
func cardHidden(l *sshforward.Lease) bool { return isDirect(l.Card.Channel) }

// approvers asks those who may decide one by one, where they cannot see the
// card.
type approvers struct {
	client *client
	*localizer
	groups *groups
	posted *posted
	// askedAt is where each of them was asked about what, lest a repeated
	// notice asks them again.
	askedAt *lru.Cache[string, sshforward.Place]
}

func newApprovers(c *client, s *localizer, g *groups, p *posted) *approvers {
	return &approvers{client: c, localizer: s, groups: g, posted: p, askedAt: newCache[string, sshforward.Place](maxAskedAt)}
}

// ask asks every approver in a direct message and returns where the first of
// those messages is; the zero Place if there is nobody who could be asked. If
// one could not be reached just now, that is the error, and the next call asks
// only those who were not asked yet.
func (s *approvers) ask(ctx context.Context, l *sshforward.Lease, n sshforward.Notice, now time.Time) (sshforward.Place, error) {
	users, err := s.of(ctx, l)
	if err != nil {
		return sshforward.Place{}, err
	}
	var first sshforward.Place
	var errs []error
	for _, user := range users {
		key := fmt.Sprint(l.ID, n.Kind, n.At.UnixNano(), user)
		place, ok := s.askedAt.Get(key)
		if !ok {
			m := s.renderFor(ctx, user).askApprover(l, n, now)
			channel, ts, err := s.client.direct(ctx, user, m)
			switch {
			case err != nil && (refusedHere(err) || hasCode(err, scopeCodes)): // they have left, are a bot, or I may not
				s.client.log.Warn("an approver cannot be asked", "lease", l.ID, "user", user, "code", slackCode(err))
				continue
			case err != nil:
				errs = append(errs, s.client.failed("post direct message", err))
				continue
			}
			place = sshforward.Place{Channel: channel, TS: ts}
			s.askedAt.Add(key, place)
			if m.hasButtons() {
				s.posted.add(postedMessage{lease: l.ID, place: place, user: user, decides: n.Kind, askedAt: l.Asked.At})
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

// of lists who may decide about a lease, maxApproversAsked of them at most,
// without its requester and whoever asks for the extension. A group that Slack
// does not know is left out.
func (s *approvers) of(ctx context.Context, l *sshforward.Lease) ([]string, error) {
	var out []string
	for _, id := range l.Approvers {
		users := []string{id}
		if sshforward.IsGroup(id) {
			var err error
			users, err = s.groups.members(ctx, id)
			if err != nil && temporary(err) {
				return nil, err
			} else if err != nil {
				s.client.log.Warn("approvers cannot be asked", "lease", l.ID, "group", id, "code", slackCode(err))
			}
		}
		for _, user := range users {
			if user != l.Owner && user != l.Asked.User && !slices.Contains(out, user) {
				out = append(out, user)
			}
		}
	}
	if len(out) > maxApproversAsked {
		s.client.log.Warn("more approvers than can be asked one by one", "lease", l.ID, "approvers", len(out), "asked", maxApproversAsked)
		out = out[:maxApproversAsked]
	}
	return out, nil
}
