package bot

import (
	"context"
	"fmt"
	"slices"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/slack-go/slack"
	"golang.org/x/sync/singleflight"

	"github.com/sshforward/sshforward/internal/safe"
)

const (
	// channelAge is how long it may take until the bot knows that a channel is
	// shared with another company.
	channelAge = time.Minute
	// maxChannels bounds the memory, in channels.
	maxChannels = 5000
	// membersPage and membersPages bound the look whether an approver is in a
	// private channel; a larger one is taken for one that they are in.
	membersPage  = 1000
	membersPages = 5
)

// channels looks up what Slack tells of channels, for which the token needs
// channels:read and groups:read. Without them nothing is known of any.
// conversations.info takes fifty or so calls a minute (tier 3).
type channels struct {
	client   *client
	cache    *lru.Cache[string, channelInfo]
	inflight singleflight.Group
}

// channelInfo is what Slack said of one channel.
type channelInfo struct {
	channel *slack.Channel // nil: it does not tell
	at      time.Time
}

func newChannels(c *client) *channels {
	return &channels{client: c, cache: newCache[string, channelInfo](maxChannels)}
}

// get returns what Slack tells of a channel, nil if the bot is not to know: it
// lacks the scope or is not in there. An error says that it cannot be told just
// now.
func (s *channels) get(ctx context.Context, id string) (*slack.Channel, error) {
	if isDirect(id) {
		return nil, nil
	}
	if known, ok := s.cache.Get(id); ok && time.Since(known.at) < channelAge {
		return known.channel, nil
	}
	asked := s.inflight.DoChan(id, func() (_ any, err error) {
		defer safe.Recover(&err)
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		found, err := s.client.api.GetConversationInfoContext(ctx, &slack.GetConversationInfoInput{ChannelID: id})
		if err != nil && temporary(err) {
			return nil, err
		}
		if err != nil {
			s.client.suspectToken(err)
			s.client.log.Debug("Slack does not tell about a channel", "channel", id, "err", s.client.clean(err))
			found = nil
		}
		s.cache.Add(id, channelInfo{channel: found, at: time.Now()})
		return found, nil
	})
	select {
	case r := <-asked:
		if r.Err != nil {
			return nil, r.Err
		}
		return r.Val.(*slack.Channel), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// isShared reports whether another company reads what is in a channel, or will
// once it has accepted.
func isShared(c *slack.Channel) bool { return c != nil && (c.IsExtShared || c.IsPendingExtShared) }

// isIn reports whether one of some users is in a private channel; true where
// that cannot be told.
func (s *channels) isIn(ctx context.Context, id string, users []string) bool {
	c, err := s.get(ctx, id)
	if err != nil || c == nil || !c.IsPrivate {
		return true
	}
	in := slack.GetUsersInConversationParameters{ChannelID: id, Limit: membersPage}
	for range membersPages {
		members, next, err := s.client.api.GetUsersInConversationContext(ctx, &in)
		if err != nil || slices.ContainsFunc(members, func(m string) bool { return slices.Contains(users, m) }) {
			return true
		}
		if next == "" {
			return false
		}
		in.Cursor = next
	}
	return true
}

// problems says what is wrong with a channel that the configuration names by key,
// a sentence each, for operators.
func (s *channels) problems(ctx context.Context, key, id string) []string {
	if id == "" || isDirect(id) {
		return nil
	}
	c, err := s.client.api.GetConversationInfoContext(ctx, &slack.GetConversationInfoInput{ChannelID: id})
	switch code := slackCode(err); {
	case code == "channel_not_found":
		return []string{fmt.Sprintf("%s: there is no channel %s, or it is a private one that the bot is not in; invite it there: /invite",
			key, id)}
	case code == "missing_scope":
		return []string{fmt.Sprintf("%s: whether the bot is in %s cannot be looked at; the token lacks channels:read or groups:read", key, id)}
	case err != nil:
		return []string{fmt.Sprintf("%s: Slack does not tell about %s: %v", key, id, s.client.clean(err))}
	}
	var out []string
	if c.IsArchived {
		out = append(out, fmt.Sprintf("%s: %s is archived, so nothing can be said there", key, id))
	}
	if !c.IsMember {
		out = append(out, fmt.Sprintf("%s: the bot is not in %s; invite it there: /invite", key, id))
	}
	if isShared(c) {
		out = append(out, fmt.Sprintf("%s: %s is shared with another company, which reads what is said there; no card goes there", key, id))
	}
	return out
}
