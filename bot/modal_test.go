package bot

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/bot/fakeslack"
)

// slow holds back what the keeper says to an open until it is released.
func slow(k *keeper) (release chan struct{}) {
	release = make(chan struct{})
	base := k.do
	k.do = func(ctx context.Context, c sshforward.Caller, cmd operation) (sshforward.Reply, error) {
		switch cmd.(type) {
		case sshforward.OpenLease, sshforward.ConfirmLease, sshforward.DenyLease:
			<-release
		}
		return base(ctx, c, cmd)
	}
	return release
}

func TestSlowKeeperIsWaitedForInTheModal(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	k := saved()
	release := slow(k)
	x := live(t, w, k)
	x.types(t, "U1", "C1", "")
	began := time.Now()
	res := x.submits(t, "U1", x.modalOf(t, "U1", "Instance"), map[string]string{"instance": "i-1"})
	if !strings.Contains(res.View.Visible(), "Looking…") || res.Latency > 2500*time.Millisecond {
		t.Errorf("after %v: %s", res.Latency, res.View.Visible())
	}
	x.types(t, "U2", "C1", "list") // nobody else waits for it
	x.told(t, "U2", "C1", "Your leases")
	time.Sleep(time.Until(began.Add(3200 * time.Millisecond))) // no acknowledgement is taken any more
	close(release)
	v := x.modalOf(t, "U1", "Open it?")
	if res := x.submits(t, "U1", v, nil); !strings.Contains(res.View.Visible(), "Opening") {
		t.Errorf("%+v", res)
	}
}

func TestSlowRefusalGivesTheFormBack(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	k := answers(sshforward.Reply{}, &sshforward.Error{Code: sshforward.EFORBIDDEN, Field: "source",
		Message: sshforward.Textf("Not from <there>.")})
	release := slow(k)
	x := live(t, w, k, func(o *Options) { o.ClickBudget = 100 * time.Millisecond })
	x.types(t, "U1", "C1", "open port 2222")
	x.submits(t, "U1", x.modalOf(t, "U1", "Instance"), map[string]string{"instance": "i-1", "duration": "45m",
		"source": "198.51.100.9", "reason": "a <b>"})
	close(release)
	v := x.modalOf(t, "U1", "Not from &lt;there&gt;.")
	for id, want := range map[string]string{"instance": "i-1", "duration": "45m", "source": "198.51.100.9", "reason": "a <b>"} {
		if got := initial(v, id); got != want {
			t.Errorf("%s is %q, want %q", id, got, want)
		}
	}
	res := x.submits(t, "U1", v, nil) // at once this time
	if res.ViewErrors["source"] != "Not from <there>." {
		t.Errorf("%+v", res)
	}
	if c := k.changed(); len(c) != 2 || c[1].cmd.(sshforward.OpenLease).Port != 2222 || c[1].caller.Channel != "C1" {
		t.Errorf("%+v", c)
	}
}

func TestClosingTheWaitingModalIsANo(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	k := saved()
	release := slow(k)
	x := live(t, w, k, func(o *Options) { o.ClickBudget = 50 * time.Millisecond })
	x.types(t, "U1", "C1", "")
	res := x.submits(t, "U1", x.modalOf(t, "U1", "Instance"), map[string]string{"instance": "i-1"})
	if _, err := w.CloseView(t.Context(), "U1", res.View.ID, false); err != nil {
		t.Fatal(err)
	}
	close(release)
	eventually(t, "cancelled", func() bool { c := k.changed(); return c[len(c)-1].cmd == sshforward.CancelLease{ID: "k7m2q3x"} })
}

func TestOutcomeIsToldWhenTheModalCannotBeReached(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	k := saved()
	release := slow(k)
	x := live(t, w, k, func(o *Options) { o.ClickBudget = 50 * time.Millisecond })
	x.types(t, "U1", "C1", "")
	x.submits(t, "U1", x.modalOf(t, "U1", "Instance"), map[string]string{"instance": "i-1"})
	w.FailNext("views.update", fakeslack.Outcome{Error: "view_too_large"})
	close(release)
	if m := x.told(t, "U1", "C1", "Open SSH to"); !m.HasButton(actionConfirm) {
		t.Error("it cannot be confirmed")
	}
}

func TestModalComesBackAfterA429(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	k := saved()
	release := slow(k)
	x := live(t, w, k, func(o *Options) { o.ClickBudget = 50 * time.Millisecond })
	x.types(t, "U1", "C1", "")
	x.submits(t, "U1", x.modalOf(t, "U1", "Instance"), map[string]string{"instance": "i-1"})
	w.FailNext("views.update", fakeslack.Outcome{Status: 429, RetryAfter: time.Second})
	close(release)
	x.modalOf(t, "U1", "Open it?")
}

func TestTriggerThatIsSpentIsAnsweredWithTheCommand(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]fakeslack.Outcome{
		"expired": {Error: "expired_trigger_id"}, "refused": {Error: "invalid_arguments"},
		"lost": {LoseRequest: true}, "limited": {Status: 429, RetryAfter: time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			w := office(t, fakeslack.Options{})
			x := live(t, w, saved())
			w.FailNext("views.open", o)
			x.types(t, "U1", "C1", "open 2h because disk is full")
			x.told(t, "U1", "C1", "`/sshforward open i-0123456789abcdef0 2h because disk is full`")
		})
	}
	t.Run("too slow", func(t *testing.T) {
		w := office(t, fakeslack.Options{TriggerLife: 100 * time.Millisecond, Latency: 200 * time.Millisecond})
		x := live(t, w, saved())
		x.types(t, "U1", "C1", "")
		x.told(t, "U1", "C1", "`/sshforward open i-0123456789abcdef0`")
	})
	t.Run("none", func(t *testing.T) {
		w := office(t, fakeslack.Options{})
		live(t, w, saved())
		d, err := w.Deliver(t.Context(), fakeslack.Envelope{Type: fakeslack.TypeSlashCommands, AcceptsResponse: true,
			Payload: map[string]any{"team_id": "T0FAKE", "user_id": "U1", "channel_id": "C1", "text": ""}})
		if err != nil || !strings.Contains(string(d.Ack), "Type the command instead") {
			t.Errorf("%s, %v", d.Ack, err)
		}
	})
}

func TestFormDoesNotWaitLongForTheSavedAddress(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	k := saved()
	base := k.do
	release := make(chan struct{})
	k.do = func(ctx context.Context, c sshforward.Caller, cmd operation) (sshforward.Reply, error) {
		if _, ok := cmd.(showSource); ok {
			<-release
		}
		return base(ctx, c, cmd)
	}
	x := live(t, w, k)
	began := time.Now()
	x.types(t, "U1", "C1", "open 30m")
	v := x.modalOf(t, "U1", "Instance")
	if took := time.Since(began); took > time.Second || initial(v, "source") != "" {
		t.Errorf("after %v with %q", took, initial(v, "source"))
	}
	// Somebody else is faster than the look-up: their question stays.
	x.types(t, "U2", "C1", "")
	res := x.submits(t, "U2", x.modalOf(t, "U2", "Instance"), map[string]string{"instance": "i-1"})
	close(release)
	v = x.modalOf(t, "U1", "your saved one: 203.0.113.7")
	if initial(v, "source") != "203.0.113.7" || initial(v, "duration") != "30m" {
		t.Errorf("%q, %q", initial(v, "source"), initial(v, "duration"))
	}
	waitFor(t, w, func(s *fakeslack.Snapshot) bool { return len(s.Calls("views.update")) == 2 })
	x.types(t, "U2", "C1", "list")
	x.told(t, "U2", "C1", "Your leases")
	if now, _ := w.View(res.View.ID); now.CallbackID != "lease.confirm" {
		t.Error("the form came back over the question")
	}
}

func TestRefusalIsToldToWhoClosedTheWaitingModal(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	k := saved()
	base, release := k.do, make(chan struct{})
	k.do = func(ctx context.Context, c sshforward.Caller, cmd operation) (sshforward.Reply, error) {
		if _, ok := cmd.(sshforward.ConfirmLease); ok {
			<-release
			return sshforward.Reply{}, sshforward.Errorf(sshforward.EQUOTA, "You have 3 open already.")
		}
		return base(ctx, c, cmd)
	}
	x := live(t, w, k, func(o *Options) { o.ClickBudget = 300 * time.Millisecond })
	x.types(t, "U1", "C1", "")
	res := x.submits(t, "U1", x.modalOf(t, "U1", "Instance"), map[string]string{"instance": "i-1"})
	res = x.submits(t, "U1", *res.View, nil)
	if _, err := w.CloseView(t.Context(), "U1", res.View.ID, false); err != nil {
		t.Fatal(err)
	}
	close(release)
	x.told(t, "U1", "C1", "You have 3 open already.")
}
