package bot

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/bot/fakeslack"
)

// desk is a keeper with leases that change.
type desk struct {
	*keeper
	mu     sync.Mutex
	leases []*sshforward.Lease
	source map[string]string
}

func newDesk(leases ...*sshforward.Lease) *desk {
	k := &desk{keeper: new(keeper), leases: leases, source: map[string]string{}}
	k.do = func(_ context.Context, c sshforward.Caller, cmd operation) (sshforward.Reply, error) {
		k.mu.Lock()
		defer k.mu.Unlock()
		var r sshforward.Reply
		switch cmd := cmd.(type) {
		case sshforward.SetSource:
			k.source[c.User] = sshforward.FormatSources(cmd.Sources)
		case sshforward.CloseLease:
			for i, l := range k.leases {
				if l.ID == cmd.Ref {
					l = l.Clone()
					l.State, l.Reason = sshforward.Closing, sshforward.ClosedByUser
					k.leases[i], r.Lease = l, l
				}
			}
		case sshforward.ApproveLease:
			return r, sshforward.Errorf(sshforward.EFORBIDDEN, "Not you, <@%s>.", c.User)
		}
		return r, nil
	}
	k.overview = func(c sshforward.Caller) (o sshforward.Overview) {
		k.mu.Lock()
		defer k.mu.Unlock()
		if k.source[c.User] != "" {
			o.Sources, _ = sshforward.ParseSources(k.source[c.User])
		}
		for _, l := range k.leases {
			switch {
			case l.Owner == c.User:
				o.Leases = append(o.Leases, l)
			case l.State == sshforward.Pending || l.Asked.Pending():
				o.Waiting = append(o.Waiting, l)
			}
		}
		o.Past = []sshforward.Event{{Lease: "past001", Instance: "i-1", Name: "<old>", Ended: noon, Cost: 0.5}}
		o.Month = sshforward.Bill{Since: noon, Leases: 3, Cost: 1.25}
		return o
	}
	return k
}

// set changes a lease, as if the keeper's work had gone on.
func (k *desk) set(l *sshforward.Lease) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for i := range k.leases {
		if k.leases[i].ID == l.ID {
			k.leases[i] = l
			return
		}
	}
	k.leases = append(k.leases, l)
}

// home waits until somebody's Home has a text.
func (x *life) home(t testing.TB, user, text string) fakeslack.View {
	t.Helper()
	var found fakeslack.View
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := x.w.Wait(ctx, func(s *fakeslack.Snapshot) bool {
		v, ok := s.Home(user)
		found = v
		return ok && strings.Contains(v.Visible(), text)
	}); err != nil {
		t.Fatalf("the Home of %s never has %q, but %q", user, text, found.Visible())
	}
	return found
}

func (x *life) opensHome(t testing.TB, user string) {
	t.Helper()
	if res, err := x.w.OpenHome(context.Background(), user); err != nil || !res.Acked || res.Latency > atOnce {
		t.Fatalf("%+v, %v", res, err)
	}
}

func pending(id, owner string) *sshforward.Lease {
	return with(sshforward.Pending, func(l *sshforward.Lease) { l.ID, l.Owner = id, owner })
}

func TestHomeShowsWhatConcernsTheViewer(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	asks := with(sshforward.Open, func(l *sshforward.Lease) {
		l.ID, l.Owner, l.Asked = "ask0001", "U2", sshforward.ExtensionRequest{User: "U2", By: 90 * time.Minute, At: noon}
	})
	k := newDesk(lease(sshforward.Open), pending("want001", "U2"), asks)
	k.source["U1"] = "203.0.113.7"
	x := live(t, w, k)
	x.opensHome(t, "U1")
	v := x.home(t, "U1", "Your leases: 1")
	for _, want := range []string{"Waiting for your decision: 2", "<@U2> asks for 1h30m more.", "Reason: disk is full",
		"`web-1` (i-0abc1234def567890) is *open*",
		"Your leases are for `203.0.113.7`", "This month (UTC): 3 leases, about $1.25", "&lt;old&gt;", "about $0.50"} {
		if !strings.Contains(v.Visible(), want) {
			t.Errorf("it lacks %q:\n%s", want, v.Visible())
		}
	}
	var got []string
	for _, b := range v.Buttons() {
		got = append(got, b.ActionID+" "+b.Value)
	}
	want := []string{"home.open ", "lease.approve want001", "lease.deny want001", "lease.claim want001",
		"lease.approve ask0001 1h30m", "lease.deny ask0001 1h30m", "lease.claim ask0001 1h30m",
		"lease.extend k7m2q3x 1h", "lease.close k7m2q3x", "home.source 203.0.113.7", "lease.again past001"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	x.opensHome(t, "U2") // who is told their own
	if v := x.home(t, "U2", "Your leases: 2"); v.HasButton(actionApprove) || !strings.Contains(v.Visible(), "You have saved none.") {
		t.Errorf("%s", v.Visible())
	}
	if k.heard()[0].caller != (sshforward.Caller{Team: "T0FAKE", User: "U1", Direct: true}) {
		t.Errorf("%+v", k.heard()[0].caller)
	}
}

func TestClicksInHome(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	k := newDesk(lease(sshforward.Open), pending("want001", "U2"))
	x := live(t, w, k)
	x.opensHome(t, "U1")
	v := x.home(t, "U1", "Your leases: 1")

	x.presses(t, "U1", v.ID, actionClose) // done: Home shows it
	x.home(t, "U1", "is being closed")
	x.presses(t, "U1", v.ID, actionApprove) // refused: said in a modal
	m := x.modalOf(t, "U1", "Not you, &lt;@U1&gt;.")
	if m.Submit != "" {
		t.Error("there is something to submit")
	}
	w.FailNext("views.open", fakeslack.Outcome{Error: "expired_trigger_id"})
	x.presses(t, "U1", v.ID, actionApprove)
	waitFor(t, w, func(s *fakeslack.Snapshot) bool {
		all := s.Messages(w.DM("U1"))
		return len(all) == 1 && strings.Contains(all[0].Visible(), "Not you")
	})
	if len(w.Views("U1")) > 0 { // the note, which the second click did not replace
		if _, err := w.CloseView(t.Context(), "U1", w.Views("U1")[0].ID, true); err != nil {
			t.Fatal(err)
		}
	}
	x.presses(t, "U1", v.ID, actionDeny)
	x.submits(t, "U1", x.modalOf(t, "U1", "You deny lease `want001`"), map[string]string{"reason": "no"})
	for _, a := range k.heard() {
		if a.caller.Channel != "" || !a.caller.Direct || a.caller.Message != "" {
			t.Errorf("%+v", a)
		}
	}
}

func TestFormFromHome(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	k := saved()
	x := live(t, w, k)
	x.opensHome(t, "U1")
	x.presses(t, "U1", x.home(t, "U1", "You have no lease.").ID, actionForm)
	res := x.submits(t, "U1", x.modalOf(t, "U1", "Instance"), map[string]string{"instance": "i-1"})
	res = x.submits(t, "U1", *res.View, nil)
	if !strings.Contains(res.View.Visible(), "The card comes into <#C2>.") {
		t.Errorf("%s", res.View.Visible())
	}
	if c := k.changed()[0].caller; c != (sshforward.Caller{Team: "T0FAKE", User: "U1", Direct: true}) {
		t.Errorf("%+v", c)
	}
}

func TestSourceAddressIsChangedInHome(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	k := newDesk()
	x := live(t, w, k)
	x.opensHome(t, "U1")
	v := x.home(t, "U1", "You have saved none.")
	x.presses(t, "U1", v.ID, actionSource)
	m := x.modalOf(t, "U1", "From which address do you connect?")
	if res := x.submits(t, "U1", m, map[string]string{"source": "10.0.0.300"}); !strings.Contains(res.ViewErrors["source"],
		"not an IPv4 address") {
		t.Errorf("%+v", res)
	}
	x.submits(t, "U1", m, map[string]string{"source": "http://198.51.100.9/"})
	v = x.home(t, "U1", "198.51.100.9")
	x.presses(t, "U1", v.ID, actionSource)
	if m = x.modalOf(t, "U1", "From which address"); initial(m, "source") != "198.51.100.9" {
		t.Errorf("filled in with %q", initial(m, "source"))
	}
	x.submits(t, "U1", m, map[string]string{"source": ""})
	x.home(t, "U1", "You have saved none.")
	x.types(t, "U1", "C1", "ip 203.0.113.9") // Home hears of what is typed
	x.home(t, "U1", "203.0.113.9")
	if _, err := w.ForgeClick(t.Context(), "U1", fakeslack.Forged{Channel: "C1", ActionID: actionSource, Value: "<!here>"}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "recorded", func() bool { return len(k.whats()) == 1 && k.whats()[0] == "U1 value of home.source" })
}

func TestRefusedSourceStandsUnderItsInput(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	k := newDesk()
	base := k.do
	k.do = func(ctx context.Context, c sshforward.Caller, cmd operation) (sshforward.Reply, error) {
		if _, ok := cmd.(sshforward.SetSource); ok {
			return sshforward.Reply{}, sshforward.Errorf(sshforward.EFORBIDDEN, "Not from there.")
		}
		return base(ctx, c, cmd)
	}
	x := live(t, w, k)
	x.opensHome(t, "U1")
	x.presses(t, "U1", x.home(t, "U1", "You have saved none.").ID, actionSource)
	if res := x.submits(t, "U1", x.modalOf(t, "U1", "From which"),
		map[string]string{"source": "203.0.113.9"}); res.ViewErrors["source"] != "Not from there." {
		t.Errorf("%+v", res)
	}
}

func TestUrgentYesInHomeIsAskedForTwice(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	k := pressing()
	base := k.do
	k.do = func(ctx context.Context, c sshforward.Caller, cmd operation) (sshforward.Reply, error) {
		if _, ok := cmd.(showOverview); ok {
			return sshforward.Reply{Leases: []*sshforward.Lease{lease(sshforward.Requested)}}, nil
		}
		return base(ctx, c, cmd)
	}
	x := live(t, w, k)
	x.opensHome(t, "U1")
	x.presses(t, "U1", x.home(t, "U1", "Your leases: 1").ID, actionConfirm)
	res := x.submits(t, "U1", x.modalOf(t, "U1", "without approval?"), nil)
	if !strings.Contains(res.View.Visible(), "Opening") {
		t.Errorf("%s", res.View.Visible())
	}
}

// views are all views at their longest.
func TestLongestViewsFit(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	k := newDesk()
	for i := range 120 {
		l := worst(sshforward.Open)
		l.ID = fmt.Sprintf("%07d", i)
		if i%2 == 0 {
			l.Owner = "U2"
			l.Asked = sshforward.ExtensionRequest{User: "U2", By: 1<<63 - 1}
		}
		k.set(l)
	}
	base := k.overview
	k.overview = func(c sshforward.Caller) sshforward.Overview {
		o := base(c)
		o.Past = nil
		for range 30 {
			o.Past = append(o.Past, sshforward.Event{Lease: hostile, Instance: hostile, Name: hostile, Ended: noon, Cost: 1e9})
		}
		for range 10 {
			o.Sources = append(o.Sources, prefixes("255.255.255.255/32")...)
		}
		return o
	}
	x := live(t, w, k)
	x.opensHome(t, "U1")
	v := x.home(t, "U1", "42 more are not shown here")
	if n := len(v.Blocks); n > 100 || n < 80 {
		t.Errorf("%d blocks", n)
	}
	for _, bad := range []string{"<!channel", "<!here", "@here", "@channel", "<https:", "<#C1", "<!subteam^S1>"} {
		if strings.Contains(v.Visible(), bad) {
			t.Errorf("Home contains %s", bad)
		}
	}
	for _, b := range v.Blocks {
		verbatim(t, map[string]any(b))
	}
	l := worst(sshforward.Requested)
	l.Urgent = true
	m := meta{Channel: "C0123456789", Message: "1234567890.123456", Lease: "k7m2q3x", Click: strings.Repeat("x", 36), Extend: "36500d"}
	says := paragraph(escape(hostile))
	f := formFields{instance: option(hostile, hostile), duration: hostile, source: strings.Repeat("255.255.255.255/32, ", 10),
		saved: strings.Repeat("255.255.255.255/32, ", 10), reason: hostile}
	full := k.overview(ann)
	for tag, v := range languages {
		for name, view := range map[string]any{
			"form": v.form(f, m, hostile), "confirm": v.confirmForm(l, m), "urgent": v.urgentForm(l, m), "note": v.noteOf(says),
			"failed": v.confirmFailed(sshforward.Errorf(sshforward.EQUOTA, "%s", hostile), m), "deny": v.denyForm(m, hostile, hostile),
			"source": v.sourceForm(hostile, hostile), "looking": v.pleaseWait(), "opening": v.noteOf(v.replyConfirm(l)),
			"home": homeOf(v.home(ann, full, noon)), "homeless": homeOf(v.homeUnavailable(sshforward.Errorf(sshforward.EQUOTA, "%s", hostile))),
		} {
			if errs := fakeslack.CheckView(view); len(errs) > 0 {
				t.Errorf("%s %s: %v", name, tag, errs)
			}
		}
	}
}

func TestViewTooLongForAnAcknowledgementComesByItself(t *testing.T) {
	t.Parallel()
	l := worst(sshforward.Requested)
	x := live(t, office(t, fakeslack.Options{}), answers(sshforward.Reply{Lease: l}, nil))
	x.types(t, "U1", "C1", "")
	x.submits(t, "U1", x.modalOf(t, "U1", "Instance"), map[string]string{"instance": "i-1"})
	x.modalOf(t, "U1", "Open it?")
}
