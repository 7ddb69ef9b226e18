package fakeslack_test

import (
	"strings"
	"testing"
	"time"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"

	"github.com/sshforward/sshforward/bot/fakeslack"
)

func form() slack.ModalViewRequest {
	instance := slack.NewOptionsSelectBlockElement("external_select", plain("which"), "instance")
	instance.MinQueryLength = new(int)
	*instance.MinQueryLength = 2
	duration := slack.NewOptionsSelectBlockElement("static_select", plain("how long"), "duration",
		slack.NewOptionBlockObject("1h", plain("1 hour"), nil), slack.NewOptionBlockObject("2h", plain("2 hours"), nil))
	duration.InitialOption = slack.NewOptionBlockObject("1h", plain("1 hour"), nil)
	reason := slack.NewPlainTextInputBlockElement(nil, "reason")
	reason.MaxLength = 5
	return slack.ModalViewRequest{Type: slack.VTModal, Title: plain("Open"), Submit: plain("Open"), CallbackID: "lease.open",
		PrivateMetadata: "C1", NotifyOnClose: true, Blocks: slack.Blocks{BlockSet: []slack.Block{
			slack.NewInputBlock("instance", plain("Instance"), nil, instance),
			slack.NewInputBlock("duration", plain("Duration"), nil, duration),
			slack.NewInputBlock("reason", plain("Reason"), nil, reason).WithOptional(true),
			slack.NewActionBlock("more", slack.NewButtonBlockElement("more", "1", plain("More"))),
		}}}
}

// opener is a bot that opens the form on every command.
func opener(t *testing.T, w *fakeslack.Workspace, answer func(slack.InteractionCallback) any) (*robot, chan slack.InteractionCallback) {
	got := make(chan slack.InteractionCallback, 100)
	r := startRobot(t, w, func(r *robot, e socketmode.Event) {
		switch d := e.Data.(type) {
		case slack.SlashCommand:
			if _, err := r.OpenView(d.TriggerID, form()); err != nil {
				t.Errorf("views.open: %v", err)
			}
			_ = r.socket.Ack(*e.Request)
		case slack.InteractionCallback:
			got <- d
			if a := answer(d); a != nil {
				_ = r.socket.Ack(*e.Request, a)
			} else {
				_ = r.socket.Ack(*e.Request)
			}
		}
	})
	return r, got
}

func openForm(t *testing.T, w *fakeslack.Workspace) fakeslack.View {
	t.Helper()
	if res, err := w.Slash(t.Context(), "U1", "C1", ""); err != nil || !res.Acked {
		t.Fatal(res, err)
	}
	v := w.Views("U1")
	if len(v) != 1 {
		t.Fatalf("%d views are open", len(v))
	}
	return v[0]
}

func TestModalFromOpenToSubmit(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	_, got := opener(t, w, func(slack.InteractionCallback) any { return nil })
	v := openForm(t, w)
	for name, values := range map[string]map[string]string{
		"a required input is empty": {}, "no such option": {"instance": "i-1", "duration": "9h"},
		"too long": {"instance": "i-1", "reason": "123456"}, "no such input": {"instance": "i-1", "colour": "red"},
	} {
		if _, err := w.SubmitView(t.Context(), "U1", v.ID, values); err == nil {
			t.Errorf("submitted although %s", name)
		}
	}
	if _, err := w.SubmitView(t.Context(), "U2", v.ID, map[string]string{"instance": "i-1"}); err == nil {
		t.Error("somebody else submitted the view")
	}
	res, err := w.SubmitView(t.Context(), "U1", v.ID, map[string]string{"instance": "i-1", "reason": "語語語語語"})
	if err != nil || res.Error != "" {
		t.Fatal(res, err)
	}
	cb := <-got
	s := cb.View.State.Values
	if cb.Type != slack.InteractionTypeViewSubmission || cb.View.CallbackID != "lease.open" ||
		cb.View.PrivateMetadata != "C1" || cb.View.ID != v.ID ||
		s["instance"]["instance"].SelectedOption.Value != "i-1" || s["duration"]["duration"].SelectedOption.Value != "1h" ||
		s["reason"]["reason"].Value != "語語語語語" {
		t.Errorf("payload %+v", cb.View)
	}
	if len(w.Views("U1")) != 0 {
		t.Error("the view stayed open after an empty acknowledgement")
	}
}

func TestResponseActions(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	var answer any
	second := slack.ModalViewRequest{Type: slack.VTModal, Title: plain("Second"), Submit: plain("Go"),
		Blocks: slack.Blocks{BlockSet: []slack.Block{slack.NewSectionBlock(mrkdwn("x"), nil, nil)}}}
	_, got := opener(t, w, func(slack.InteractionCallback) any { return answer })
	v := openForm(t, w)
	submit := func(id string, a any) fakeslack.Result {
		t.Helper()
		answer = a
		values := map[string]string{}
		if id == v.ID {
			values["instance"] = "i-1"
		}
		res, err := w.SubmitView(t.Context(), "U1", id, values)
		if err != nil {
			t.Fatal(err)
		}
		<-got
		return res
	}
	res := submit(v.ID, slack.NewErrorsViewSubmissionResponse(map[string]string{"reason": "why?"}))
	if res.ViewErrors["reason"] != "why?" || len(w.Views("U1")) != 1 || w.Views("U1")[0].Errors["reason"] != "why?" {
		t.Errorf("errors: %+v", res)
	}
	res = submit(v.ID, slack.NewErrorsViewSubmissionResponse(map[string]string{"more": "no input"}))
	if res.Error != fakeslack.ErrModalTrouble {
		t.Errorf("errors on a block that is no input: %+v", res)
	}
	bad := second
	bad.Title = plain(strings.Repeat("x", 25))
	if res := submit(v.ID, slack.NewUpdateViewSubmissionResponse(&bad)); res.Error != fakeslack.ErrModalTrouble || len(res.Detail) == 0 {
		t.Errorf("update with a bad view: %+v", res)
	}
	res = submit(v.ID, slack.NewPushViewSubmissionResponse(&second))
	if res.View == nil || res.View.PreviousID != v.ID || len(w.Views("U1")) != 2 {
		t.Fatalf("push: %+v", res)
	}
	if res = submit(res.View.ID, slack.NewUpdateViewSubmissionResponse(&second)); res.View == nil || len(w.Views("U1")) != 2 {
		t.Errorf("update: %+v", res)
	}
	if submit(res.View.ID, slack.NewClearViewSubmissionResponse()); len(w.Views("U1")) != 0 {
		t.Error("clear left views open")
	}
}

func TestSuggest(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	var answer any = slack.OptionsResponse{Options: []*slack.OptionBlockObject{slack.NewOptionBlockObject("i-1", plain("web"), nil)}}
	_, got := opener(t, w, func(slack.InteractionCallback) any { return answer })
	v := openForm(t, w)
	if _, err := w.Suggest(t.Context(), "U1", v.ID, "instance", "w"); err == nil {
		t.Error("Slack asked for options before there were enough letters")
	}
	res, err := w.Suggest(t.Context(), "U1", v.ID, "instance", "we")
	if err != nil || len(res.Options) != 1 || res.Options[0] != (fakeslack.Option{Text: "web", Value: "i-1"}) {
		t.Errorf("%+v, %v", res, err)
	}
	if cb := <-got; cb.Type != slack.InteractionTypeBlockSuggestion || cb.Value != "we" || cb.ActionID != "instance" ||
		cb.BlockID != "instance" || cb.View.PrivateMetadata != "C1" {
		t.Errorf("payload %+v", cb)
	}
	answer = map[string]any{"options": []any{map[string]any{"text": map[string]any{"type": "plain_text",
		"text": strings.Repeat("x", 76)}, "value": "v"}}}
	if res, _ := w.Suggest(t.Context(), "U1", v.ID, "instance", "we"); res.Error == "" {
		t.Error("an option that is too long was taken")
	}
}

func TestCloseViewAndClickInView(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	_, got := opener(t, w, func(slack.InteractionCallback) any { return nil })
	v := openForm(t, w)
	if _, err := w.Click(t.Context(), "U1", v.ID, "more"); err != nil {
		t.Fatal(err)
	}
	if cb := <-got; cb.View.ID != v.ID || cb.Container.ViewID != v.ID || cb.ResponseURL != "" {
		t.Errorf("click payload %+v", cb)
	}
	if _, err := w.CloseView(t.Context(), "U1", v.ID, true); err != nil {
		t.Fatal(err)
	}
	if cb := <-got; cb.Type != slack.InteractionTypeViewClosed || !cb.IsCleared {
		t.Errorf("close payload %+v", cb)
	}
}

func TestTriggers(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{TriggerLife: 300 * time.Millisecond})
	r := startRobot(t, w, ackAll)
	res, err := w.Slash(t.Context(), "U1", "C1", "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.OpenView(res.TriggerID, form()); err != nil {
		t.Fatal(err)
	}
	_, err = r.OpenView(res.TriggerID, form())
	wantErr(t, err, "exchanged_trigger_id")
	_, err = r.OpenView("1.2.3", form())
	wantErr(t, err, "invalid_trigger_id")
	res, _ = w.Slash(t.Context(), "U1", "C1", "")
	time.Sleep(310 * time.Millisecond)
	_, err = r.OpenView(res.TriggerID, form())
	wantErr(t, err, "expired_trigger_id")
	bad := form()
	bad.Title = plain(strings.Repeat("x", 25))
	_, err = r.OpenView(res.TriggerID, bad)
	wantErr(t, err, "invalid_arguments")
}

func TestUpdateAndPush(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	r, got := opener(t, w, func(slack.InteractionCallback) any { return nil })
	v := openForm(t, w)
	up := form()
	up.Title = plain("Changed")
	_, err := r.UpdateView(up, "", "stale", v.ID)
	wantErr(t, err, "hash_conflict")
	if _, err = r.UpdateView(up, "", v.Hash, v.ID); err != nil || w.Views("U1")[0].Title != "Changed" {
		t.Errorf("update: %v", err)
	}
	_, err = r.UpdateView(up, "", "", "V0NONE")
	wantErr(t, err, "not_found")
	for _, code := range []string{"", "", "push_limit_reached"} {
		top := w.Views("U1")
		if _, err := w.Click(t.Context(), "U1", top[len(top)-1].ID, "more"); err != nil {
			t.Fatal(err)
		}
		_, err := r.PushView((<-got).TriggerID, form())
		wantErr(t, err, code)
	}
}

func TestHome(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	clicked := make(chan slack.InteractionCallback, 1)
	startRobot(t, w, func(r *robot, e socketmode.Event) {
		_ = r.socket.Ack(*e.Request)
		if cb, ok := e.Data.(slack.InteractionCallback); ok {
			clicked <- cb
			return
		}
		_, err := r.PublishView("U1", slack.HomeTabViewRequest{Type: slack.VTHomeTab, Blocks: slack.Blocks{BlockSet: []slack.Block{
			slack.NewSectionBlock(mrkdwn("Your leases"), nil, slack.NewAccessory(slack.NewButtonBlockElement("lease.close", "l1",
				plain("Close"))))}}}, "")
		if err != nil {
			t.Errorf("views.publish: %v", err)
		}
	})
	if res, err := w.OpenHome(t.Context(), "U1"); err != nil || !res.Acked {
		t.Fatal(res, err)
	}
	waitFor(t, w, func(s *fakeslack.Snapshot) bool { _, ok := s.Home("U1"); return ok })
	home, _ := w.Home("U1")
	if !strings.Contains(home.Visible(), "Your leases") {
		t.Errorf("home shows %q", home.Visible())
	}
	if _, err := w.Click(t.Context(), "U1", home.ID, "lease.close"); err != nil {
		t.Fatal(err)
	}
	if cb := <-clicked; cb.View.Type != slack.VTHomeTab || cb.ActionCallback.BlockActions[0].Value != "l1" || cb.User.ID != "U1" {
		t.Errorf("payload %+v", cb)
	}
	if _, err := w.Click(t.Context(), "U2", home.ID, "lease.close"); err == nil {
		t.Error("somebody else clicked on the home tab")
	}
}
