package bot

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/bot/fakeslack"
)

// prompted types an open and returns the prompt.
func (x *life) prompted(t testing.TB, channel string) fakeslack.Message {
	t.Helper()
	x.types(t, "U1", channel, "open web-1")
	return x.told(t, "U1", channel, "Open SSH to")
}

// posted posts a card and returns its time stamp.
func (x *life) posted(t testing.TB, l *sshforward.Lease) string {
	t.Helper()
	channel, ts, err := x.Card(t.Context(), l)
	if err != nil {
		t.Fatal(err)
	}
	l.Card.Channel, l.Card.TS = channel, ts
	return ts
}

// script is a keeper that opens, confirms and so on without doing anything.
func script() *keeper {
	return &keeper{do: func(_ context.Context, c sshforward.Caller, cmd operation) (sshforward.Reply, error) {
		one := func(s sshforward.State) (sshforward.Reply, error) {
			l := lease(s)
			l.Owner, l.Channel, l.Direct = c.User, c.Channel, c.Direct
			return sshforward.Reply{Lease: l}, nil
		}
		switch cmd.(type) {
		case sshforward.OpenLease:
			return one(sshforward.Requested)
		case sshforward.ConfirmLease:
			return one(sshforward.Opening)
		case sshforward.CancelLease:
			return one(sshforward.Closed)
		case sshforward.ExtendLease:
			return one(sshforward.Open)
		case sshforward.CloseLease:
			return one(sshforward.Closing)
		case listLeases:
			r, err := one(sshforward.Open)
			return sshforward.Reply{Leases: []*sshforward.Lease{r.Lease}}, err
		case showLease:
			return one(sshforward.Open)
		}
		return sshforward.Reply{}, nil
	}}
}

func TestConfirmTakesThePromptsPlaceAndSaysWhereTheCardIs(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	for channel, where := range map[string]string{"C1": "The card comes into this channel", w.DM("U1"): "The card comes into <#C2>"} {
		x := live(t, w, script())
		m := x.prompted(t, channel)
		x.presses(t, "U1", m.TS, actionConfirm)
		x.told(t, "U1", channel, "Opening `web-1`")
		m, _ = w.Message(m.TS)
		if len(m.Buttons()) > 0 || !strings.Contains(m.Visible(), where) {
			t.Errorf("the prompt now says %q", m.Visible())
		}
		x.stop()
		<-x.done
	}
}

func TestCancelTakesThePromptsPlace(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	x := live(t, w, script())
	m := x.prompted(t, "C1")
	x.presses(t, "U1", m.TS, actionCancel)
	m = x.told(t, "U1", "C1", "Cancelled.")
	if len(m.Buttons()) > 0 {
		t.Error("there are still buttons")
	}
}

func TestClickIsRecordedBeforeItIsAcknowledged(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	var recorded atomic.Bool
	k := &keeper{do: func(context.Context, sshforward.Caller, operation) (sshforward.Reply, error) {
		time.Sleep(300 * time.Millisecond)
		recorded.Store(true)
		return sshforward.Reply{Lease: lease(sshforward.Opening)}, nil
	}}
	x := live(t, w, k)
	ts := x.posted(t, lease(sshforward.Pending))
	res := x.presses(t, "U2", ts, actionApprove)
	if !recorded.Load() || res.Latency < 300*time.Millisecond {
		t.Errorf("acknowledged after %v, before it was recorded", res.Latency)
	}
}

func TestSlowClickIsAcknowledgedInTimeAndAnsweredLater(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	release := make(chan struct{})
	k := &keeper{do: func(context.Context, sshforward.Caller, operation) (sshforward.Reply, error) {
		<-release
		return sshforward.Reply{}, &sshforward.Error{Code: sshforward.ECONFLICT, Message: sshforward.Textf("Somebody was faster.")}
	}}
	x := live(t, w, k, func(o *Options) { o.ClickBudget = 200 * time.Millisecond })
	ts := x.posted(t, lease(sshforward.Pending))
	res := x.presses(t, "U2", ts, actionApprove)
	if res.Latency < 200*time.Millisecond || res.Latency > atOnce {
		t.Errorf("acknowledged after %v", res.Latency)
	}
	close(release)
	x.told(t, "U2", "C1", "Somebody was faster.")
}

func TestErrorOfAClickNeverOverwritesTheCard(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	x := live(t, w, answers(sshforward.Reply{}, &sshforward.Error{Code: sshforward.EFORBIDDEN,
		Message: sshforward.Textf("Only <@U1> may close it.")}))
	ts := x.posted(t, lease(sshforward.Open))
	before, _ := w.Message(ts)
	x.presses(t, "U2", ts, actionClose)
	x.told(t, "U2", "C1", "may close it.")
	after, _ := w.Message(ts)
	if d := cmp.Diff(before.Visible(), after.Visible()); d != "" {
		t.Error(d)
	}
	if len(w.Messages("C1")) != 1 {
		t.Error("others see it")
	}
}

func TestButtonsOfTheCardReachTheKeeperAndLeaveTheCardAlone(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	k := script()
	x := live(t, w, k)
	ts := x.posted(t, lease(sshforward.Open))
	x.presses(t, "U1", ts, actionExtend)
	x.presses(t, "U1", ts, actionClose)
	var got []operation
	for _, a := range k.heard() {
		got = append(got, a.cmd)
	}
	want := []operation{sshforward.ExtendLease{Ref: "k7m2q3x", Duration: time.Hour}, sshforward.CloseLease{Ref: "k7m2q3x"}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if n := len(w.Calls(fakeslack.MethodResponseURL, "chat.update")); n != 0 {
		t.Errorf("%d messages were changed or sent", n)
	}
}

func TestReminderLosesItsButtonsOnceOneWasPressed(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	x := live(t, w, script())
	l := lease(sshforward.Open)
	x.posted(t, l)
	if _, err := x.Notice(t.Context(), l, sshforward.Notice{Kind: sshforward.NoticeReminder}); err != nil {
		t.Fatal(err)
	}
	reminder := w.Messages("C1")[1]
	x.presses(t, "U1", reminder.TS, actionExtend)
	waitFor(t, w, func(s *fakeslack.Snapshot) bool {
		m, _ := s.Message(reminder.TS)
		return len(m.Buttons()) == 0 && strings.Contains(m.Visible(), "<@U1> extended access")
	})
}

func TestListIsListedAgainAfterAClickInIt(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	closed := atomic.Bool{}
	k := &keeper{do: func(_ context.Context, _ sshforward.Caller, cmd operation) (sshforward.Reply, error) {
		if _, ok := cmd.(sshforward.CloseLease); ok {
			closed.Store(true)
			return sshforward.Reply{Lease: lease(sshforward.Closing)}, nil
		}
		if closed.Load() {
			return sshforward.Reply{Leases: []*sshforward.Lease{lease(sshforward.Closing)}}, nil
		}
		return sshforward.Reply{Leases: []*sshforward.Lease{lease(sshforward.Open)}}, nil
	}}
	x := live(t, w, k)
	x.types(t, "U1", "C1", "list")
	m := x.told(t, "U1", "C1", "Your leases: 1")
	x.presses(t, "U1", m.TS, actionClose)
	now := x.told(t, "U1", "C1", "is being closed")
	if now.TS != m.TS || len(now.Buttons()) > 0 {
		t.Errorf("%s with %v, want the list itself without buttons", now.Visible(), now.Buttons())
	}
}

func TestUnknownButtonIsAcknowledgedAndRecorded(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	k := &keeper{}
	x := live(t, w, k)
	res, err := w.ForgeClick(t.Context(), "U1", fakeslack.Forged{Channel: "C1", ActionID: "lease.explode", Value: "k7m2q3x"})
	if err != nil || !res.Acked {
		t.Errorf("%+v, %v", res, err)
	}
	x.told(t, "U1", "C1", "I cannot read this button.")
	eventually(t, "recorded", func() bool { return len(k.heard()) == 1 })
	if k.heard()[0].cmd != (sshforward.Unknown{What: "button lease.explode"}) {
		t.Errorf("the keeper heard %v", k.heard())
	}
	if !strings.Contains(x.log.String(), "lease.explode") {
		t.Error("it is not in the log")
	}
}

func TestForgedValueNeverReachesTheKeeper(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	k := &keeper{}
	x := live(t, w, k)
	for action, value := range map[string]string{
		actionConfirm: "", actionCancel: "k7m2q3x 1h", actionApprove: "../k7m2q3x", actionDeny: "<!here>",
		actionClose: "all", actionExtend: "k7m2q3x -1h", actionAbandon: "k7m2q3x",
	} {
		res, err := w.ForgeClick(t.Context(), "U2", fakeslack.Forged{Channel: "C1", ActionID: action, Value: value})
		if err != nil || !res.Acked {
			t.Errorf("%s %q: %+v, %v", action, value, res, err)
		}
	}
	eventually(t, "all are answered", func() bool { return len(w.Ephemerals("U2", "C1")) == 7 })
	eventually(t, "all are recorded", func() bool { return len(k.heard()) == 7 })
	for _, a := range k.heard() {
		if what, ok := a.cmd.(sshforward.Unknown); !ok || !strings.HasPrefix(what.What, "value of lease.") {
			t.Errorf("the keeper heard %v", a.cmd)
		}
	}
	_ = x
}

func TestForgedConfirmOnTheCardDoesNotOverwriteIt(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	x := live(t, w, script())
	ts := x.posted(t, lease(sshforward.Open))
	before, _ := w.Message(ts)
	if _, err := w.ForgeClick(t.Context(), "U2", fakeslack.Forged{Channel: "C1", TS: ts, ActionID: actionConfirm, Value: "k7m2q3x",
		BlockID: "prompt.k7m2q3x"}); err != nil {
		t.Fatal(err)
	}
	x.types(t, "U1", "C1", "list")
	x.told(t, "U1", "C1", "Your leases")
	if after, _ := w.Message(ts); len(after.Edits) > 0 {
		t.Errorf("%s became %s", before.Visible(), after.Visible())
	}
}

func TestPanicDuringAClickIsToldAndAcknowledged(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	x := live(t, w, &keeper{do: func(context.Context, sshforward.Caller, operation) (sshforward.Reply, error) { panic("a bug") }})
	x.presses(t, "U2", x.posted(t, lease(sshforward.Pending)), actionApprove)
	x.told(t, "U2", "C1", "Something went wrong on my side")
}

func TestOtherInteractionsAndEventsAreJustAcknowledged(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	live(t, w, &keeper{})
	if res, err := w.OpenHome(t.Context(), "U1"); err != nil || !res.Acked {
		t.Errorf("%+v, %v", res, err)
	}
	for kind, payload := range map[string]any{
		fakeslack.TypeInteractive:   map[string]any{"type": "shortcut"},
		fakeslack.TypeEventsAPI:     map[string]any{"type": "something_new"}, // slack-go cannot read it
		fakeslack.TypeSlashCommands: []any{"nonsense"},
	} {
		d, err := w.Deliver(t.Context(), fakeslack.Envelope{Type: kind, Payload: payload})
		if err != nil || !d.Acked {
			t.Errorf("%s: %+v, %v", kind, d, err)
		}
	}
}

// Whoever cannot get in presses a button, and is told alone; a value that is none
// is in the record.
func TestCannotGetIn(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	l := lease(sshforward.Open)
	x := live(t, w, answers(sshforward.Reply{Lease: l}, nil))
	ts := x.posted(t, l)
	before := w.Messages("C1")[0].Visible()
	x.presses(t, "U2", ts, actionHelp)
	x.told(t, "U2", "C1", "What it most likely is")
	if after := w.Messages("C1")[0].Visible(); after != before {
		t.Errorf("the card changed to %q", after)
	}
}
