package fakeslack_test

import (
	"slices"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"

	"github.com/sshforward/sshforward/bot/fakeslack"
)

func TestASecondProcessTakesItsShare(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{Seed: 1})
	handled := make(chan string, 100)
	startRobot(t, w, func(r *robot, e socketmode.Event) {
		handled <- e.Request.EnvelopeID
		_ = r.socket.Ack(*e.Request)
	})
	rival, err := w.StartRival(1)
	if err != nil {
		t.Fatal(err)
	}
	c := dial(t, w)
	if m := read(t, c); m["num_connections"] != 3.0 {
		t.Errorf("hello counts %v connections", m["num_connections"])
	}
	c.Close()
	waitFor(t, w, func(s *fakeslack.Snapshot) bool { return len(s.Connections()) == 2 })
	for range 20 {
		if res, err := w.Slash(t.Context(), "U1", "C1", "list"); err != nil || !res.Acked {
			t.Fatalf("%+v, %v", res, err)
		}
	}
	if n := rival.Took(); n == 0 || n == 20 || n+len(handled) != 20 {
		t.Errorf("the rival took %d of 20, the bot %d", n, len(handled))
	}
	rival.Close()
	waitFor(t, w, func(s *fakeslack.Snapshot) bool { return len(s.Connections()) == 1 })
}

// TestConnectionsThatCameTogetherGoTogether: with both of its connections
// opened at once a bot is away for a moment every few hours.
func TestConnectionsThatCameTogetherGoTogether(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{ConnectionLife: 2 * time.Second})
	a, b := dial(t, w), dial(t, w)
	read(t, a)
	read(t, b)
	time.Sleep(500 * time.Millisecond)
	c := dial(t, w)
	if hello := read(t, c); hello["debug_info"].(map[string]any)["approximate_connection_time"] != 2.0 {
		t.Errorf("hello says %v", hello)
	}
	ends := w.Connections()
	if len(ends) != 3 || !ends[0].Ends.Equal(ends[1].Ends) || !ends[2].Ends.After(ends[1].Ends.Add(300*time.Millisecond)) {
		t.Fatalf("%+v", ends)
	}
	for _, x := range []*websocket.Conn{a, b} {
		if m := read(t, x); m["type"] != "disconnect" || m["reason"] != fakeslack.DisconnectWarning {
			t.Errorf("first %v", m)
		}
		if m := read(t, x); m["reason"] != fakeslack.DisconnectRefreshRequested {
			t.Errorf("then %v", m)
		}
	}
	// The message is out a moment before the connection counts as draining.
	waitFor(t, w, func(s *fakeslack.Snapshot) bool {
		c := s.Connections()
		return len(c) == 3 && c[0].Draining && c[1].Draining
	})
	if now := w.Connections(); len(now) == 3 && now[2].Draining {
		t.Errorf("the one that came later goes with them: %+v", now)
	}
}

// TestOneEnvelopeOnTwoConnections is a duplicate that two processes, or two
// connections of one, get at the same moment.
func TestOneEnvelopeOnTwoConnections(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	type got struct{ robot, id string }
	seen := make(chan got, 10)
	hear := func(name string) func(*robot, socketmode.Event) {
		return func(r *robot, e socketmode.Event) {
			seen <- got{name, e.Request.EnvelopeID}
			_ = r.socket.Ack(*e.Request, map[string]any{"text": "from " + name})
		}
	}
	startRobot(t, w, hear("one"))
	startRobot(t, w, hear("two"))
	w.DuplicateNext(1)
	res, err := w.Slash(t.Context(), "U1", "C1", "list")
	if err != nil || !res.Acked || res.Text == "" {
		t.Fatalf("%+v, %v", res, err)
	}
	if a, b := <-seen, <-seen; a.id != b.id || a.robot == b.robot {
		t.Errorf("got by %+v and %+v", a, b)
	}
	waitFor(t, w, func(s *fakeslack.Snapshot) bool { d := s.Deliveries(); return len(d) == 2 && d[0].Acked && d[1].Acked })
	if e := w.Ephemerals("U1", "C1"); len(e) != 1 {
		t.Errorf("the person sees %d answers", len(e))
	}
	if _, err := w.Slash(t.Context(), "U1", "C1", "list"); err != nil {
		t.Fatal(err)
	}
	if <-seen; len(w.Deliveries()) != 3 {
		t.Errorf("the next was sent twice too: %+v", w.Deliveries())
	}
	// Later, over the other connection.
	first := w.Deliveries()[2]
	other := 3 - first.Connection
	if d, err := w.Repeat(t.Context(), first.EnvelopeID, other); err != nil || !d.Acked || d.Connection != other {
		t.Errorf("%+v, %v", d, err)
	}
	if again := <-seen; again.id != first.EnvelopeID {
		t.Errorf("got %+v", again)
	}
}

// Several processes share the app, and each envelope comes to those that the test
// chooses.
func TestEveryEnvelopeOnTheConnectionsOfChoice(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	seen := make(chan string, 10)
	for _, name := range []string{"one", "two", "three"} {
		startRobot(t, w, func(r *robot, e socketmode.Event) {
			seen <- name
			if name != "one" { // which is as good as dead
				_ = r.socket.Ack(*e.Request, nil)
			}
		})
	}
	got := func(n int) (names []string) {
		for range n {
			names = append(names, <-seen)
		}
		slices.Sort(names)
		return names
	}
	w.Spread(func(_ fakeslack.Envelope, all []fakeslack.Connection) []int { return []int{all[0].ID, all[2].ID} })
	res, err := w.Slash(t.Context(), "U1", "C1", "list")
	if names := got(2); err != nil || !res.Acked || !slices.Equal(names, []string{"one", "three"}) {
		t.Errorf("got by %v: %+v, %v", names, res, err)
	}
	w.Spread(func(fakeslack.Envelope, []fakeslack.Connection) []int { return nil })
	if _, err := w.Slash(t.Context(), "U1", "C1", "list"); err != nil {
		t.Fatal(err)
	}
	if got(1); len(w.Deliveries()) != 3 {
		t.Errorf("one that is sent nowhere in particular was sent %d times", len(w.Deliveries())-2)
	}
}

func TestTokensThatDie(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	api := client(t, w)
	bot := func() error { _, err := api.AuthTest(); return err }
	app := func() error { _, _, err := api.StartSocketModeContext(t.Context()); return err }
	for _, code := range []string{"token_revoked", "token_expired", "invalid_auth", "account_inactive", "team_not_found",
		"not_allowed_token_type"} {
		w.SetTokenError(w.BotToken(), code)
		wantErr(t, bot(), code)
		wantErr(t, app(), "")
		w.SetTokenError(w.BotToken(), "")
		w.SetTokenError(w.AppToken(), code)
		wantErr(t, bot(), "")
		wantErr(t, app(), code)
		w.SetTokenError(w.AppToken(), "")
		wantErr(t, app(), "")
	}
}

func TestTheAppIsUninstalled(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	r := startRobot(t, w, ackAll)
	_, ts, err := r.PostMessage("C1", slack.MsgOptionText("x", false), prompt("l1"))
	if err != nil {
		t.Fatal(err)
	}
	w.Uninstall()
	_, err = r.AuthTest()
	wantErr(t, err, "account_inactive")
	for what, act := range map[string]func() (fakeslack.Result, error){
		"command": func() (fakeslack.Result, error) { return w.Slash(t.Context(), "U1", "C1", "list") },
		"click":   func() (fakeslack.Result, error) { return w.Click(t.Context(), "U1", ts, "lease.confirm") },
		"home":    func() (fakeslack.Result, error) { return w.OpenHome(t.Context(), "U1") },
	} {
		if res, err := act(); err != nil || res.Error != fakeslack.ErrUninstalled || res.Acked {
			t.Errorf("%s: %+v, %v", what, res, err)
		}
	}
	if len(w.Deliveries()) != 0 || len(w.Connections()) != 1 {
		t.Errorf("%d envelopes, %d connections", len(w.Deliveries()), len(w.Connections()))
	}
	w.Reinstall()
	if res, err := w.Slash(t.Context(), "U1", "C1", "list"); err != nil || !res.Acked {
		t.Errorf("%+v, %v", res, err)
	}
}
