package bot

import (
	"context"
)

// Identity is who the bot is in Slack.
type Identity struct {
	Team, TeamID string
	User, UserID string
	// Missing are the Scopes that the token lacks; none where Slack does not
	// say which it has.
	Missing []string
	// OrgWide is set where the bot is installed on a whole organisation and not
	// in one workspace: it opens nothing then.
	OrgWide bool
}

// Identity asks Slack who the bot is. Errors are those of [Bot.Run].
func (b *Bot) Identity(ctx context.Context) (Identity, error) {
	me, err := b.client.api.AuthTestContext(ctx)
	if err != nil {
		if bad := b.client.badToken("SLACK_BOT_TOKEN", err); bad != nil {
			return Identity{}, bad
		}
		return Identity{}, b.client.failed("ask Slack who I am", err)
	}
	who := Identity{Team: me.Team, TeamID: me.TeamID, User: me.User, UserID: me.UserID}
	who.OrgWide = b.localizer.people.settle(me).orgWide()
	who.Missing = missingScopes(me)
	return who, nil
}

// TrySocketMode asks Slack for a connection and does not use it. Errors are
// those of [Bot.Run].
func (b *Bot) TrySocketMode(ctx context.Context) error {
	if _, _, err := b.client.api.StartSocketModeContext(ctx); err != nil {
		if bad := b.client.badToken("SLACK_APP_TOKEN", err); bad != nil {
			return bad
		}
		return b.client.failed("ask Slack for a connection", err)
	}
	return nil
}
