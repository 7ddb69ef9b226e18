package playground

import "github.com/sshforward/sshforward/bot/fakeslack"

// The people and channels of the workspace.
const (
	Ann     = "U0ANN"     // asks for access
	Carol   = "U0CAROL"   // approves, and is the bot's admin
	Yuki    = "U0YUKI"    // reads Japanese, and is on call
	Mallory = "U0MALLORY" // is in no rule of the policy

	Dev     = "C0DEV"     // where people work
	Ops     = "C0OPS"     // the bot's own channel
	Private = "C0PRIVATE" // without the bot
)

// insiders are whom the policy's rules name.
var insiders = []string{Ann, Carol, Yuki}

// newWorkspace is the workspace with everybody in it.
func newWorkspace() *fakeslack.Workspace {
	w := fakeslack.New(fakeslack.Options{TeamName: "Playground", TeamDomain: "playground"})
	for _, u := range []fakeslack.User{
		{ID: Ann, Name: "ann", RealName: "Ann (asks)"},
		{ID: Carol, Name: "carol", RealName: "Carol (approves)", IsAdmin: true},
		{ID: Yuki, Name: "yuki", RealName: "ゆき (on call)", Locale: "ja-JP", TZ: "Asia/Tokyo", TZOffset: 9 * 3600},
		{ID: Mallory, Name: "mallory", RealName: "Mallory (a stranger)"},
	} {
		w.AddUser(u)
	}
	all := []string{Ann, Carol, Yuki, Mallory}
	w.AddChannel(fakeslack.Channel{ID: Dev, Name: "dev", Members: all})
	w.AddChannel(fakeslack.Channel{ID: Ops, Name: "ops", Members: all, BotMember: true})
	w.AddChannel(fakeslack.Channel{ID: Private, Name: "private", Private: true, Members: []string{Ann, Carol}})
	for _, u := range all {
		w.DM(u)
	}
	return w
}
