package fakeslack_test

import (
	"testing"

	"github.com/slack-go/slack"

	"github.com/sshforward/sshforward/bot/fakeslack"
)

func TestGuestsAndTheDeactivated(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	w.AddUser(fakeslack.User{ID: "U5", Name: "guest", Restricted: true})
	w.AddUser(fakeslack.User{ID: "U6", Name: "visitor", UltraRestricted: true})
	api := client(t, w)
	for id, want := range map[string]slack.User{
		"U1": {}, "U5": {IsRestricted: true}, "U6": {IsRestricted: true, IsUltraRestricted: true},
		"U8": {Deleted: true}, w.BotUserID(): {IsBot: true},
	} {
		u, err := api.GetUserInfo(id)
		if err != nil || u.IsRestricted != want.IsRestricted || u.IsUltraRestricted != want.IsUltraRestricted ||
			u.Deleted != want.Deleted || u.IsBot != want.IsBot {
			t.Errorf("%s: %+v, %v", id, u, err)
		}
	}
	if _, ok := userInfo(t, w, "U8")["is_restricted"]; ok {
		t.Error("Slack tells no rank of a deactivated person")
	}
}

func TestWhoLeavesCanDoNothing(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	r, got := interactions(t, w, nil)
	_, ts, err := r.PostMessage("C1", slack.MsgOptionText("Open?", false), prompt("l1"))
	if err != nil {
		t.Fatal(err)
	}
	w.Deactivate("U1")
	if u, err := r.GetUserInfo("U1"); err != nil || !u.Deleted {
		t.Errorf("users.info: %+v, %v", u, err)
	}
	if users, err := r.GetUserGroupMembers("S1"); err != nil || len(users) != 1 || users[0] != "U2" {
		t.Errorf("the group still has %v, %v", users, err)
	}
	if in, _, err := r.GetUsersInConversation(&slack.GetUsersInConversationParameters{ChannelID: "C1"}); err != nil || len(in) != 1 {
		t.Errorf("the channel still has %v, %v", in, err)
	}
	if _, err := w.Click(t.Context(), "U1", ts, "lease.confirm"); err == nil {
		t.Error("somebody deactivated pressed a button")
	}
	if _, err := w.Slash(t.Context(), "U1", "C1", "list"); err == nil {
		t.Error("somebody deactivated typed a command")
	}
	// A request that was on its way, or a forged one, may still come.
	if _, err := w.ForgeClick(t.Context(), "U1", fakeslack.Forged{Channel: "C1", TS: ts, ActionID: "lease.confirm", Value: "l1"}); err != nil {
		t.Error(err)
	}
	<-got
	w.Reactivate("U1")
	if _, err := w.Slash(t.Context(), "U1", "C1", "list"); err != nil {
		t.Error(err)
	}
}

func TestGroupsAndChannelsChange(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	api := client(t, w)
	w.SetGroupUsers("S1", "U2")
	groups, err := api.GetUserGroups(slack.GetUserGroupsOptionIncludeUsers(true))
	if err != nil || len(groups) != 1 || len(groups[0].Users) != 1 || groups[0].Users[0] != "U2" {
		t.Errorf("groups %+v, %v", groups, err)
	}
	post := func() error { _, _, err := api.PostMessage("G1", slack.MsgOptionText("x", false)); return err }
	wantErr(t, post(), "channel_not_found")
	w.Join("G1", w.BotUserID())
	wantErr(t, post(), "")
	w.ChangeChannel("G1", func(c *fakeslack.Channel) { c.Archived = true })
	wantErr(t, post(), "is_archived")
	w.Leave("G1", w.BotUserID())
	wantErr(t, post(), "channel_not_found")
	w.ChangeUser("U2", func(u *fakeslack.User) { u.Restricted = true })
	if u, err := api.GetUserInfo("U2"); err != nil || !u.IsRestricted {
		t.Errorf("%+v, %v", u, err)
	}
}

// TestOutsidersSeeOnlyWhereTheyWereLetIn holds for guests and strangers, also
// in public channels.
func TestOutsidersSeeOnlyWhereTheyWereLetIn(t *testing.T) {
	t.Parallel()
	w := organisation(t, fakeslack.Options{})
	startRobot(t, w, ackAll)
	w.AddUser(fakeslack.User{ID: "U5", Name: "guest", Restricted: true})
	for _, c := range []struct {
		user, channel string
		may           bool
	}{
		{"U1", "C2", true}, {"W3", "C1", true}, {"U5", "C1", false}, {"U7", "C1", false}, {"U7", "C7", true}, {"U9", "C7", false},
	} {
		if _, err := w.Slash(t.Context(), c.user, c.channel, "list"); (err == nil) != c.may {
			t.Errorf("%s in %s: %v", c.user, c.channel, err)
		}
	}
	w.Join("C1", "U5")
	if _, err := w.Slash(t.Context(), "U5", "C1", "list"); err != nil {
		t.Error(err)
	}
}
