package bot

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/slack-go/slack"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/bot/fakeslack"
)

// remembers is a keeper that knows one lease that is over.
func remembers() *keeper {
	return &keeper{do: func(_ context.Context, _ sshforward.Caller, cmd operation) (sshforward.Reply, error) {
		switch cmd := cmd.(type) {
		case askAgain:
			if cmd.ID == "" && cmd.Nth > 1 {
				return sshforward.Reply{}, sshforward.Errorf(sshforward.ENOTFOUND, "Requests to choose from, the newest first: %d.", 1)
			}
			return sshforward.Reply{Lease: ended(sshforward.Expired)}, nil
		case sshforward.OpenLease:
			return sshforward.Reply{Lease: lease(sshforward.Requested)}, nil
		}
		return sshforward.Reply{}, sshforward.Errorf(sshforward.EFORBIDDEN, "Not you.")
	}}
}

// A button that asks again shows the form, filled in with what was asked for.
func TestAgainOpensTheFormFilledIn(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	k := remembers()
	x := live(t, w, k)
	card := x.posted(t, ended(sshforward.Expired))
	failed, err := x.Notice(t.Context(), with(sshforward.Closed, func(l *sshforward.Lease) {
		l.Card.Channel, l.Card.TS, l.Reason = "C1", card, sshforward.Failed
	}), sshforward.Notice{Kind: sshforward.NoticeFailed})
	if err != nil {
		t.Fatal(err)
	}
	for _, ts := range []string{card, failed.TS} {
		x.presses(t, "U1", ts, actionAgain)
		v := x.modalOf(t, "U1", "Instance")
		for id, want := range map[string]string{"instance": instance1.ID, "duration": "2h", "source": "203.0.113.7", "reason": "disk is full"} {
			if got := initial(v, id); got != want {
				t.Errorf("%s is %q, want %q", id, got, want)
			}
		}
		res := x.submits(t, "U1", v, nil)
		if !strings.Contains(res.View.Visible(), "Open SSH to") {
			t.Errorf("%+v", res)
		}
		if _, err := w.CloseView(t.Context(), "U1", v.ID, true); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAgainIsTyped(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	k := remembers()
	x := live(t, w, k)
	x.types(t, "U1", "C1", "again")
	x.told(t, "U1", "C1", "Open SSH to")
	for _, a := range k.heard() {
		if c, ok := a.cmd.(sshforward.OpenLease); ok && (c.Instance != instance1.ID || c.Duration != 2*time.Hour || c.Because != "disk is full") {
			t.Errorf("it asked for %+v", c)
		}
	}
	x.types(t, "U1", "C1", "again 7")
	x.told(t, "U1", "C1", "Requests to choose from, the newest first: 1")
}

// What somebody is told of a click in a thread stands in that thread, and names
// no command: none can be typed there.
func TestAnswersStandInTheThread(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	k := &keeper{do: func(_ context.Context, _ sshforward.Caller, cmd operation) (sshforward.Reply, error) {
		e := sshforward.Errorf(sshforward.EFORBIDDEN, "Policy allows less.")
		e.Try = sshforward.Suggestion{Verb: "extend", Ref: "k7m2q3x", Rest: "10m"}
		return sshforward.Reply{}, e
	}}
	x := live(t, w, k)
	l := lease(sshforward.Open)
	l.Card.Channel, l.Card.TS = "C1", x.posted(t, lease(sshforward.Open))
	reminder, err := x.Notice(t.Context(), l, sshforward.Notice{Kind: sshforward.NoticeReminder})
	if err != nil {
		t.Fatal(err)
	}
	x.presses(t, "U1", reminder.TS, actionExtend)
	m := x.told(t, "U1", "C1", "Policy allows less.")
	if m.ThreadTS != l.Card.TS || strings.Contains(m.Visible(), Slash) || len(m.Buttons()) != 1 || m.Buttons()[0].Value != "k7m2q3x 10m" {
		t.Errorf("in thread %q: %s", m.ThreadTS, m.Visible())
	}
	x.presses(t, "U1", l.Card.TS, actionExtend) // the card is in the channel
	waitFor(t, w, func(s *fakeslack.Snapshot) bool {
		for _, m := range s.Ephemerals("U1", "C1") {
			if m.ThreadTS == "" && strings.Contains(m.Visible(), "Try: /sshforward extend k7m2q3x 10m") {
				return true
			}
		}
		return false
	})
}

// What takes the place of a form that did not open is true, and in a thread no
// command to type.
func TestFormsThatDoNotOpen(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	l := lease(sshforward.Open)
	x := live(t, w, answers(sshforward.Reply{Lease: l}, nil))
	card := x.posted(t, l)
	_, copied, err := x.client.post(t.Context(), "C1", show.lease(sshforward.Caller{User: "U1"}, l), slack.MsgOptionTS(card))
	if err != nil {
		t.Fatal(err)
	}
	closed := fakeslack.Outcome{Error: "expired_trigger_id"}
	w.FailNext("views.open", closed)
	x.presses(t, "U1", card, actionFrom)
	x.told(t, "U1", "C1", "/sshforward from k7m2q3x 203.0.113.7")
	w.FailNext("views.open", closed)
	x.presses(t, "U1", copied, actionFrom)
	if m := x.told(t, "U1", "C1", "Press the button again"); m.ThreadTS != card || strings.Contains(m.Visible(), Slash) {
		t.Errorf("in thread %q: %s", m.ThreadTS, m.Visible())
	}
	w.FailNext("views.open", closed)
	if _, err := w.ForgeClick(t.Context(), "U1", fakeslack.Forged{Channel: "C1", ActionID: actionSource, Value: "198.51.100.9"}); err != nil {
		t.Fatal(err)
	}
	if m := x.told(t, "U1", "C1", "/sshforward ip 203.0.113.7"); strings.Contains(m.Visible(), "saved no") {
		t.Error(m.Visible())
	}
}

// Where the bot may not post, the answer is given all the same.
func TestAnswerToAThreadThatTheBotIsNotIn(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{Fault: func(c fakeslack.Call) fakeslack.Outcome {
		if c.Method == "chat.postEphemeral" {
			return fakeslack.Outcome{Error: "not_in_channel"}
		}
		return fakeslack.Outcome{}
	}})
	x := live(t, w, answers(sshforward.Reply{}, sshforward.Errorf(sshforward.EFORBIDDEN, "Not you.")))
	l := lease(sshforward.Open)
	l.Card.Channel, l.Card.TS = "C1", x.posted(t, lease(sshforward.Open))
	reminder, err := x.Notice(t.Context(), l, sshforward.Notice{Kind: sshforward.NoticeReminder})
	if err != nil {
		t.Fatal(err)
	}
	x.presses(t, "U2", reminder.TS, actionClose)
	x.told(t, "U2", "C1", "Not you.")
}

func TestThreadsNameNoCommandToType(t *testing.T) {
	t.Parallel()
	for tag, v := range languages {
		for name, m := range every(v) {
			if !strings.HasPrefix(name, "notice") && !strings.HasPrefix(name, "ask-") && !strings.HasPrefix(name, "decided") &&
				!strings.HasPrefix(name, "reminded") && !strings.HasPrefix(name, "alarm") {
				continue
			}
			if said := strings.Join(visible(m), "\n") + m.Text; strings.Contains(said, Slash) {
				t.Errorf("%s %s: %s", name, tag, said)
			}
		}
	}
}
