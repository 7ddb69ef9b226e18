package fakeslack

// method is one Web API method. Its function runs with mu held.
type method struct {
	do       func(*Workspace, args) (map[string]any, *apiError)
	formOnly bool // JSON bodies are ignored, as for all of Slack's reading methods
	appToken bool
	open     bool   // no token needed
	scope    string // of the bot token
	// access is the kind of scope, read or history, that goes with the kind of
	// the conversation: channels:read, groups:read, im:read.
	access string
	// tier is how many calls a minute Options.Rates lets through at least; 0 is
	// no limit. Slack says "50+": more may pass, not fewer.
	tier int
}

// Slack's tiers, in calls a minute for each method and workspace
// (https://docs.slack.dev/apis/web-api/rate-limits). For auth.test and
// apps.connections.open there is no figure that could be relied on.
const (
	tier2 = 20
	tier3 = 50
	tier4 = 100
)

// From the page of each method under https://docs.slack.dev/reference/methods.
var methods = map[string]method{
	"api.test":              {do: apiTest, open: true},
	"auth.test":             {do: authTest},
	"apps.connections.open": {do: connectionsOpen, appToken: true},
	"bots.info":             {do: botsInfo, formOnly: true, scope: "users:read", tier: tier3},
	"chat.postMessage":      {do: chatPostMessage, scope: "chat:write"},
	"chat.postEphemeral":    {do: chatPostEphemeral, scope: "chat:write", tier: tier4},
	"chat.update":           {do: chatUpdate, scope: "chat:write", tier: tier3},
	"chat.delete":           {do: chatDelete, scope: "chat:write", tier: tier3},
	"chat.getPermalink":     {do: chatGetPermalink, formOnly: true},
	"conversations.open":    {do: conversationsOpen, scope: "im:write", tier: tier3},
	"conversations.info":    {do: conversationsInfo, formOnly: true, access: "read", tier: tier3},
	"conversations.members": {do: conversationsMembers, formOnly: true, access: "read", tier: tier4},
	"conversations.history": {do: conversationsHistory, formOnly: true, access: "history", tier: tier3},
	"conversations.replies": {do: conversationsReplies, formOnly: true, access: "history", tier: tier3},
	"users.info":            {do: usersInfo, formOnly: true, scope: "users:read", tier: tier4},
	"users.list":            {do: usersList, formOnly: true, scope: "users:read", tier: tier2},
	"usergroups.list":       {do: usergroupsList, formOnly: true, scope: "usergroups:read", tier: tier2},
	"usergroups.users.list": {do: usergroupsUsersList, formOnly: true, scope: "usergroups:read", tier: tier2},
	"views.open":            {do: viewsOpen, tier: tier4},
	"views.push":            {do: viewsPush, tier: tier4},
	"views.update":          {do: viewsUpdate, tier: tier4},
	"views.publish":         {do: viewsPublish, tier: tier4},
}
