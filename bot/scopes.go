package bot

import (
	"slices"
	"strings"

	"github.com/slack-go/slack"
)

// Scopes are what the bot token has to be allowed, as deploy/slack-manifest.yaml
// asks for.
var Scopes = []string{"channels:read", "chat:write", "chat:write.public", "commands", "groups:read", "im:write", "usergroups:read",
	"users:read"}

// missingScopes are the Scopes that the token lacks. Slack tells those that it has
// in this header of every answer.
func missingScopes(me *slack.AuthTestResponse) (missing []string) {
	has := me.Header.Get("X-OAuth-Scopes")
	if has == "" {
		return nil
	}
	granted := strings.Split(strings.ReplaceAll(has, " ", ""), ",")
	for _, s := range Scopes {
		if !slices.Contains(granted, s) {
			missing = append(missing, s)
		}
	}
	return missing
}
