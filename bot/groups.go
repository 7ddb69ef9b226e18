package bot

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/slack-go/slack"
	"golang.org/x/sync/singleflight"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/internal/safe"
)

// groups is who is in which user group. Slack tells it of all in one call, which
// is far below the twenty or so a minute that usergroups.list takes, however many
// groups the configuration names.
type groups struct {
	client   *client
	kept     time.Duration // see Options.GroupCache
	inflight singleflight.Group

	mu    sync.Mutex
	all   map[string][]string
	until time.Time
}

func newGroups(c *client, kept time.Duration) *groups { return &groups{client: c, kept: kept} }

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
	all, err := g.list(ctx)
	if err != nil {
		return nil, g.unknown(group, err)
	}
	users, ok := all[group]
	if !ok { // or it was disabled
		return nil, g.unknown(group, slack.SlackErrorResponse{Err: "no_such_subteam"})
	}
	return users, nil
}

// list is who is in every user group that is not disabled.
func (g *groups) list(ctx context.Context) (map[string][]string, error) {
	g.mu.Lock()
	all, until := g.all, g.until
	g.mu.Unlock()
	if all != nil && time.Now().Before(until) {
		return all, nil
	}
	// One question for all who ask at once, which does not end with the
	// first of them.
	asked := g.inflight.DoChan("usergroups.list", func() (_ any, err error) {
		defer safe.Recover(&err)
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		found, err := g.client.api.GetUserGroupsContext(ctx, slack.GetUserGroupsOptionIncludeUsers(true))
		if err != nil {
			return nil, err
		}
		all := make(map[string][]string, len(found))
		for _, f := range found {
			all[f.ID] = f.Users
		}
		g.mu.Lock()
		defer g.mu.Unlock()
		g.all, g.until = all, time.Now().Add(g.kept)
		return all, nil
	})
	select {
	case r := <-asked:
		if r.Err != nil {
			return nil, r.Err
		}
		return r.Val.(map[string][]string), nil
	case <-ctx.Done():
		return nil, ctx.Err()
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
