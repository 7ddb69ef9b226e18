package bot

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/slack-go/slack"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/bot/fakeslack"
)

// organisation is an office in an Enterprise Grid organisation, as Slack is: a
// colleague (W3) from a sister workspace, a partner (U7) from another company,
// a guest (U5), all of them in C1, and slash commands that name the workspace
// where the bot is installed, whoever types them.
func organisation(t testing.TB, o fakeslack.Options) *fakeslack.Workspace {
	t.Helper()
	o.EnterpriseID = "E0ACME"
	w := office(t, o)
	w.AddUser(fakeslack.User{ID: "W3", Name: "cleo", TeamID: "T3SISTER", EnterpriseID: "E0ACME"})
	w.AddUser(fakeslack.User{ID: "U7", Name: "paul", TeamID: "T7PARTNER", EnterpriseID: "E7PARTNER"})
	w.AddUser(fakeslack.User{ID: "U5", Name: "gus", Restricted: true})
	for _, user := range []string{"W3", "U7", "U5"} {
		w.Join("C1", user)
	}
	w.ChangeChannel("C1", func(c *fakeslack.Channel) { c.ExtShared = true })
	return w
}

// everything is all ways in which a person can reach the bot.
func (x *life) everything(t *testing.T, user, ts string) {
	t.Helper()
	x.types(t, user, "C1", "list")
	x.presses(t, user, ts, actionExtend)
	d, err := x.w.Deliver(t.Context(), fakeslack.Envelope{Type: fakeslack.TypeInteractive, AcceptsResponse: true, Payload: map[string]any{
		"type": "block_suggestion", "action_id": sshforward.FieldInstance, "value": "web", "team": map[string]any{"id": "T0FAKE"},
		"user": map[string]any{"id": user, "team_id": "T3SISTER"}, "view": map[string]any{"type": "modal", "callback_id": formOpen},
	}})
	if err != nil || !d.Acked {
		t.Errorf("suggestions for %s: %+v, %v", user, d, err)
	}
	d, err = x.w.Deliver(t.Context(), fakeslack.Envelope{Type: fakeslack.TypeInteractive, AcceptsResponse: true, Payload: map[string]any{
		"type": "view_submission", "team": map[string]any{"id": "T0FAKE"}, "user": map[string]any{"id": user, "team_id": "T3SISTER"},
		"view": map[string]any{"type": "modal", "callback_id": formDeny, "private_metadata": `{"lease":"k7m2q3x"}`, "state": map[string]any{
			"values": map[string]any{"reason": map[string]any{"reason": map[string]any{"value": "no"}}}}},
	}})
	if err != nil || !d.Acked {
		t.Errorf("submission of %s: %+v, %v", user, d, err)
	}
	if res, err := x.w.OpenHome(t.Context(), user); err != nil || !res.Acked {
		t.Errorf("Home of %s: %+v, %v", user, res, err)
	}
}

func TestPeopleOfTheOrganisationAreServedAndStrangersAreNot(t *testing.T) {
	t.Parallel()
	for user, served := range map[string]bool{"U1": true, "W3": true, "U7": false} {
		t.Run(user, func(t *testing.T) {
			t.Parallel()
			w := organisation(t, fakeslack.Options{})
			k := newDesk()
			x := live(t, w, k)
			_, ts, err := x.client.post(t.Context(), "C1", x.localizer.forChannel.card(lease(sshforward.Open)))
			if err != nil {
				t.Fatal(err)
			}
			x.everything(t, user, ts)
			if served {
				got := make(map[string]bool)
				eventually(t, "all of it reaches the keeper", func() bool {
					for _, a := range k.understood() {
						got[operationName(a.cmd)] = true
					}
					return got["listLeases"] && got["ExtendLease"] && got["listInstances"] && got["DenyLease"] && got["showOverview"]
				})
				return
			}
			eventually(t, "all of it is recorded as refused", func() bool { return len(k.whats()) == 5 })
			if got := k.understood(); len(got) > 0 {
				t.Errorf("the keeper was asked %v", got)
			}
			if n := len(w.Calls("views.publish")); n > 0 {
				t.Error("a stranger has a Home")
			}
			x.told(t, user, "C1", "people of the workspace I am installed in")
		})
	}
}

// Whom Slack does not tell about is left to the keeper, which says no.
func TestPersonAsPolicyWantsToKnow(t *testing.T) {
	t.Parallel()
	w := organisation(t, fakeslack.Options{})
	w.Deactivate("U2")
	x := quiet(w)
	for user, want := range map[string]sshforward.Person{
		"U1": {}, "W3": {}, "U5": {Guest: true}, "U2": {Deactivated: true}, "U7": {Stranger: true}, w.BotUserID(): {Bot: true},
	} {
		if got, err := x.Person(t.Context(), user); got != want || err != nil {
			t.Errorf("%s: %+v, %v; want %+v", user, got, err, want)
		}
	}
	for _, c := range []struct {
		out  fakeslack.Outcome
		says string
	}{
		{fakeslack.Outcome{Status: 429, RetryAfter: time.Second}, "right now"}, {fakeslack.Outcome{Error: "internal_error"}, "right now"},
		{fakeslack.Outcome{Error: "missing_scope"}, "Ask the operator"}, {fakeslack.Outcome{LoseAnswer: true}, "right now"},
	} {
		x := quiet(w)
		w.FailNext("users.info", c.out)
		_, err := x.Person(t.Context(), "U1")
		if sshforward.ErrorCode(err) != sshforward.EUNAVAILABLE || !strings.Contains(sshforward.ErrorMessage(err).String(), c.says) {
			t.Errorf("%+v: %v", c.out, err)
		}
		time.Sleep(c.out.RetryAfter)
		if _, err := x.Person(t.Context(), "U1"); err != nil {
			t.Errorf("%+v, then: %v", c.out, err)
		}
	}
}

// One record serves the language for an hour and decisions for a minute.
func TestPersonIsAskedForOnceAMinute(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	x := quiet(w)
	for range 3 {
		_, _ = x.Person(t.Context(), "U1")
		x.localizer.renderFor(t.Context(), "U1")
	}
	if n := len(w.Calls("users.info")); n != 1 {
		t.Errorf("asked %d times", n)
	}
	w.Deactivate("U1")
	x.localizer.people.cache.Add("U1", person{user: &slack.User{TeamID: "T0FAKE"}, at: time.Now().Add(-accountAge)})
	if p, err := x.Person(t.Context(), "U1"); !p.Deactivated || err != nil {
		t.Errorf("after a minute: %+v, %v", p, err)
	}
}

// The bot cannot tell whose people it would serve, so nothing opens. What is
// open is not its business here: the keeper closes that.
func TestInstalledOnAWholeOrganisation(t *testing.T) {
	t.Parallel()
	w := organisation(t, fakeslack.Options{OrgInstall: true})
	x := live(t, w, newDesk())
	if _, err := x.Person(context.Background(), "U1"); sshforward.ErrorCode(err) != sshforward.EUNAVAILABLE ||
		!strings.Contains(sshforward.ErrorMessage(err).String(), "whole organisation") {
		t.Error(err)
	}
	if who, err := x.Identity(t.Context()); err != nil || !who.OrgWide {
		t.Errorf("%+v, %v", who, err)
	}
	if !strings.Contains(x.log.String(), "install it in one workspace") {
		t.Error("the log does not say so")
	}
}
