package bot

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/sshforward/sshforward"
)

// membership is what Slack said about one user group.
type membership struct {
	users []string
	until time.Time
}

// Member reports whether user is in a user group (S…), or is that user (U…,
// W…). Slack is asked at most once a minute for each group; usergroups.* takes
// about 20 calls a minute. EUNAVAILABLE if Slack does not tell.
func (b *Bot) Member(ctx context.Context, user, group string) (bool, error) {
	if !strings.HasPrefix(group, "S") {
		return user == group, nil
	}
	users, err := b.members(ctx, group)
	return slices.Contains(users, user), err
}

// members are the users of a user group.
func (b *Bot) members(ctx context.Context, group string) ([]string, error) {
	b.mu.Lock()
	known, ok := b.groupsKnown[group]
	b.mu.Unlock()
	if ok && time.Now().Before(known.until) {
		return known.users, nil
	}
	// One question for all who ask at once, which does not end with the
	// first of them.
	asked := b.groups.DoChan(group, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		users, err := b.api.GetUserGroupMembersContext(ctx, group)
		if err != nil {
			return nil, err
		}
		b.mu.Lock()
		b.groupsKnown[group] = membership{users: users, until: time.Now().Add(b.opt.GroupCache)}
		b.mu.Unlock()
		return users, nil
	})
	select {
	case r := <-asked:
		if r.Err != nil {
			return nil, b.unknownGroup(group, r.Err)
		}
		return r.Val.([]string), nil
	case <-ctx.Done():
		return nil, b.unknownGroup(group, ctx.Err())
	}
}

func (b *Bot) unknownGroup(group string, err error) error {
	b.suspectToken(err)
	e := &sshforward.Error{Code: sshforward.EUNAVAILABLE, Err: b.clean(err), RetryAfter: retryAfter(err),
		Message: sshforward.Textf("Slack cannot tell me right now who is in the user group %s, so I have to say no. Try again in a minute.", group)}
	if code := slackCode(err); code == "no_such_subteam" || code == "missing_scope" {
		e.Message = sshforward.Textf("Slack does not tell me who is in the user group %s (%s), so I have to say no. Ask the operator.", group, code)
	}
	return e
}
