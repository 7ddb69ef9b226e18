package bot

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/bot/fakeslack"
)

func TestDenialTakesAReason(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	k := script()
	x := live(t, w, k)
	ts := x.posted(t, lease(sshforward.Pending))
	x.presses(t, "U2", ts, actionDeny)
	v := x.modalOf(t, "U2", "You deny lease `k7m2q3x`")
	if len(k.heard()) > 0 {
		t.Errorf("the click alone did %v", k.heard())
	}
	if _, err := w.SubmitView(t.Context(), "U2", v.ID, nil); err == nil {
		t.Error("denied without a reason")
	}
	if res := x.submits(t, "U2", v, map[string]string{"reason": "  "}); res.ViewErrors["reason"] == "" {
		t.Errorf("denied for nothing: %+v", res)
	}
	x.submits(t, "U2", v, map[string]string{"reason": " Not today, <@U1>. "})
	want := []asked{{sshforward.Caller{Team: "T0FAKE", User: "U2", Channel: "C1", Message: ts},
		sshforward.DenyLease{ID: "k7m2q3x", Because: "Not today, <@U1>."}}}
	if d := cmp.Diff(want, k.heard(), cmp.AllowUnexported(asked{})); d != "" {
		t.Error(d)
	}
	if len(w.Views("U2")) > 0 || len(w.Ephemerals("U2", "")) > 0 {
		t.Error("the modal is still there, or something is said that the card shows")
	}
}

func TestExtensionIsDecidedAboutByItsButtons(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	k := script()
	x := live(t, w, k)
	for _, action := range []string{actionApprove, actionDeny} {
		if _, err := w.ForgeClick(t.Context(), "U2", fakeslack.Forged{Channel: "C1", TS: "1.2", ActionID: action,
			Value: "k7m2q3x 1h30m"}); err != nil {
			t.Fatal(err)
		}
	}
	x.submits(t, "U2", x.modalOf(t, "U2", "You deny 1h30m more"), map[string]string{"reason": "no"})
	c := sshforward.Caller{Team: "T0FAKE", User: "U2", Channel: "C1", Message: "1.2"}
	want := []asked{{c, sshforward.ApproveLease{ID: "k7m2q3x", Extend: 90 * time.Minute}},
		{c, sshforward.DenyLease{ID: "k7m2q3x", Extend: 90 * time.Minute, Because: "no"}}}
	if d := cmp.Diff(want, k.heard(), cmp.AllowUnexported(asked{})); d != "" {
		t.Error(d)
	}
}

func TestRefusedDenialStaysInItsModal(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	k := answers(sshforward.Reply{}, sshforward.Errorf(sshforward.ECONFLICT, "It is open already."))
	x := live(t, w, k)
	ts := x.posted(t, lease(sshforward.Pending))
	x.presses(t, "U2", ts, actionDeny)
	if res := x.submits(t, "U2", x.modalOf(t, "U2", "You deny"),
		map[string]string{"reason": "no"}); res.ViewErrors["reason"] != "It is open already." || len(w.Views("U2")) != 1 {
		t.Errorf("%+v", res)
	}
}

func TestSlowDenial(t *testing.T) {
	t.Parallel()
	for want, err := range map[string]error{"Denied.": nil, "It is open already.": sshforward.Errorf(sshforward.ECONFLICT,
		"It is open already.")} {
		w := office(t, fakeslack.Options{})
		k := answers(sshforward.Reply{Lease: lease(sshforward.Closed)}, err)
		release := slow(k)
		x := live(t, w, k, func(o *Options) { o.ClickBudget = 50 * time.Millisecond })
		x.presses(t, "U2", x.posted(t, lease(sshforward.Pending)), actionDeny)
		x.submits(t, "U2", x.modalOf(t, "U2", "You deny"), map[string]string{"reason": "because of it"})
		x.modalOf(t, "U2", "Looking…")
		close(release)
		if v := x.modalOf(t, "U2", want); err != nil && initial(v, "reason") != "because of it" {
			t.Error("the reason is lost")
		}
	}
}

func TestDenialFromAShownLeaseShowsItAnew(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	k := answers(sshforward.Reply{Lease: lease(sshforward.Pending)}, nil)
	x := live(t, w, k)
	x.types(t, "U2", "C1", "show k7m2q3x")
	m := x.told(t, "U2", "C1", "Needs approval")
	x.presses(t, "U2", m.TS, actionDeny)
	x.submits(t, "U2", x.modalOf(t, "U2", "You deny"), map[string]string{"reason": "no"})
	waitFor(t, w, func(s *fakeslack.Snapshot) bool { now, _ := s.Message(m.TS); return len(now.Edits) == 1 })
}

func TestDenialWhoseFormDoesNotOpenChangesNothing(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	k := script()
	x := live(t, w, k)
	w.FailNext("views.open", fakeslack.Outcome{Error: "expired_trigger_id"})
	x.presses(t, "U2", x.posted(t, lease(sshforward.Pending)), actionDeny)
	x.told(t, "U2", "C1", "nothing was denied. Press Deny again.")
	if len(k.heard()) > 0 {
		t.Errorf("%v", k.heard())
	}
}

func TestTwoApproversDenyAtOnceEachInTheirOwnModal(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	k := script()
	x := live(t, w, k)
	ts := x.posted(t, lease(sshforward.Pending))
	for _, user := range []string{"U1", "U2"} {
		x.presses(t, user, ts, actionDeny)
	}
	for _, user := range []string{"U2", "U1"} {
		x.submits(t, user, x.modalOf(t, user, "You deny"), map[string]string{"reason": "says " + user})
	}
	for i, user := range []string{"U2", "U1"} {
		if got := k.heard()[i]; got.caller.User != user || !strings.HasSuffix(got.cmd.(sshforward.DenyLease).Because, user) {
			t.Errorf("%+v", got)
		}
	}
}

// What a form carries in its metadata is looked at like anything that comes
// from outside: it reaches no message of other people or of other leases.
func TestForgedFormForADenialTouchesNoOtherMessage(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	k := answers(sshforward.Reply{Lease: lease(sshforward.Pending)}, nil)
	x := live(t, w, k)
	x.types(t, "U2", "C1", "show k7m2q3x")
	m := x.told(t, "U2", "C1", "Needs approval")
	x.presses(t, "U2", m.TS, actionDeny)
	honest := x.modalOf(t, "U2", "You deny").PrivateMetadata
	for user, metadata := range map[string]string{
		"U1": honest,
		"U2": strings.Replace(honest, "k7m2q3x", "k7m2q3y", 1),
	} {
		n := len(k.heard())
		if _, err := w.Deliver(t.Context(), fakeslack.Envelope{Type: fakeslack.TypeInteractive, AcceptsResponse: true, Payload: map[string]any{
			"type": "view_submission", "user": map[string]any{"id": user, "team_id": "T0FAKE"}, "team": map[string]any{"id": "T0FAKE"},
			"view": map[string]any{"id": "V1", "type": "modal", "callback_id": formDeny, "private_metadata": metadata,
				"state": map[string]any{"values": map[string]any{"reason": map[string]any{"reason": map[string]any{"type": "plain_text_input",
					"value": "no"}}}}}}}); err != nil {
			t.Fatal(err)
		}
		// The keeper decides, by who sent it.
		if got := k.heard(); len(got) != n+1 || got[n].caller.User != user {
			t.Errorf("%s: %v", user, got[n:])
		}
	}
	time.Sleep(200 * time.Millisecond)
	if now, _ := w.Message(m.TS); len(now.Edits) > 0 {
		t.Errorf("the message of U2 now says %s", now.Visible())
	}
}
