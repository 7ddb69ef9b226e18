// Package fakeslack is a stateful stand-in for Slack over the real wire: the
// Web API, response URLs and Socket Mode, as far as a ChatOps bot sees them.
//
// A Workspace holds people, channels, messages and views. A bot is pointed at
// it with SLACK_API_URL and needs no other change; a test, or a web page, acts
// as the people: it types slash commands, presses buttons that are really
// there, submits views, and looks at what each person would see.
//
//	w := fakeslack.New(fakeslack.Options{})
//	w.AddUser(fakeslack.User{ID: "U1", Name: "ann"})
//	w.AddChannel(fakeslack.Channel{ID: "C1", Name: "ops", Members: []string{"U1"}})
//	if err := w.Start(); err != nil { … }
//	defer w.Close()
//	// run the bot with SLACK_API_URL=w.APIURL(), w.BotToken(), w.AppToken()
//	res, err := w.Slash(ctx, "U1", "C1", "list")
//
// It is strict where Slack is strict: limits on blocks, the three seconds for
// an acknowledgement, one use of a trigger, five of a response URL, one of a
// Socket Mode ticket. Where Slack's behaviour is not documented the stricter
// reading was taken, and the comment on the spot says so.
//
// Failures are scripted with Options.Fault, FailNext or, until Mend, Break.
// Every call is recorded before a fault is applied to it, so that a test can
// tell "never asked" from "asked and refused"; Usage counts them by method.
// Connections go by Disconnect, Drop and Silence, tokens by SetTokenError and
// Uninstall, people by Deactivate; StartRival is a second process on the same
// app token, DuplicateNext, Repeat and Spread send an envelope more than once.
//
// Some of what Slack does is an option that is off, with its source: Rates,
// ConnectionLife.
//
// What it does not simulate: OAuth, files, reactions, search, attachments
// beyond storing them, unfurling, workflow steps, direct messages of more than
// two and the newer block types (see limits.go for those it takes).
package fakeslack
