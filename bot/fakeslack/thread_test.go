package fakeslack_test

import (
	"testing"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"

	"github.com/sshforward/sshforward/bot/fakeslack"
)

func TestPeopleWriteIntoThreads(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	api := client(t, w)
	_, root, err := api.PostMessage("C1", slack.MsgOptionText("card", false))
	if err != nil {
		t.Fatal(err)
	}
	first, err := w.Say("U1", "C1", "who is that?", root)
	if err != nil || first.ThreadTS != root {
		t.Errorf("in the thread of %s: %+v, %v", root, first, err)
	}
	if second, err := w.Say("U2", "C1", "me", first.TS); err != nil || second.ThreadTS != root {
		t.Errorf("the answer to an answer: %+v, %v; want it in the thread of %s", second, err, root)
	}
	eph, err := api.PostEphemeral("C1", "U1", slack.MsgOptionText("psst", false))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ channel, thread string }{{"C1", eph}, {"C1", "1.2"}, {"C2", root}} {
		if m, err := w.Say("U1", c.channel, "hello?", c.thread); err == nil {
			t.Errorf("in %s, to %s: %+v", c.channel, c.thread, m)
		}
	}
}

// TestNoCommandsInThreads is a refusal by Slack itself: the app hears nothing.
func TestNoCommandsInThreads(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	startRobot(t, w, func(r *robot, e socketmode.Event) {
		t.Errorf("the app got %s", e.Type)
		_ = r.socket.Ack(*e.Request)
	})
	root, err := w.Say("U1", "C1", "hello")
	if err != nil {
		t.Fatal(err)
	}
	res, err := w.Slash(t.Context(), "U1", "C1", "list", root.TS)
	if err != nil || res.Error != fakeslack.ErrInThread || res.Acked {
		t.Errorf("%+v, %v", res, err)
	}
	if f := w.Failures(); len(f) != 1 || f[0].Error != fakeslack.ErrInThread || f[0].Thread != root.TS || f[0].What != "/sshforward" {
		t.Errorf("the person was told %+v", f)
	}
}

func TestANewDMIsAnnounced(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	w.AddUser(fakeslack.User{ID: "U77", Name: "new"})
	changes := w.Subscribe(t.Context())
	id := w.DM("U77")
	if c := <-changes; c.Kind != fakeslack.ChangePeople || c.Channel != id {
		t.Errorf("the change is %+v", c)
	}
	if w.DM("U77") != id {
		t.Error("opened twice")
	}
}
