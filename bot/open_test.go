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

// modalOf waits for a modal with a text in front of somebody.
func (x *life) modalOf(t testing.TB, user, text string) fakeslack.View {
	t.Helper()
	var found fakeslack.View
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := x.w.Wait(ctx, func(s *fakeslack.Snapshot) bool {
		all := s.Views(user)
		if len(all) == 0 || !strings.Contains(all[len(all)-1].Visible(), text) {
			return false
		}
		found = all[len(all)-1]
		return true
	}); err != nil {
		t.Fatalf("%s never saw a modal with %q, but %v", user, text, x.w.Views(user))
	}
	if errs := fakeslack.CheckView(viewOf(found)); len(errs) > 0 {
		t.Error(errs)
	}
	return found
}

// viewOf is a view as it was sent, as far as its limits go.
func viewOf(v fakeslack.View) map[string]any {
	text := func(s string) map[string]any { return map[string]any{"type": "plain_text", "text": s} }
	out := map[string]any{"type": v.Type, "blocks": v.Blocks, "private_metadata": v.PrivateMetadata, "callback_id": v.CallbackID}
	if v.Type == "modal" {
		out["title"] = text(v.Title)
		if v.Submit != "" {
			out["submit"] = text(v.Submit)
		}
		if v.Close != "" {
			out["close"] = text(v.Close)
		}
	}
	return out
}

// submits fills in a modal and sends it.
func (x *life) submits(t testing.TB, user string, v fakeslack.View, values map[string]string) fakeslack.Result {
	t.Helper()
	res, err := x.w.SubmitView(context.Background(), user, v.ID, values)
	if err != nil {
		t.Fatal(err)
	}
	if res.Error != "" {
		t.Errorf("the person is shown %s %v", res.Error, res.Detail)
	}
	return res
}

// initial is what an input of a view is filled in with.
func initial(v fakeslack.View, id string) string {
	for _, b := range v.Blocks {
		if b["block_id"] != id {
			continue
		}
		el := b["element"].(map[string]any)
		if o, ok := el["initial_option"].(map[string]any); ok {
			return o["value"].(string)
		}
		s, _ := el["initial_value"].(string)
		return s
	}
	return ""
}

// commands are what the keeper was asked that changes something.
func (k *keeper) changed() []asked {
	var out []asked
	for _, a := range k.heard() {
		if changesHome(a.cmd) {
			out = append(out, a)
		}
	}
	return out
}

// saved is a script with a saved address.
func saved() *keeper {
	k := script()
	base := k.do
	k.do = func(ctx context.Context, c sshforward.Caller, cmd operation) (sshforward.Reply, error) {
		switch cmd.(type) {
		case showSource:
			return sshforward.Reply{Sources: prefixes("203.0.113.7/32")}, nil
		case listInstances:
			return sshforward.Reply{Instances: []sshforward.Instance{instance1}}, nil
		}
		return base(ctx, c, cmd)
	}
	return k
}

func TestFormFromABareCommandToTheCard(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	k := saved()
	x := live(t, w, k, func(o *Options) { o.Duration = time.Hour })
	if res := x.types(t, "U1", "C1", ""); res.Latency > atOnce || res.Message != nil {
		t.Errorf("acknowledged after %v with %v", res.Latency, res.Message)
	}
	v := x.modalOf(t, "U1", "Open SSH access")
	if v.CallbackID != "lease.open" || initial(v, "source") != "203.0.113.7" || initial(v, "duration") != "1h" {
		t.Errorf("%s with %q, %q", v.CallbackID, initial(v, "source"), initial(v, "duration"))
	}
	res, err := w.Suggest(t.Context(), "U1", v.ID, "instance", "")
	if err != nil || len(res.Options) != 1 ||
		res.Options[0] != (fakeslack.Option{Text: "web-1 (i-0abc1234def567890) · us-east-1a · main", Value: "i-0abc1234def567890"}) {
		t.Fatalf("%+v, %v", res, err)
	}
	res = x.submits(t, "U1", v, map[string]string{"instance": res.Options[0].Value, "duration": "2h",
		"source": "203.0.113.7, 198.51.100.0/28", "reason": " disk is full\n& more "})
	if res.Action != "update" || res.View == nil || res.View.CallbackID != "lease.confirm" || !res.View.NotifyOnClose {
		t.Fatalf("%+v", res)
	}
	v = *res.View
	for _, want := range []string{"Open it?", "web-1", "10.0.1.5", "us-east-1a", "about $0.06", "k7m2q3x", "not needed"} {
		if !strings.Contains(v.Visible(), want) {
			t.Errorf("the question lacks %q:\n%s", want, v.Visible())
		}
	}
	if v.Submit != "Open" || v.Close != "Cancel" || len(v.Buttons()) > 0 {
		t.Errorf("%q, %q, %v", v.Submit, v.Close, v.Buttons())
	}
	res = x.submits(t, "U1", v, nil)
	if res.View == nil || !strings.Contains(res.View.Visible(), "Opening `web-1`") ||
		!strings.Contains(res.View.Visible(), "The card comes into this channel") || res.View.Submit != "" || res.View.NotifyOnClose {
		t.Errorf("%+v", res.View)
	}
	at := sshforward.Caller{Team: "T0FAKE", User: "U1", Channel: "C1"}
	want := []asked{
		{at, sshforward.OpenLease{Instance: "i-0abc1234def567890", Duration: 2 * time.Hour,
			Sources: prefixes("203.0.113.7/32", "198.51.100.0/28"), Because: "disk is full\n& more"}},
		{at, sshforward.ConfirmLease{ID: "k7m2q3x"}},
	}
	if d := cmp.Diff(want, k.changed(), compare, cmp.AllowUnexported(asked{})); d != "" {
		t.Error(d)
	}
	if len(w.Messages("C1")) > 0 || len(w.Ephemerals("U1", "")) > 0 || len(w.Failures()) > 0 {
		t.Error("something was said in the channel, or went wrong")
	}
}

func TestFormKeepsWhatWasTyped(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	k := saved()
	x := live(t, w, k)
	x.types(t, "U1", "G1", "open 2h from 198.51.100.9 port 2222 urgent because R&amp;D &lt;b&gt;")
	v := x.modalOf(t, "U1", "Port 2222")
	for id, want := range map[string]string{"duration": "2h", "source": "198.51.100.9", "reason": "R&D <b>"} {
		if got := initial(v, id); got != want {
			t.Errorf("%s is %q, want %q", id, got, want)
		}
	}
	x.submits(t, "U1", v, map[string]string{"instance": "i-0abc1234def567890"})
	want := []asked{{sshforward.Caller{Team: "T0FAKE", User: "U1", Channel: "G1"}, sshforward.OpenLease{Instance: "i-0abc1234def567890",
		Duration: 2 * time.Hour, Sources: prefixes("198.51.100.9/32"), Port: 2222, Urgent: true, Because: "R&D <b>"}}}
	if d := cmp.Diff(want, k.changed(), compare, cmp.AllowUnexported(asked{})); d != "" {
		t.Error(d)
	}
}

func TestUrgentLeaseFromTheFormIsAskedAboutTwice(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	k := pressing()
	x := live(t, w, k)
	x.types(t, "U1", "C1", "open urgent")
	res := x.submits(t, "U1", x.modalOf(t, "U1", "Urgent"), map[string]string{"instance": "i-1"})
	res = x.submits(t, "U1", *res.View, nil)
	if res.View == nil || !strings.Contains(res.View.Visible(), "without approval?") || res.View.CallbackID != "lease.confirm" {
		t.Fatalf("%+v", res.View)
	}
	res = x.submits(t, "U1", *res.View, nil)
	if !strings.Contains(res.View.Visible(), "Opening") {
		t.Errorf("%s", res.View.Visible())
	}
	if got := k.changed()[1:]; got[0].cmd != (sshforward.ConfirmLease{ID: "k7m2q3x"}) ||
		got[1].cmd != (sshforward.ConfirmLease{ID: "k7m2q3x", Urgent: true}) {
		t.Errorf("%v", got)
	}
}

// pressing is a script in which a yes is not enough.
func pressing() *keeper {
	k := script()
	base := k.do
	k.do = func(ctx context.Context, c sshforward.Caller, cmd operation) (sshforward.Reply, error) {
		l := lease(sshforward.Requested)
		l.Urgent = true
		switch cmd := cmd.(type) {
		case sshforward.OpenLease:
			return sshforward.Reply{Lease: l}, nil
		case sshforward.ConfirmLease:
			if !cmd.Urgent {
				return sshforward.Reply{Lease: l}, nil
			}
		}
		return base(ctx, c, cmd)
	}
	return k
}

func TestUrgentPromptIsReplacedByTheSecondQuestion(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	x := live(t, w, pressing())
	x.types(t, "U1", "C1", "open web-1 urgent")
	m := x.told(t, "U1", "C1", "Open SSH to")
	x.presses(t, "U1", m.TS, actionConfirm)
	again := x.told(t, "U1", "C1", "without approval?")
	if again.TS != m.TS {
		t.Error("the prompt is still there")
	}
	x.presses(t, "U1", m.TS, actionConfirm, "k7m2q3x urgent")
	x.told(t, "U1", "C1", "Opening `web-1`")
}

func TestMistakesStandUnderTheirInputs(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	refuse := sshforward.Errorf(sshforward.EFORBIDDEN, "No.")
	k := saved()
	base := k.do
	k.do = func(ctx context.Context, c sshforward.Caller, cmd operation) (sshforward.Reply, error) {
		if _, ok := cmd.(sshforward.OpenLease); ok {
			e := *refuse
			return sshforward.Reply{}, &e
		}
		return base(ctx, c, cmd)
	}
	x := live(t, w, k)
	x.types(t, "U1", "C1", "")
	v := x.modalOf(t, "U1", "Open SSH access")
	for _, c := range []struct {
		values map[string]string
		field  string // of the keeper's refusal
		want   map[string]string
	}{
		{map[string]string{"instance": "i-1", "duration": "2 houses", "source": "home"}, "",
			map[string]string{"duration": "2 houses", "source": "home"}},
		{map[string]string{"instance": "i-1", "source": "2001:db8::1"}, "", map[string]string{"source": "IPv6"}},
		{map[string]string{"instance": strings.Repeat("x", 151)}, "", map[string]string{"instance": "Choose an instance."}},
		{map[string]string{"instance": "a\x00b"}, "", map[string]string{"instance": "control character"}},
		{map[string]string{"instance": "i-1"}, "reason", map[string]string{"reason": "No."}},
		{map[string]string{"instance": "i-1"}, "duration", map[string]string{"duration": "No."}},
		{map[string]string{"instance": "i-1"}, "source", map[string]string{"source": "No."}},
		{map[string]string{"instance": "i-1"}, "", map[string]string{"instance": "No."}},
		{map[string]string{"instance": "i-1"}, "nonsense", map[string]string{"instance": "No."}},
	} {
		refuse.Field = c.field
		res := x.submits(t, "U1", v, c.values)
		if len(res.ViewErrors) != len(c.want) {
			t.Errorf("%v: %v", c.values, res.ViewErrors)
		}
		for id, want := range c.want {
			if !strings.Contains(res.ViewErrors[id], want) {
				t.Errorf("%v: %s is %q, want %q", c.values, id, res.ViewErrors[id], want)
			}
		}
	}
	res, err := w.ForgeSubmit(t.Context(), "U1", v.ID, map[string]any{"instance": map[string]any{"instance": "no object"}, "reason": nil})
	if err != nil || res.ViewErrors["instance"] != "Choose an instance." {
		t.Errorf("%+v, %v", res, err)
	}
	res, err = w.ForgeSubmit(t.Context(), "U1", v.ID,
		map[string]any{"reason": map[string]any{"reason": map[string]any{"value": strings.Repeat("語", 501)}}})
	if err != nil || !strings.Contains(res.ViewErrors["reason"], "501") {
		t.Errorf("%+v, %v", res, err)
	}
	if x.submits(t, "U1", v, map[string]string{"instance": "i-1"}); len(w.Views("U1")) != 1 {
		t.Error("the form has gone")
	}
}

func TestSeveralInstancesOfOneNameAreAnError(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	x := live(t, w, answers(sshforward.Reply{Choose: true, Instances: []sshforward.Instance{instance1, instance1}}, nil))
	x.types(t, "U1", "C1", "")
	if res := x.submits(t, "U1", x.modalOf(t, "U1", "Instance"),
		map[string]string{"instance": "web-1"}); !strings.Contains(res.ViewErrors["instance"], "several instances") {
		t.Errorf("%+v", res)
	}
}

func TestClosingTheQuestionCancels(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	k := saved()
	x := live(t, w, k)
	x.types(t, "U1", "C1", "")
	res := x.submits(t, "U1", x.modalOf(t, "U1", "Instance"), map[string]string{"instance": "i-1"})
	if res, err := w.CloseView(t.Context(), "U1", res.View.ID, true); err != nil || !res.Acked {
		t.Fatal(res, err)
	}
	eventually(t, "cancelled", func() bool { c := k.changed(); return c[len(c)-1].cmd == sshforward.CancelLease{ID: "k7m2q3x"} })
}

func TestClosingTheFormIsNothing(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	k := saved()
	x := live(t, w, k)
	x.types(t, "U1", "C1", "")
	if _, err := w.CloseView(t.Context(), "U1", x.modalOf(t, "U1", "Instance").ID, false); err != nil {
		t.Fatal(err)
	}
	x.types(t, "U1", "C1", "list")
	x.told(t, "U1", "C1", "Your leases")
	if c := k.changed(); len(c) > 0 {
		t.Errorf("%+v", c)
	}
}

func TestRefusedConfirmStandsInTheModal(t *testing.T) {
	t.Parallel()
	for code, again := range map[string]bool{sshforward.EQUOTA: true, sshforward.ECONFLICT: false} {
		w := office(t, fakeslack.Options{})
		k := saved()
		base := k.do
		var refuse atomic.Bool
		refuse.Store(true)
		k.do = func(ctx context.Context, c sshforward.Caller, cmd operation) (sshforward.Reply, error) {
			if _, ok := cmd.(sshforward.ConfirmLease); ok && refuse.Load() {
				return sshforward.Reply{}, sshforward.Errorf(code, "Close one <first>.")
			}
			return base(ctx, c, cmd)
		}
		x := live(t, w, k)
		x.types(t, "U1", "C1", "")
		res := x.submits(t, "U1", x.modalOf(t, "U1", "Instance"), map[string]string{"instance": "i-1"})
		res = x.submits(t, "U1", *res.View, nil)
		if !strings.Contains(res.View.Visible(), "Close one &lt;first&gt;.") || (res.View.Submit != "") != again {
			t.Errorf("%s: %s, %q", code, res.View.Visible(), res.View.Submit)
		}
		refuse.Store(false)
		if again {
			if res = x.submits(t, "U1", *res.View, nil); !strings.Contains(res.View.Visible(), "Opening") {
				t.Errorf("%s", res.View.Visible())
			}
		}
	}
}

func TestRedeliveredSubmissionIsAnsweredTheSameAndDoneOnce(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	k := saved()
	x := live(t, w, k)
	x.types(t, "U1", "C1", "")
	res := x.submits(t, "U1", x.modalOf(t, "U1", "Instance"), map[string]string{"instance": "i-1"})
	d, err := w.Repeat(t.Context(), res.EnvelopeID)
	if err != nil || !d.Acked || len(k.changed()) != 1 {
		t.Fatalf("%+v, %v, %v", d, err, k.changed())
	}
	var first fakeslack.Delivery
	for _, one := range w.Deliveries() {
		if one.EnvelopeID == res.EnvelopeID {
			first = one
			break
		}
	}
	if string(first.Ack) != string(d.Ack) || !strings.Contains(string(d.Ack), "lease.confirm") {
		t.Errorf("%s and %s", first.Ack, d.Ack)
	}
}
