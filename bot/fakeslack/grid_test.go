package fakeslack_test

import (
	"encoding/json"
	"testing"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"

	"github.com/sshforward/sshforward/bot/fakeslack"
)

// organisation is an office in an Enterprise Grid organisation, with a
// colleague from a sister workspace and people of two other companies.
func organisation(t *testing.T, o fakeslack.Options) *fakeslack.Workspace {
	t.Helper()
	o.EnterpriseID, o.EnterpriseName = "E0ACME", "Acme"
	w := office(t, o)
	w.AddUser(fakeslack.User{ID: "W3", Name: "cleo", TeamID: "T3SISTER", EnterpriseID: "E0ACME", Teams: []string{"T3SISTER", "T4OTHER"}})
	w.AddUser(fakeslack.User{ID: "U7", Name: "paul", TeamID: "T7PARTNER", EnterpriseID: "E7PARTNER"})
	w.AddChannel(fakeslack.Channel{ID: "C7", Name: "with-partner", Members: []string{"U1", "W3", "U7"}, BotMember: true, ExtShared: true})
	return w
}

// userInfo is what users.info says, as it came over the wire.
func userInfo(t *testing.T, w *fakeslack.Workspace, id string) map[string]any {
	t.Helper()
	out := raw(t, w, "users.info", formType, "user="+id)
	u, _ := out["user"].(map[string]any)
	if u == nil {
		t.Fatalf("users.info of %s: %v", id, out)
	}
	return u
}

func TestUsersInfoTellsColleaguesFromStrangers(t *testing.T) {
	t.Parallel()
	w := organisation(t, fakeslack.Options{})
	for _, c := range []struct{ id, team, enterprise string }{
		{"U1", "T0FAKE", "E0ACME"}, {"W3", "T3SISTER", "E0ACME"}, {"U7", "T7PARTNER", "E7PARTNER"}, {"U9", "T9OTHER", ""},
	} {
		u := userInfo(t, w, c.id)
		org, _ := u["enterprise_user"].(map[string]any)
		got, _ := org["enterprise_id"].(string)
		if u["team_id"] != c.team || got != c.enterprise || c.enterprise != "" && len(org["teams"].([]any)) == 0 {
			t.Errorf("%s: %v", c.id, u)
		}
	}
	if teams := userInfo(t, w, "W3")["enterprise_user"].(map[string]any)["teams"].([]any); len(teams) != 2 || teams[1] != "T4OTHER" {
		t.Errorf("the colleague's workspaces: %v", teams)
	}
}

// TestIsStrangerDecidesNothing: it is set only for those who share no channel
// with the app, so a partner in a shared channel goes without it.
func TestIsStrangerDecidesNothing(t *testing.T) {
	t.Parallel()
	w := organisation(t, fakeslack.Options{})
	for id, want := range map[string]bool{"U1": false, "W3": false, "U7": false, "U9": true} {
		if got, _ := userInfo(t, w, id)["is_stranger"].(bool); got != want {
			t.Errorf("is_stranger of %s is %v", id, got)
		}
	}
	w.Leave("C7", "U7")
	if userInfo(t, w, "U7")["is_stranger"] != true {
		t.Error("the partner left the shared channel and is no stranger")
	}
}

func TestInteractionsCarryTheInstallingTeam(t *testing.T) {
	t.Parallel()
	w := organisation(t, fakeslack.Options{})
	r, got := interactions(t, w, nil)
	_, ts, err := r.PostMessage("C7", slack.MsgOptionText("Open?", false), prompt("l1"))
	if err != nil {
		t.Fatal(err)
	}
	for user, team := range map[string]string{"U1": "T0FAKE", "W3": "T3SISTER", "U7": "T7PARTNER"} {
		if _, err := w.Click(t.Context(), user, ts, "lease.confirm"); err != nil {
			t.Fatal(err)
		}
		if cb := <-got; cb.Team.ID != "T0FAKE" || cb.User.TeamID != team || cb.Enterprise.ID != "E0ACME" || cb.IsEnterpriseInstall {
			t.Errorf("click of %s: team %+v, enterprise %+v, user %+v", user, cb.Team, cb.Enterprise, cb.User)
		}
	}
}

// TestSlashCommandsOfStrangers carry the team_id of the workspace where the app is
// installed: they do not tell a stranger from a colleague, users.info does.
func TestSlashCommandsOfStrangers(t *testing.T) {
	t.Parallel()
	w := organisation(t, fakeslack.Options{})
	got := make(chan slack.SlashCommand, 3)
	startRobot(t, w, func(r *robot, e socketmode.Event) {
		got <- e.Data.(slack.SlashCommand)
		_ = r.socket.Ack(*e.Request)
	})
	for _, user := range []string{"U1", "W3", "U7"} {
		if _, err := w.Slash(t.Context(), user, "C7", "list"); err != nil {
			t.Fatal(err)
		}
		if cmd := <-got; cmd.TeamID != "T0FAKE" || cmd.UserID != user || cmd.EnterpriseID != "E0ACME" || cmd.EnterpriseName != "Acme" {
			t.Errorf("command of %s: %+v", user, cmd)
		}
	}
}

func TestHomeOfAStrangerHasTheInstallingTeam(t *testing.T) {
	t.Parallel()
	w := organisation(t, fakeslack.Options{})
	startRobot(t, w, ackAll)
	if _, err := w.OpenHome(t.Context(), "U7"); err != nil {
		t.Fatal(err)
	}
	var p struct {
		TeamID         string `json:"team_id"`
		EnterpriseID   string `json:"enterprise_id"`
		Authorizations []struct {
			EnterpriseID string `json:"enterprise_id"`
			Install      bool   `json:"is_enterprise_install"`
		}
		Event struct{ User string }
	}
	if err := json.Unmarshal(w.Deliveries()[0].Payload, &p); err != nil || p.TeamID != "T0FAKE" || p.EnterpriseID != "E0ACME" ||
		p.Event.User != "U7" || len(p.Authorizations) != 1 || p.Authorizations[0].EnterpriseID != "E0ACME" || p.Authorizations[0].Install {
		t.Errorf("payload %+v, %v", p, err)
	}
}

func TestAuthTestNamesTheOrganisation(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		o              fakeslack.Options
		team, org      string
		enterpriseWide bool
	}{
		"no organisation":         {fakeslack.Options{}, "T0FAKE", "", false},
		"a workspace of one":      {fakeslack.Options{EnterpriseID: "E0ACME"}, "T0FAKE", "E0ACME", false},
		"the whole of one":        {fakeslack.Options{EnterpriseID: "E0ACME", OrgInstall: true}, "E0ACME", "E0ACME", true},
		"the whole, without name": {fakeslack.Options{OrgInstall: true}, "E0FAKE", "E0FAKE", true},
	} {
		w := office(t, c.o)
		me, err := client(t, w).AuthTest()
		if err != nil || me.TeamID != c.team || me.EnterpriseID != c.org {
			t.Errorf("%s: %+v, %v", name, me, err)
		}
		if out := raw(t, w, "auth.test", formType, ""); out["is_enterprise_install"] != c.enterpriseWide {
			t.Errorf("%s: %v", name, out)
		}
	}
}

func TestForgedTeams(t *testing.T) {
	t.Parallel()
	w := organisation(t, fakeslack.Options{})
	_, got := interactions(t, w, nil)
	forge := func(f fakeslack.Forged) slack.InteractionCallback {
		f.Channel, f.TS, f.ActionID = "C1", "1.2", "lease.approve"
		if _, err := w.ForgeClick(t.Context(), "U2", f); err != nil {
			t.Fatal(err)
		}
		return <-got
	}
	if cb := forge(fakeslack.Forged{UserTeamID: "T6EVIL"}); cb.Team.ID != "T0FAKE" || cb.User.TeamID != "T6EVIL" {
		t.Errorf("only the person's: %+v %+v", cb.Team, cb.User)
	}
	if cb := forge(fakeslack.Forged{TeamID: "T6EVIL", UserTeamID: "T0FAKE"}); cb.Team.ID != "T6EVIL" || cb.User.TeamID != "T0FAKE" {
		t.Errorf("only the installing one: %+v %+v", cb.Team, cb.User)
	}
}
