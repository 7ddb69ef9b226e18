package bot

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/bot/fakeslack"
)

// Slack's documentation leaves room, and servers that stand in for it use it:
// what is optional there is missing here.

// pressesBarely presses a button with no more in the payload than it takes.
func (x *life) pressesBarely(t *testing.T, user string, m fakeslack.Message, a map[string]any) {
	t.Helper()
	// A click that the bot ignores is how to get a response URL.
	res, err := x.w.ForgeClick(t.Context(), user, fakeslack.Forged{Channel: m.Channel, TS: m.TS, ActionID: "ignored"})
	if err != nil {
		t.Fatal(err)
	}
	d, err := x.w.Deliver(t.Context(), fakeslack.Envelope{Type: fakeslack.TypeInteractive, Payload: map[string]any{
		"type": "block_actions", "user": map[string]any{"id": user}, "team": map[string]any{"id": "T0FAKE"},
		"channel": map[string]any{"id": m.Channel}, "actions": []any{a}, "response_url": res.ResponseURL,
	}})
	if err != nil || !d.Acked {
		t.Errorf("%+v, %v", d, err)
	}
}

func TestBareClickOnThePromptTakesItsPlace(t *testing.T) {
	t.Parallel()
	for action, want := range map[string]string{actionConfirm: "Opening `web-1`", actionCancel: "Cancelled."} {
		for _, block := range []any{nil, "", "b1", "prompt.k7m2q3x"} {
			t.Run(fmt.Sprint(action, block), func(t *testing.T) {
				w := office(t, fakeslack.Options{})
				x := live(t, w, script())
				m := x.prompted(t, "C1")
				a := map[string]any{"action_id": action, "value": "k7m2q3x"}
				if block != nil {
					a["block_id"] = block
				}
				x.pressesBarely(t, "U1", m, a)
				if now := x.told(t, "U1", "C1", want); now.TS != m.TS || len(now.Buttons()) > 0 {
					t.Errorf("the prompt is still there, and next to it %q", now.Visible())
				}
			})
		}
	}
}

func TestBareClickOnTheCardLeavesItAloneAndIsAnswered(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	x := live(t, w, script())
	ts := x.posted(t, lease(sshforward.Open))
	card, _ := w.Message(ts)
	x.pressesBarely(t, "U1", card, map[string]any{"action_id": actionClose, "value": "k7m2q3x"})
	x.told(t, "U1", "C1", "Closing `web-1`")
	x.pressesBarely(t, "U1", card, map[string]any{"action_id": actionExtend, "value": "k7m2q3x 1h", "block_id": "card.k7m2q3x"})
	x.types(t, "U1", "C1", "list")
	x.told(t, "U1", "C1", "Your leases")
	if now, _ := w.Message(ts); len(now.Edits) > 0 || now.Deleted {
		t.Errorf("the card became %q", now.Visible())
	}
}

func TestErrorOfABareClickIsToldToTheClicker(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	x := live(t, w, answers(sshforward.Reply{}, &sshforward.Error{Code: sshforward.EFORBIDDEN,
		Message: sshforward.Textf("Only <@U1> may close it.")}))
	ts := x.posted(t, lease(sshforward.Open))
	card, _ := w.Message(ts)
	x.pressesBarely(t, "U2", card, map[string]any{"action_id": actionClose, "value": "k7m2q3x"})
	x.told(t, "U2", "C1", "may close it.")
	if now, _ := w.Message(ts); len(now.Edits) > 0 || len(w.Messages("C1")) != 1 {
		t.Errorf("the card became %q, or others see the error", now.Visible())
	}
}

func TestBareClickInTheListListsAgain(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	x := live(t, w, script())
	x.types(t, "U1", "C1", "list")
	m := x.told(t, "U1", "C1", "Your leases: 1")
	x.pressesBarely(t, "U1", m, map[string]any{"action_id": actionExtend, "value": "k7m2q3x 1h", "block_id": "mine.k7m2q3x"})
	waitFor(t, w, func(s *fakeslack.Snapshot) bool {
		now, _ := s.Message(m.TS)
		return len(now.Edits) == 1
	})
}

func TestPromptThatWentIntoADirectMessageLosesItsButtons(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	x := live(t, w, script())
	w.FailNext(fakeslack.MethodResponseURL, fakeslack.Outcome{LoseRequest: true})
	x.types(t, "U1", "G1", "open web-1") // where the bot is not
	dm := w.DM("U1")
	waitFor(t, w, func(s *fakeslack.Snapshot) bool { return len(s.Messages(dm)) == 1 })
	m := w.Messages(dm)[0]
	x.presses(t, "U1", m.TS, actionConfirm)
	waitFor(t, w, func(s *fakeslack.Snapshot) bool {
		now, _ := s.Message(m.TS)
		return len(now.Buttons()) == 0 && strings.Contains(now.Visible(), "Opening `web-1`")
	})
}

func TestAnswerFollowsWhereTheAcknowledgementTakesNone(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	k := &keeper{}
	x := live(t, w, k)
	for _, c := range []struct{ user, team, text, want string }{
		{"U1", "T0FAKE", "help", "A plain SSH connection"},
		{"U1", "T0FAKE", "opne web-1 2h", "Try `/sshforward open web-1 2h`"},
		{"U9", "T9OTHER", "list", "people of the workspace"},
	} {
		url := x.types(t, c.user, "C1", "help").ResponseURL
		waitFor(t, w, func(s *fakeslack.Snapshot) bool { return len(s.Ephemerals(c.user, "C1")) > 0 })
		before := len(w.Ephemerals(c.user, "C1"))
		d, err := w.Deliver(t.Context(), fakeslack.Envelope{Type: fakeslack.TypeSlashCommands, Payload: map[string]any{
			"team_id": c.team, "channel_id": "C1", "user_id": c.user, "text": c.text, "response_url": url}})
		if err != nil || !d.Acked {
			t.Errorf("%q: %+v, %v", c.text, d, err)
		}
		for _, call := range w.Calls(fakeslack.MethodAck) {
			if n := call.Args["bytes"].(int); call.Args["envelope_id"] == d.EnvelopeID && n > 100 {
				t.Errorf("%q: %d bytes of acknowledgement, which Slack drops", c.text, n)
			}
		}
		waitFor(t, w, func(s *fakeslack.Snapshot) bool { return len(s.Ephemerals(c.user, "C1")) == before+1 })
		if m := w.Ephemerals(c.user, "C1")[before]; m.Via != "response_url" || !strings.Contains(m.Visible(), c.want) {
			t.Errorf("%q: via %s %q", c.text, m.Via, m.Visible())
		}
	}
	if len(k.understood()) > 0 {
		t.Error("the keeper was asked")
	}
}

// nameless is Slack whose auth.test says no more than that the token is good.
type nameless struct{ http.RoundTripper }

func (n nameless) RoundTrip(r *http.Request) (*http.Response, error) {
	if !strings.HasSuffix(r.URL.Path, "/auth.test") {
		return n.RoundTripper.RoundTrip(r)
	}
	return &http.Response{StatusCode: 200, Header: http.Header{}, Request: r, Body: io.NopCloser(strings.NewReader(`{"ok":true}`))}, nil
}

func TestWorkspaceThatSlackDoesNotNameIsThatOfTheFirstCommand(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	k := script()
	x := live(t, w, k, func(o *Options) { o.HTTPClient = &http.Client{Transport: nameless{http.DefaultTransport}} })
	nobody := map[string]any{"channel_id": "C1", "user_id": "U1", "text": "list"}
	if _, err := w.Deliver(t.Context(), fakeslack.Envelope{Type: fakeslack.TypeSlashCommands, Payload: nobody}); err != nil {
		t.Fatal(err)
	}
	x.types(t, "U1", "C1", "list")
	x.told(t, "U1", "C1", "Your leases")
	x.types(t, "U9", "C1", "list")
	x.told(t, "U9", "C1", "people of the workspace")
	if _, err := w.ForgeClick(t.Context(), "U9", fakeslack.Forged{Channel: "C1", ActionID: actionApprove, Value: "k7m2q3x"}); err != nil {
		t.Fatal(err)
	}
	x.types(t, "U2", "C1", "list")
	x.told(t, "U2", "C1", "Your leases")
	if n := len(k.understood()); n != 2 {
		t.Errorf("the keeper was asked %d times: %+v", n, k.understood())
	}
	if n := strings.Count(x.log.String(), "Slack does not say which workspace this is"); n != 1 {
		t.Errorf("%d warnings", n)
	}
}

func TestClickOfTwoWorkspacesDecidesNothing(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	k := script()
	x := live(t, w, k, func(o *Options) { o.HTTPClient = &http.Client{Transport: nameless{http.DefaultTransport}} })
	_, err := w.Deliver(t.Context(), fakeslack.Envelope{Type: fakeslack.TypeInteractive, Payload: map[string]any{
		"type": "block_actions", "user": map[string]any{"id": "U9", "team_id": "T9OTHER"}, "team": map[string]any{"id": "T0FAKE"},
		"channel": map[string]any{"id": "C1"}, "actions": []any{map[string]any{"action_id": actionApprove, "value": "k7m2q3x"}}}})
	if err != nil {
		t.Fatal(err)
	}
	x.types(t, "U1", "C1", "list")
	x.told(t, "U1", "C1", "Your leases")
	if n := len(k.understood()); n != 1 {
		t.Errorf("the keeper was asked %d times", n)
	}
}

func TestServerWithoutPingsIsNeverWithoutAConnection(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{PingInterval: time.Hour})
	x := live(t, w, script(), func(o *Options) {
		for n, seconds := range pingTimeouts { // a second for ten
			o.pingTimeouts[n] = seconds / 10
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), pingTimeouts[1]/10+2*time.Second)
	defer cancel()
	live, least, dropped := connections, connections, 0
	for c := range w.Subscribe(ctx) { // every change: a look now and then would miss one that is short
		switch c.Kind {
		case fakeslack.ChangeConnected:
			live++
		case fakeslack.ChangeDisconnected:
			live--
			dropped++
			least = min(least, live)
		}
	}
	if least == 0 || dropped < connections {
		t.Errorf("at least %d connections, %d were dropped", least, dropped)
	}
	x.types(t, "U1", "C1", "list")
}

func TestCommandsAreTakenWithTheFirstConnection(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{MaxConnections: 1}) // there will be no second
	x := begin(t, w, script())
	eventually(t, "connected", x.Connected)
	x.types(t, "U1", "C1", "list")
	x.told(t, "U1", "C1", "Your leases")
}
