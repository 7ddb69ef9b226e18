package fakeslack_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"

	"github.com/sshforward/sshforward/bot/fakeslack"
)

// interactions starts a bot that passes interactions on and acknowledges them
// with what answer says.
func interactions(t *testing.T, w *fakeslack.Workspace, answer func(*robot, slack.InteractionCallback) any) (*robot,
	chan slack.InteractionCallback) {
	got := make(chan slack.InteractionCallback, 100)
	r := startRobot(t, w, func(r *robot, e socketmode.Event) {
		var payload []any
		if cb, ok := e.Data.(slack.InteractionCallback); ok {
			got <- cb
			if answer != nil {
				if a := answer(r, cb); a != nil {
					payload = []any{a}
				}
			}
		}
		_ = r.socket.Ack(*e.Request, payload...)
	})
	return r, got
}

func TestClickOnAMessage(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	r, got := interactions(t, w, nil)
	_, ts, err := r.PostMessage("C1", slack.MsgOptionText("Open?", false), prompt("abc123"))
	if err != nil {
		t.Fatal(err)
	}
	res, err := w.Click(t.Context(), "U1", ts, "lease.confirm")
	if err != nil || !res.Acked {
		t.Fatal(res, err)
	}
	cb := <-got
	a := cb.ActionCallback.BlockActions[0]
	if cb.Type != slack.InteractionTypeBlockActions || cb.User.ID != "U1" || cb.Team.ID != "T0FAKE" || cb.Channel.ID != "C1" ||
		cb.Container.MessageTs != ts || cb.Container.IsEphemeral || cb.Message.Timestamp != ts || cb.Message.Text != "Open?" ||
		cb.TriggerID != res.TriggerID || cb.ResponseURL != res.ResponseURL ||
		a.ActionID != "lease.confirm" || a.Value != "abc123" || a.BlockID != "choice" || a.Text.Text != "Open" || a.Type != "button" {
		t.Errorf("payload %+v, action %+v", cb, a)
	}
	if _, err := w.Click(t.Context(), "U1", ts, "lease.close"); err == nil || !strings.Contains(err.Error(), "lease.confirm=abc123") {
		t.Errorf("a button that is not there: %v", err)
	}
	if _, _, _, err := r.UpdateMessage("C1", ts, slack.MsgOptionText("Done", false), slack.MsgOptionBlocks([]slack.Block{}...)); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Click(t.Context(), "U1", ts, "lease.confirm"); err == nil {
		t.Error("a button that was removed could be pressed")
	}
}

func TestClickOnAnEphemeralMessage(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	r, got := interactions(t, w, nil)
	ts, err := r.PostEphemeral("C1", "U1", slack.MsgOptionText("Open?", false), prompt("abc123"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Click(t.Context(), "U2", ts, "lease.confirm"); err == nil {
		t.Error("a person pressed a button in somebody else's ephemeral message")
	}
	if _, err := w.Click(t.Context(), "U1", ts, "lease.confirm"); err != nil {
		t.Fatal(err)
	}
	cb := <-got
	if !cb.Container.IsEphemeral || cb.Message.Timestamp != "" || cb.Container.MessageTs != ts || cb.ResponseURL == "" {
		t.Errorf("payload %+v", cb)
	}
	// Only the response URL can change it.
	if _, _, _, err := r.UpdateMessage("C1", ts, slack.MsgOptionText("x", false)); err == nil {
		t.Error("chat.update changed an ephemeral message")
	}
	err = slack.PostWebhook(cb.ResponseURL, &slack.WebhookMessage{Text: "Opening", ReplaceOriginal: true})
	if m, _ := w.Message(ts); err != nil || m.Text != "Opening" || len(m.Buttons()) != 0 || len(w.Ephemerals("U1", "C1")) != 1 {
		t.Errorf("after replacing: %+v, %v", m, err)
	}
	err = slack.PostWebhook(cb.ResponseURL, &slack.WebhookMessage{DeleteOriginal: true})
	if err != nil || len(w.Ephemerals("U1", "C1")) != 0 {
		t.Errorf("after deleting: %v", err)
	}
}

func TestTheValueTellsEqualButtonsApart(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	r, got := interactions(t, w, nil)
	row := func(v string) slack.Block {
		return slack.NewActionBlock("", slack.NewButtonBlockElement("lease.close", v, plain("Close")))
	}
	_, ts, err := r.PostMessage("C1", slack.MsgOptionText("Which?", false), slack.MsgOptionBlocks(row("l1"), row("l2")))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Click(t.Context(), "U1", ts, "lease.close"); err == nil {
		t.Error("one of two buttons was pressed without saying which")
	}
	if _, err := w.Click(t.Context(), "U1", ts, "lease.close", "l2"); err != nil {
		t.Fatal(err)
	}
	if a := (<-got).ActionCallback.BlockActions[0]; a.Value != "l2" || a.BlockID == "" {
		t.Errorf("action %+v", a)
	}
}

func TestForgedClick(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	_, got := interactions(t, w, nil)
	if _, err := w.ForgeClick(t.Context(), "U2", fakeslack.Forged{Channel: "C1", TS: "1.2", ActionID: "lease.approve",
		Value: "zzz", TeamID: "T6EVIL"}); err != nil {
		t.Fatal(err)
	}
	cb := <-got
	if a := cb.ActionCallback.BlockActions[0]; a.ActionID != "lease.approve" || a.Value != "zzz" ||
		cb.User.TeamID != "T6EVIL" || cb.Team.ID != "T6EVIL" {
		t.Errorf("payload %+v", cb)
	}
}

func TestChoose(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	r, got := interactions(t, w, nil)
	_, ts, err := r.PostMessage("C1", slack.MsgOptionText("x", false), slack.MsgOptionBlocks(slack.NewActionBlock("b",
		slack.NewOptionsSelectBlockElement("static_select", plain("p"), "pick", slack.NewOptionBlockObject("a", plain("A"), nil),
			slack.NewOptionBlockObject("b", plain("B"), nil)),
		slack.NewOptionsSelectBlockElement("users_select", plain("p"), "who"))))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Choose(t.Context(), "U1", ts, "pick", "c"); err == nil {
		t.Error("an option that is not there was chosen")
	}
	if _, err := w.Choose(t.Context(), "U1", ts, "pick", "b"); err != nil {
		t.Fatal(err)
	}
	if a := (<-got).ActionCallback.BlockActions[0]; a.SelectedOption.Value != "b" || a.SelectedOption.Text.Text != "B" {
		t.Errorf("action %+v", a)
	}
	if _, err := w.Choose(t.Context(), "U1", ts, "who", "U2"); err != nil {
		t.Fatal(err)
	}
	if a := (<-got).ActionCallback.BlockActions[0]; a.SelectedUser != "U2" {
		t.Errorf("action %+v", a)
	}
}

func TestResponseURLRunsOut(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	startRobot(t, w, ackAll)
	res, err := w.Slash(t.Context(), "U1", "G1", "list") // where the bot may not post
	if err != nil {
		t.Fatal(err)
	}
	send := func(kind string) error {
		return slack.PostWebhook(res.ResponseURL, &slack.WebhookMessage{Text: "x", ResponseType: kind, ReplaceOriginal: true})
	}
	for _, kind := range []string{"", "ephemeral", "in_channel", "ephemeral", "in_channel"} {
		if err := send(kind); err != nil {
			t.Fatal(err)
		}
	}
	if len(w.Ephemerals("U1", "G1")) != 3 || len(w.Messages("G1")) != 2 {
		t.Errorf("%d ephemeral, %d messages", len(w.Ephemerals("U1", "G1")), len(w.Messages("G1")))
	}
	var e slack.StatusCodeError
	if err := send(""); !asStatus(err, &e) || e.Code != http.StatusNotFound {
		t.Errorf("sixth use: %v", err)
	}
	calls := w.Calls(fakeslack.MethodResponseURL)
	if c := calls[len(calls)-1]; len(calls) != 6 || c.Error != "used_url" || c.Channel != "G1" || c.User != "U1" {
		t.Errorf("recorded %+v", c)
	}
}

func TestResponseURLExpiresAndRefuses(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{ResponseURLLife: 300 * time.Millisecond})
	startRobot(t, w, ackAll)
	res, err := w.Slash(t.Context(), "U1", "C1", "list")
	if err != nil {
		t.Fatal(err)
	}
	for body, want := range map[string]string{
		`{"blocks":[{"type":"carousel"}]}`: "invalid_blocks", `{}`: "no_text", `hello`: "invalid_payload",
	} {
		if got := post(t, res.ResponseURL, body); got != want {
			t.Errorf("%s: %s, want %s", body, got, want)
		}
	}
	time.Sleep(310 * time.Millisecond)
	if got := post(t, res.ResponseURL, `{"text":"x"}`); got != "expired_url" {
		t.Errorf("after its time: %s", got)
	}
	if got := post(t, w.URL()+"/response/commands/T0FAKE/none", `{"text":"x"}`); got != "invalid_url" {
		t.Errorf("an invented URL: %s", got)
	}
}

func TestAckWithBlocksThatSlackRefuses(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	startRobot(t, w, func(r *robot, e socketmode.Event) {
		b := slack.NewButtonBlockElement("same", "", plain("x"))
		_ = r.socket.Ack(*e.Request, map[string]any{"text": "x", "blocks": []slack.Block{slack.NewActionBlock("", b, b)}})
	})
	res, err := w.Slash(t.Context(), "U1", "C1", "list")
	if err != nil || res.Error != fakeslack.ErrBadResponse || len(res.Detail) != 1 || len(w.Ephemerals("U1", "")) != 0 {
		t.Errorf("%+v, %v", res, err)
	}
}

func TestAckInChannel(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	startRobot(t, w, func(r *robot, e socketmode.Event) {
		_ = r.socket.Ack(*e.Request, map[string]any{"text": "hello all", "response_type": "in_channel"})
	})
	if _, err := w.Slash(t.Context(), "U1", "C1", "/other list"); err != nil {
		t.Fatal(err)
	}
	if m := w.Messages("C1"); len(m) != 1 || m[0].Text != "hello all" || m[0].Via != "ack" {
		t.Errorf("messages %+v", m)
	}
	if d := w.Deliveries(); !strings.Contains(string(d[0].Payload), `"command":"/other"`) {
		t.Errorf("payload %s", d[0].Payload)
	}
}
