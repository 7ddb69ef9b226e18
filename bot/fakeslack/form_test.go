package fakeslack_test

import (
	"encoding/json"
	"testing"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"

	"github.com/sshforward/sshforward/bot/fakeslack"
)

// rawOpener opens a modal of given blocks on every command.
func rawOpener(t *testing.T, w *fakeslack.Workspace, blocks []any) chan json.RawMessage {
	got := make(chan json.RawMessage, 10)
	startRobot(t, w, func(r *robot, e socketmode.Event) {
		if d, ok := e.Data.(slack.SlashCommand); ok {
			view, _ := json.Marshal(obj{"trigger_id": d.TriggerID, "view": obj{"type": "modal", "title": pt(3), "submit": pt(3), "blocks": blocks}})
			if out := raw(t, w, "views.open", "application/json", string(view)); out["ok"] != true {
				t.Errorf("views.open: %v", out)
			}
		} else {
			got <- e.Request.Payload
		}
		_ = r.socket.Ack(*e.Request)
	})
	return got
}

// state decodes state.values of a submission into block -> element.
func state(t *testing.T, payload json.RawMessage) map[string]obj {
	t.Helper()
	var p struct {
		View struct {
			State struct {
				Values map[string]map[string]obj
			}
		}
	}
	if err := json.Unmarshal(payload, &p); err != nil {
		t.Fatal(err)
	}
	out := map[string]obj{}
	for block, els := range p.View.State.Values {
		for _, v := range els {
			out[block] = v
		}
	}
	return out
}

func TestEveryInputHasItsShapeInState(t *testing.T) {
	t.Parallel()
	opts := []any{obj{"text": pt(1), "value": "a"}, obj{"text": pt(2), "value": "b"}}
	group := []any{obj{"label": pt(1), "options": opts}}
	cases := []struct {
		el     obj
		in     string
		key    string
		filled string // JSON of the value
		empty  string
	}{
		{obj{"type": "plain_text_input"}, "hi", "value", `"hi"`, `null`},
		{obj{"type": "plain_text_input", "initial_value": "was"}, "hi", "value", `"hi"`, `"was"`},
		{obj{"type": "number_input", "is_decimal_allowed": false}, "7", "value", `"7"`, `null`},
		{obj{"type": "users_select"}, "U2", "selected_user", `"U2"`, `null`},
		{obj{"type": "multi_users_select"}, "U1,U2", "selected_users", `["U1","U2"]`, `[]`},
		{obj{"type": "channels_select"}, "C1", "selected_channel", `"C1"`, `null`},
		{obj{"type": "conversations_select"}, "C1", "selected_conversation", `"C1"`, `null`},
		{obj{"type": "datepicker"}, "2024-01-31", "selected_date", `"2024-01-31"`, `null`},
		{obj{"type": "timepicker"}, "10:30", "selected_time", `"10:30"`, `null`},
		{obj{"type": "datetimepicker"}, "1700000000", "selected_date_time", `1700000000`, `null`},
		{obj{"type": "static_select", "option_groups": group}, "b", "selected_option",
			`{"text":{"text":"語語","type":"plain_text"},"value":"b"}`, `null`},
		{obj{"type": "radio_buttons", "options": opts}, "a", "selected_option", `{"text":{"text":"語","type":"plain_text"},"value":"a"}`, `null`},
		{obj{"type": "checkboxes", "options": opts}, "a,b", "selected_options",
			`[{"text":{"text":"語","type":"plain_text"},"value":"a"},{"text":{"text":"語語","type":"plain_text"},"value":"b"}]`, `[]`},
	}
	var blocks []any
	values := map[string]string{}
	name := func(i int) string { return "b" + string(rune('a'+i)) }
	for i, c := range cases {
		blocks = append(blocks, input(c.el, "block_id", name(i), "optional", true))
		values[name(i)] = c.in
	}
	w := office(t, fakeslack.Options{})
	got := rawOpener(t, w, blocks)
	check := func(values map[string]string, want func(int) string) {
		t.Helper()
		v := openForm(t, w)
		if res, err := w.SubmitView(t.Context(), "U1", v.ID, values); err != nil || !res.Acked {
			t.Fatal(res, err)
		}
		s := state(t, <-got)
		for i, c := range cases {
			j, _ := json.Marshal(s[name(i)][c.key])
			if string(j) != want(i) || s[name(i)]["type"] != c.el["type"] {
				t.Errorf("%s: %s, want %s (%v)", c.el["type"], j, want(i), s[name(i)])
			}
		}
	}
	check(values, func(i int) string { return cases[i].filled })
	check(nil, func(i int) string { return cases[i].empty })
}

func TestForgedSubmissionSkipsTheClientsChecks(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	got := rawOpener(t, w, []any{input(obj{"type": "plain_text_input", "action_id": "reason", "max_length": 3}, "block_id", "reason")})
	v := openForm(t, w)
	if len(v.Buttons()) != 0 || v.HasButton("x") {
		t.Errorf("the form has buttons: %+v", v.Buttons())
	}
	res, err := w.ForgeSubmit(t.Context(), "U1", v.ID, obj{"reason": obj{"reason": obj{"type": "plain_text_input", "value": "far too long"}}})
	if err != nil || !res.Acked {
		t.Fatal(res, err)
	}
	if s := state(t, <-got); s["reason"]["value"] != "far too long" {
		t.Errorf("state %v", s)
	}
	if v, ok := w.View(v.ID); !ok || v.Open {
		t.Errorf("the closed view: %+v, %v", v, ok)
	}
}

func TestInputThatIsShownButEmptyIsMissed(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	rawOpener(t, w, []any{input(obj{"type": "checkboxes", "options": options(1, 1, 1)}, "block_id", "agree")})
	v := openForm(t, w)
	if _, err := w.SubmitView(t.Context(), "U1", v.ID, nil); err == nil {
		t.Error("a required group of check boxes was left empty")
	}
}

func TestSnapshotStaysAsItWas(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	api := client(t, w)
	_, ts, err := api.PostMessage("C1", slack.MsgOptionText("one", false))
	if err != nil {
		t.Fatal(err)
	}
	before := w.Snapshot()
	if _, _, _, err := api.UpdateMessage("C1", ts, slack.MsgOptionText("two", false)); err != nil {
		t.Fatal(err)
	}
	w.AddChannel(fakeslack.Channel{ID: "C1", Name: "renamed"})
	if m, _ := before.Message(ts); m.Text != "one" || before.Channels()[0].Name != "ops" || len(before.Users()) != 5 ||
		len(before.UserGroups()) != 1 {
		t.Errorf("the snapshot moved: %+v", m)
	}
	if _, ok := before.Message("1.2"); ok {
		t.Error("found a message that never was")
	}
	if _, ok := before.View("V0NONE"); ok {
		t.Error("found a view that never was")
	}
}
