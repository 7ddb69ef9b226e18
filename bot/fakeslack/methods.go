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
}

// From the page of each method under https://docs.slack.dev/reference/methods.
var methods = map[string]method{
	"api.test":              {do: apiTest, open: true},
	"auth.test":             {do: authTest},
	"apps.connections.open": {do: connectionsOpen, appToken: true},
	"bots.info":             {do: botsInfo, formOnly: true, scope: "users:read"},
	"chat.postMessage":      {do: chatPostMessage, scope: "chat:write"},
	"chat.postEphemeral":    {do: chatPostEphemeral, scope: "chat:write"},
	"chat.update":           {do: chatUpdate, scope: "chat:write"},
	"chat.delete":           {do: chatDelete, scope: "chat:write"},
	"chat.getPermalink":     {do: chatGetPermalink, formOnly: true},
	"conversations.open":    {do: conversationsOpen, scope: "im:write"},
	"conversations.info":    {do: conversationsInfo, formOnly: true, access: "read"},
	"conversations.members": {do: conversationsMembers, formOnly: true, access: "read"},
	"conversations.history": {do: conversationsHistory, formOnly: true, access: "history"},
	"conversations.replies": {do: conversationsReplies, formOnly: true, access: "history"},
	"users.info":            {do: usersInfo, formOnly: true, scope: "users:read"},
	"users.list":            {do: usersList, formOnly: true, scope: "users:read"},
	"usergroups.list":       {do: usergroupsList, formOnly: true, scope: "usergroups:read"},
	"usergroups.users.list": {do: usergroupsUsersList, formOnly: true, scope: "usergroups:read"},
	"views.open":            {do: viewsOpen},
	"views.push":            {do: viewsPush},
	"views.update":          {do: viewsUpdate},
	"views.publish":         {do: viewsPublish},
}
