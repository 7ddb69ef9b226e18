package fakeslack_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"

	"github.com/sshforward/sshforward/bot/fakeslack"
)

func asStatus(err error, e *slack.StatusCodeError) bool { return errors.As(err, e) }

// post sends a body to a response URL and returns the error code.
func post(t *testing.T, url, body string) string {
	t.Helper()
	res, err := http.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var out struct{ Error string }
	b, _ := io.ReadAll(res.Body)
	_ = json.Unmarshal(b, &out)
	return out.Error
}

func TestFaultsOnCalls(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		out    fakeslack.Outcome
		posted int
		check  func(error) bool
	}{
		{"429 with Retry-After", fakeslack.Outcome{Status: 429, RetryAfter: 7 * time.Second}, 0, func(err error) bool {
			var e *slack.RateLimitedError
			return errors.As(err, &e) && e.RetryAfter == 7*time.Second
		}},
		{"429 without", fakeslack.Outcome{Status: 429}, 0, func(err error) bool {
			var e slack.StatusCodeError
			return asStatus(err, &e) && e.Code == 429
		}},
		{"503", fakeslack.Outcome{Status: 503}, 0, func(err error) bool {
			var e slack.StatusCodeError
			return asStatus(err, &e) && e.Code == 503
		}},
		{"error code", fakeslack.Outcome{Error: "fatal_error"}, 0, func(err error) bool { return err != nil && err.Error() == "fatal_error" }},
		{"request lost", fakeslack.Outcome{LoseRequest: true}, 0, func(err error) bool { return err != nil }},
		{"answer lost", fakeslack.Outcome{LoseAnswer: true}, 1, func(err error) bool { return err != nil }},
		{"slow", fakeslack.Outcome{Delay: 20 * time.Millisecond, DelayAnswer: 20 * time.Millisecond}, 1,
			func(err error) bool { return err == nil }},
	} {
		w := office(t, fakeslack.Options{})
		w.FailNext("chat.postMessage", c.out)
		api := client(t, w)
		_, _, err := api.PostMessage("C1", slack.MsgOptionText("x", false))
		if !c.check(err) || len(w.Messages("C1")) != c.posted {
			t.Errorf("%s: error %v, %d messages, want %d", c.name, err, len(w.Messages("C1")), c.posted)
		}
		if calls := w.Calls("chat.postMessage"); len(calls) != 1 || !calls[0].Faulted {
			t.Errorf("%s: recorded %+v", c.name, calls)
		}
		if _, _, err := api.PostMessage("C1", slack.MsgOptionText("again", false)); err != nil {
			t.Errorf("%s: the next call fails too: %v", c.name, err)
		}
	}
}

func TestFaultHookSeesTheRecordedCall(t *testing.T) {
	t.Parallel()
	var w *fakeslack.Workspace
	var seen atomic.Int32
	w = office(t, fakeslack.Options{})
	w.SetFault(func(c fakeslack.Call) fakeslack.Outcome {
		if c.Method == "chat.postMessage" && c.Channel == "C1" && c.Args["text"] == "x" && len(w.Calls()) == 1 {
			seen.Add(1)
		}
		return fakeslack.Outcome{Error: "internal_error"}
	})
	_, _, err := client(t, w).PostMessage("C1", slack.MsgOptionText("x", false))
	wantErr(t, err, "internal_error")
	if seen.Load() != 1 {
		t.Error("the call was not recorded before the fault")
	}
}

func TestLostEnvelopeAndLostAck(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{AckDeadline: 150 * time.Millisecond})
	var got atomic.Int32
	startRobot(t, w, func(r *robot, e socketmode.Event) { got.Add(1); _ = r.socket.Ack(*e.Request) })
	for i, method := range []string{fakeslack.MethodEnvelope, fakeslack.MethodAck} {
		w.FailNext(method, fakeslack.Outcome{LoseRequest: true})
		res, err := w.Slash(t.Context(), "U1", "C1", "list")
		if err != nil || res.Error != fakeslack.ErrTimeout || int(got.Load()) != i {
			t.Errorf("%s lost: %+v, %v; the bot saw %d", method, res, err, got.Load())
		}
	}
	w.FailNext(fakeslack.MethodResponseURL, fakeslack.Outcome{Status: 500})
	res, _ := w.Slash(t.Context(), "U1", "C1", "list")
	if err := slack.PostWebhook(res.ResponseURL, &slack.WebhookMessage{Text: "x"}); err == nil {
		t.Error("the response URL did not fail")
	}
}

func TestRefusedDialIsTriedAgain(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	w.FailNext(fakeslack.MethodDial, fakeslack.Outcome{Status: 503})
	w.FailNext("apps.connections.open", fakeslack.Outcome{Status: 429, RetryAfter: 20 * time.Millisecond}) // rounds up to 1 s
	startRobot(t, w, ackAll)
	if n := len(w.Calls(fakeslack.MethodDial)); n != 2 {
		t.Errorf("%d dials, want 2", n)
	}
}

func TestSubscriberSeesEverythingInOrder(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	changes := w.Subscribe(t.Context())
	api := client(t, w)
	_, ts, _ := api.PostMessage("C1", slack.MsgOptionText("a", false))
	_, _, _, _ = api.UpdateMessage("C1", ts, slack.MsgOptionText("b", false))
	_, _, _ = api.DeleteMessage("C1", ts)
	var kinds []string
	last := uint64(0)
	for c := range changes {
		if last != 0 && c.Seq != last+1 {
			t.Errorf("change %d after %d", c.Seq, last)
		}
		last = c.Seq
		if c.Message != nil {
			kinds = append(kinds, c.Kind+" "+c.Message.Text)
		}
		if c.Kind == fakeslack.ChangeDeleted {
			break
		}
	}
	if got := strings.Join(kinds, ","); got != "posted a,edited b,deleted b" {
		t.Errorf("saw %s", got)
	}
}

func TestHistoryIsBounded(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{History: 10})
	api := client(t, w)
	for range 60 {
		if _, err := api.AuthTest(); err != nil {
			t.Fatal(err)
		}
	}
	c := w.Calls()
	if len(c) < 10 || len(c) > 30 || c[len(c)-1].Seq != 60 {
		t.Errorf("%d calls are kept, the last is number %d", len(c), c[len(c)-1].Seq)
	}
}
