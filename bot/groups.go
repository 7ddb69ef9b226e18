package bot

import (
	"context"
	"slices"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/singleflight"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/internal/safe"
)

// maxGroups bounds the memory, in user groups.
const maxGroups = 1000

// groups is who is in which user group, as Slack tells it.
type groups struct {
	client   *client
	kept     time.Duration // see Options.GroupCache
	cache    *lru.Cache[string, membership]
	inflight singleflight.Group
}

// membership is what Slack said about one user group.
type membership struct {
	users []string
	until time.Time
}

func newGroups(c *client, kept time.Duration) *groups {
	return &groups{client: c, kept: kept, cache: newCache[string, membership](maxGroups)}
}

// member reports whether user is in a user group or, if the id is a user's, is
// that user. EUNAVAILABLE if Slack does not tell.
func (g *groups) member(ctx context.Context, user, group string) (bool, error) {
	if !sshforward.IsGroup(group) {
		return user == group, nil
	}
	users, err := g.members(ctx, group)
	return slices.Contains(users, user), err
}

// members are the users of a user group. EUNAVAILABLE if Slack does not tell.
func (g *groups) members(ctx context.Context, group string) ([]string, error) {
	if known, ok := g.cache.Get(group); ok && time.Now().Before(known.until) {
		return known.users, nil
	}
	// One question for all who ask at once, which does not end with the
	// first of them.
	asked := g.inflight.DoChan(group, func() (_ any, err error) {
		defer safe.Recover(&err)
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		users, err := g.client.api.GetUserGroupMembersContext(ctx, group)
		if err != nil {
			return nil, err
		}
		g.cache.Add(group, membership{users: users, until: time.Now().Add(g.kept)})
		return users, nil
	})
	select {
	case r := <-asked:
		if r.Err != nil {
			return nil, g.unknown(group, r.Err)
		}
		return r.Val.([]string), nil
	case <-ctx.Done():
		return nil, g.unknown(group, ctx.Err())
	}
}

// unknown is the error for a group whose members Slack does not tell.
func (g *groups) unknown(group string, err error) error {
	g.client.suspectToken(err)
	e := &sshforward.Error{Code: sshforward.EUNAVAILABLE, Err: g.client.clean(err), RetryAfter: retryAfter(err), Message: sshforward.Textf(
		"Slack cannot tell me right now who is in the user group %s, so I have to say no. Try again in a minute.", group)}
	switch code := slackCode(err); {
	case code == "plan_upgrade_required":
		e.Message = sshforward.Textf("The plan of this Slack workspace has no user groups, so nobody is in %s, and I have to say no. "+
			"An operator can list people by their ids instead.", group)
	case code != "" && !temporary(err):
		e.Message = sshforward.Textf(
			"Slack does not tell me who is in the user group %s (%s), so I have to say no. Ask the operator.", group, code)
	}
	return e
}
