package fakeslack_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/slack-go/slack"

	"github.com/sshforward/sshforward/bot/fakeslack"
)

func TestMessagesThatCannotBeEdited(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	api := client(t, w)
	_, ts, err := api.PostMessage("C1", slack.MsgOptionText("x", false))
	if err != nil {
		t.Fatal(err)
	}
	update := func() error { _, _, _, err := api.UpdateMessage("C1", ts, slack.MsgOptionText("y", false)); return err }
	for _, code := range []string{"cant_update_message", "edit_window_closed"} {
		w.RefuseEdits(ts, code)
		wantErr(t, update(), code)
		if m, _ := w.Message(ts); m.Text != "x" {
			t.Errorf("%s: edited all the same", code)
		}
	}
	w.RefuseEdits(ts, "")
	wantErr(t, update(), "")
	w.ChangeChannel("C1", func(c *fakeslack.Channel) { c.Archived = true })
	wantErr(t, update(), "is_inactive")
	w.ChangeChannel("C1", func(c *fakeslack.Channel) { c.Archived = false })
	if _, _, err := api.DeleteMessage("C1", ts); err != nil {
		t.Fatal(err)
	}
	wantErr(t, update(), "message_not_found")
}

// TestAReplyToADeletedMessage lands in the channel, and only the answer tells.
func TestAReplyToADeletedMessage(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	api := client(t, w)
	post := func(thread string) map[string]any {
		out := raw(t, w, "chat.postMessage", formType, "channel=C1&text=x&thread_ts="+thread)
		m, _ := out["message"].(map[string]any)
		if out["ok"] != true || m == nil {
			t.Fatalf("%v", out)
		}
		return m
	}
	_, root, err := api.PostMessage("C1", slack.MsgOptionText("card", false))
	if err != nil {
		t.Fatal(err)
	}
	if m := post(root); m["thread_ts"] != root {
		t.Errorf("under the message: %v", m)
	}
	if _, _, err := api.DeleteMessage("C1", root); err != nil {
		t.Fatal(err)
	}
	m := post(root)
	if _, threaded := m["thread_ts"]; threaded {
		t.Errorf("under the deleted message: %v", m)
	}
	if got, _ := w.Message(m["ts"].(string)); got.ThreadTS != "" {
		t.Errorf("it stands in thread %s", got.ThreadTS)
	}
}

func TestAnUpdateReadsNamesAsAPersonWouldTypeThem(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	api := client(t, w)
	const text = "ask @bob in #ops, not #secret or @nobody; <@U1|ann> mail a@bob, @here. 例:@ann"
	const parsed = "ask <@U2> in <#C1|ops>, not #secret or @nobody; <@U1|ann> mail a@bob, <!here>. 例:<@U1>"
	_, ts, err := api.PostMessage("C1", slack.MsgOptionText(text, false))
	if err != nil {
		t.Fatal(err)
	}
	if m, _ := w.Message(ts); m.Text != text {
		t.Errorf("a post was changed: %s", m.Text)
	}
	for _, c := range []struct {
		mode string
		want string
	}{{"", parsed}, {"full", parsed}, {"client", parsed}, {"none", text}} {
		options := []slack.MsgOption{slack.MsgOptionText(text, false)}
		if c.mode != "" {
			options = append(options, slack.MsgOptionParse(c.mode == "full"))
			if c.mode == "client" {
				options = append(options, slack.MsgOptionPostMessageParameters(slack.PostMessageParameters{Parse: "client", UnfurlLinks: true}))
			}
		}
		if _, _, _, err := api.UpdateMessage("C1", ts, options...); err != nil {
			t.Fatal(err)
		}
		if m, _ := w.Message(ts); m.Text != c.want {
			t.Errorf("parse=%q: %s", c.mode, m.Text)
		}
	}
}

func TestAChangedBlockWantsANewID(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	api := client(t, w)
	blocks := func(id, text string) slack.MsgOption {
		return slack.MsgOptionBlocks(slack.NewSectionBlock(mrkdwn(text), nil, nil, slack.SectionBlockOptionBlockID(id)),
			slack.NewSectionBlock(mrkdwn("same"), nil, nil, slack.SectionBlockOptionBlockID("same")))
	}
	_, ts, err := api.PostMessage("C1", slack.MsgOptionText("x", false), blocks("b1", "one"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		id, text string
		want     []string
	}{{"b1", "one", nil}, {"b2", "two", nil}, {"b2", "three", []string{"b2"}}, {"b3", "four", []string{"b2"}}} {
		if _, _, _, err := api.UpdateMessage("C1", ts, slack.MsgOptionText("x", false), blocks(c.id, c.text)); err != nil {
			t.Fatal(err)
		}
		if m, _ := w.Message(ts); !slices.Equal(m.Reused, c.want) {
			t.Errorf("%s %s: reused %v, want %v", c.id, c.text, m.Reused, c.want)
		}
	}
}

func TestBlocksThatAreTooLongTogether(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	startRobot(t, w, ackAll)
	api := client(t, w)
	var many []slack.Block
	for range 5 {
		many = append(many, slack.NewSectionBlock(mrkdwn(strings.Repeat("é", 2900)), nil, nil))
	}
	_, ts, err := api.PostMessage("C1", slack.MsgOptionText("x", false), slack.MsgOptionBlocks(many[:4]...))
	wantErr(t, err, "")
	_, _, err = api.PostMessage("C1", slack.MsgOptionText("x", false), slack.MsgOptionBlocks(many...))
	wantErr(t, err, "msg_blocks_too_long")
	_, _, _, err = api.UpdateMessage("C1", ts, slack.MsgOptionText("x", false), slack.MsgOptionBlocks(many...))
	wantErr(t, err, "msg_blocks_too_long")
	// A response URL takes them.
	res, err := w.Slash(t.Context(), "U1", "C1", "list")
	if err != nil {
		t.Fatal(err)
	}
	if err := slack.PostWebhook(res.ResponseURL, &slack.WebhookMessage{Text: "x", Blocks: &slack.Blocks{BlockSet: many}}); err != nil {
		t.Error(err)
	}
}

// TestEphemeralMessagesInThreads are shown only where the thread has begun.
func TestEphemeralMessagesInThreads(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	api := client(t, w)
	_, card, err := api.PostMessage("C1", slack.MsgOptionText("card", false))
	if err != nil {
		t.Fatal(err)
	}
	psst := func() {
		t.Helper()
		if _, err := api.PostEphemeral("C1", "U1", slack.MsgOptionText("psst", false), slack.MsgOptionTS(card)); err != nil {
			t.Fatal(err)
		}
	}
	psst()
	if e := w.Ephemerals("U1", "C1"); len(e) != 0 {
		t.Errorf("shown in a thread that nobody began: %+v", e)
	}
	if _, err := w.Say("U2", "C1", "hm", card); err != nil {
		t.Fatal(err)
	}
	psst()
	if e := w.Ephemerals("U1", "C1"); len(e) != 1 || e[0].ThreadTS != card {
		t.Errorf("in a thread: %+v", e)
	}
	if thread := w.Snapshot().Thread(card); len(thread) != 2 || thread[0].TS != card || thread[1].Text != "hm" {
		t.Errorf("the thread is %+v", thread)
	}
}

func TestClicksInThreads(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	r, got := interactions(t, w, nil)
	_, card, err := r.PostMessage("C1", slack.MsgOptionText("card", false), prompt("l1"))
	if err != nil {
		t.Fatal(err)
	}
	_, reply, err := r.PostMessage("C1", slack.MsgOptionText("soon", false), prompt("l1"), slack.MsgOptionTS(card))
	if err != nil {
		t.Fatal(err)
	}
	eph, err := r.PostEphemeral("C1", "U1", slack.MsgOptionText("psst", false), prompt("l1"), slack.MsgOptionTS(card))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		ts, thread string
		ephemeral  bool
	}{{card, "", false}, {reply, card, false}, {eph, card, true}} {
		if _, err := w.Click(t.Context(), "U1", c.ts, "lease.confirm"); err != nil {
			t.Fatal(err)
		}
		cb := <-got
		if cb.Container.MessageTs != c.ts || cb.Container.ThreadTs != c.thread || cb.Container.IsEphemeral != c.ephemeral {
			t.Errorf("%s: container %+v", c.ts, cb.Container)
		}
	}
}
