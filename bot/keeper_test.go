package bot

import (
	"strings"
	"testing"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/bot/fakeslack"
)

// whats are what the keeper was given for the audit record.
func (k *keeper) whats() (out []string) {
	for _, a := range k.heard() {
		if u, ok := a.cmd.(sshforward.Unknown); ok {
			out = append(out, a.caller.User+" "+u.What)
		}
	}
	return out
}

func TestWhatCannotBeUnderstoodIsRecorded(t *testing.T) {
	t.Parallel()
	view := func(kind, callback, metadata string) map[string]any {
		return map[string]any{"type": kind, "user": map[string]any{"id": "U2", "team_id": "T0FAKE"}, "team": map[string]any{"id": "T0FAKE"},
			"trigger_id": "1.2.secret", "response_url": "http://127.0.0.1:1/response/secret",
			"view": map[string]any{"id": "V1", "type": "modal", "callback_id": callback, "private_metadata": metadata}}
	}
	suggestion := view("block_suggestion", "x", "")
	suggestion["action_id"] = "colour"
	click := view("block_actions", "", "")
	inModal := view("block_actions", "lease.open", "")
	inModal["actions"] = []any{map[string]any{"action_id": "lease.close", "value": "k7m2q3x"}}
	step := view("view_submission", "lease.confirm", `{"lease":"k7m2q3x"}`)
	step["view"].(map[string]any)["type"] = "workflow_step"
	foreign := view("view_submission", "lease.open", "")
	foreign["user"] = map[string]any{"id": "U9", "team_id": "T9OTHER"}
	for want, payload := range map[string]any{
		"U2 interaction shortcut":                              view("shortcut", "", ""),
		"U2 modal lease.explode":                               view("view_submission", "lease.explode", ""),
		"U2 modal closed.one":                                  view("view_closed", "closed.one", ""),
		"U2 lease of lease.confirm":                            view("view_submission", "lease.confirm", `{"lease":"../x"}`),
		"U2 lease of lease.deny":                               view("view_submission", "lease.deny", `{"lease":"k7m2q3x","extend":"-1h"}`),
		"U2 list colour":                                       suggestion,
		"U2 click in a view of type modal":                     inModal,
		"U2 submission of a view of type workflow_step":        step,
		"U2 click on nothing":                                  click,
		"U9 another workspace":                                 foreign,
		" interaction that cannot be read":                     []any{"nonsense"},
		"U2 interaction view_" + strings.Repeat("x", 82) + "…": view("view_"+strings.Repeat("x", 500), "", ""),
	} {
		w := office(t, fakeslack.Options{})
		k := script()
		x := live(t, w, k)
		d, err := w.Deliver(t.Context(), fakeslack.Envelope{Type: fakeslack.TypeInteractive, Payload: payload, AcceptsResponse: true})
		if err != nil || !d.Acked {
			t.Errorf("%s: %+v, %v", want, d, err)
		}
		eventually(t, want, func() bool { return len(k.whats()) == 1 })
		if got := k.whats()[0]; got != want || len(k.heard()) != 1 {
			t.Errorf("%q, want %q; in all %v", got, want, k.heard())
		}
		if strings.Contains(x.log.String(), "secret") {
			t.Error(x.log.String())
		}
	}
}

func TestSubmissionThatIsNotUnderstoodIsAnswered(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	k := script()
	live(t, w, k)
	d, err := w.Deliver(t.Context(), fakeslack.Envelope{Type: fakeslack.TypeInteractive, AcceptsResponse: true, Payload: map[string]any{
		"type": "view_submission", "user": map[string]any{"id": "U2"}, "team": map[string]any{"id": "T0FAKE"},
		"view": map[string]any{"id": "V1", "type": "modal", "callback_id": "lease.deny", "private_metadata": "{"}}})
	if err != nil || !strings.Contains(string(d.Ack), "I cannot read this form.") {
		t.Errorf("%s, %v", d.Ack, err)
	}
}

func TestClickCarriesItsMessage(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	k := script()
	x := live(t, w, k)
	ts := x.posted(t, lease(sshforward.Open))
	x.presses(t, "U1", ts, actionClose)
	if got := k.heard()[0].caller.Message; got != ts {
		t.Errorf("%q, want %q", got, ts)
	}
}
