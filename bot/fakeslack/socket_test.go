package fakeslack_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"

	"github.com/sshforward/sshforward/bot/fakeslack"
)

// ackAll acknowledges everything with nothing.
func ackAll(r *robot, e socketmode.Event) { _ = r.socket.Ack(*e.Request) }

// dial opens a bare Socket Mode connection.
func dial(t *testing.T, w *fakeslack.Workspace) *websocket.Conn {
	t.Helper()
	_, url, err := client(t, w).StartSocketModeContext(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c, res, err := websocket.DefaultDialer.Dial(url, nil)
	if err != nil {
		t.Fatal(err, res)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func read(t *testing.T, c *websocket.Conn) map[string]any {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
	var m map[string]any
	if err := c.ReadJSON(&m); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestTicketsWorkOnce(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	_, url, err := client(t, w).StartSocketModeContext(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c, _, err := websocket.DefaultDialer.Dial(url, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if m := read(t, c); m["type"] != "hello" {
		t.Errorf("first message is %v", m)
	}
	if _, res, err := websocket.DefaultDialer.Dial(url, nil); err == nil || res == nil || res.StatusCode != http.StatusForbidden {
		t.Errorf("the same ticket was taken twice: %v", err)
	}
}

// An app may have several app-level tokens; a connection knows its own.
func TestConnectionsNameTheirAppToken(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	var want, got []string
	for range 2 {
		token := w.NewAppToken()
		want = append(want, token)
		_, url, err := slack.New("", slack.OptionAPIURL(w.APIURL()), slack.OptionAppLevelToken(token)).StartSocketModeContext(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		c, _, err := websocket.DefaultDialer.Dial(url, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		read(t, c)
	}
	for _, c := range w.Connections() {
		got = append(got, c.AppToken)
	}
	if !slices.Equal(got, want) || want[0] == want[1] || slices.Contains(want, w.AppToken()) {
		t.Errorf("opened with %q, want %q", got, want)
	}
}

func TestAtMostMaxConnections(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{MaxConnections: 2})
	for range 2 {
		if m := read(t, dial(t, w)); m["type"] != "hello" {
			t.Fatal(m)
		}
	}
	waitFor(t, w, func(s *fakeslack.Snapshot) bool { return len(s.Connections()) == 2 })
	if m := read(t, dial(t, w)); m["type"] != "disconnect" || m["reason"] != "too_many_websockets" {
		t.Errorf("the third connection got %v", m)
	}
}

func TestEnvelopesSpreadOverConnections(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{Seed: 1})
	startRobot(t, w, ackAll)
	startRobot(t, w, ackAll)
	for range 20 {
		if res, err := w.Slash(t.Context(), "U1", "C1", "list"); err != nil || !res.Acked {
			t.Fatalf("%+v, %v", res, err)
		}
	}
	for _, c := range w.Connections() {
		if c.Delivered == 0 || c.Delivered == 20 {
			t.Errorf("connection %d got %d of 20 envelopes", c.ID, c.Delivered)
		}
	}
}

func TestSlashPayloadAndAck(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	got := make(chan slack.SlashCommand, 1)
	startRobot(t, w, func(r *robot, e socketmode.Event) {
		got <- e.Data.(slack.SlashCommand)
		_ = r.socket.Ack(*e.Request, map[string]any{"text": "Working on it",
			"blocks": []slack.Block{slack.NewSectionBlock(mrkdwn("*soon*"), nil, nil)}})
	})
	res, err := w.Slash(t.Context(), "U1", "G1", "open i-0abc 2h")
	if err != nil {
		t.Fatal(err)
	}
	cmd := <-got
	want := slack.SlashCommand{Token: "verification-token", TeamID: "T0FAKE", TeamDomain: "fakeslack", ChannelID: "G1",
		ChannelName: "privategroup",
		UserID:      "U1", UserName: "ann", Command: "/sshforward", Text: "open i-0abc 2h", ResponseURL: res.ResponseURL,
		TriggerID: res.TriggerID, APIAppID: "A0FAKE"}
	if cmd != want || res.ResponseURL == "" || res.TriggerID == "" {
		t.Errorf("payload %+v\nwant    %+v", cmd, want)
	}
	eph := w.Ephemerals("U1", "G1")
	if !res.Acked || res.Latency <= 0 || res.Text != "Working on it" || len(eph) != 1 || eph[0].Visible() != "*soon*" || res.Message == nil {
		t.Errorf("result %+v, ephemerals %+v", res, eph)
	}
	if len(w.Ephemerals("U2", "G1")) != 0 {
		t.Error("somebody else sees the answer")
	}
}

func TestSlashWhereItCannotBeTyped(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	for _, c := range [][2]string{{"U2", "G1"}, {"U1", "C3"}, {"U1", "C0"}, {"U0", "C1"}} {
		if _, err := w.Slash(t.Context(), c[0], c[1], "list"); err == nil {
			t.Errorf("%s typed a command in %s", c[0], c[1])
		}
	}
}

func TestNobodyThereAndNobodyAnswers(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{AckDeadline: 100 * time.Millisecond})
	res, err := w.Slash(t.Context(), "U1", "C1", "list")
	if err != nil || res.Error != fakeslack.ErrDispatch {
		t.Errorf("without a connection: %+v, %v", res, err)
	}
	late := make(chan struct{})
	startRobot(t, w, func(r *robot, e socketmode.Event) {
		<-late
		_ = r.socket.Ack(*e.Request, map[string]any{"text": "too late"})
	})
	res, err = w.Slash(t.Context(), "U1", "C1", "list")
	close(late)
	if err != nil || res.Error != fakeslack.ErrTimeout || res.Acked {
		t.Errorf("without an answer: %+v, %v", res, err)
	}
	waitFor(t, w, func(s *fakeslack.Snapshot) bool { d := s.Deliveries(); return d[len(d)-1].StrayAcks == 1 })
	if f := w.Failures(); len(f) != 2 || f[1].Error != fakeslack.ErrTimeout || f[1].User != "U1" {
		t.Errorf("failures %+v", f)
	}
	if len(w.Ephemerals("U1", "C1")) != 0 {
		t.Error("a late acknowledgement was shown")
	}
}

func TestAcksThatDoNotCount(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{AckDeadline: 200 * time.Millisecond})
	a := dial(t, w)
	read(t, a)
	b := dial(t, w)
	read(t, b)
	for i, c := range []struct {
		name, code string
		ack        func(mine, other *websocket.Conn, id string)
	}{
		{"too big", "too_big", func(mine, _ *websocket.Conn, id string) {
			_ = mine.WriteJSON(obj{"envelope_id": id, "payload": obj{"text": strings.Repeat("x", 20*1024)}})
		}},
		{"other connection", "stray", func(_, other *websocket.Conn, id string) { _ = other.WriteJSON(obj{"envelope_id": id}) }},
		{"no such envelope", "unknown_envelope", func(mine, _ *websocket.Conn, _ string) { _ = mine.WriteJSON(obj{"envelope_id": "x"}) }},
	} {
		done := make(chan fakeslack.Result)
		go func() {
			res, _ := w.Slash(context.Background(), "U1", "C1", "list")
			done <- res
		}()
		waitFor(t, w, func(s *fakeslack.Snapshot) bool { return len(s.Deliveries()) == i+1 })
		mine, other := a, b
		if w.Deliveries()[i].Connection == 2 {
			mine, other = b, a
		}
		id, _ := read(t, mine)["envelope_id"].(string)
		c.ack(mine, other, id)
		if res := <-done; res.Acked || res.Error != fakeslack.ErrTimeout {
			t.Errorf("%s: %+v", c.name, res)
		}
		acks := w.Calls(fakeslack.MethodAck)
		if len(acks) == 0 || acks[len(acks)-1].Error != c.code {
			t.Errorf("%s: recorded as %+v", c.name, acks)
		}
	}
}

func TestEventsComeAgainCommandsDoNot(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{AckDeadline: 50 * time.Millisecond, RetryDelays: []time.Duration{0, 10 * time.Millisecond}})
	startRobot(t, w, func(r *robot, e socketmode.Event) {
		if e.Request.RetryAttempt == 2 {
			_ = r.socket.Ack(*e.Request)
		}
	})
	if res, err := w.Slash(t.Context(), "U1", "C1", "list"); err != nil || res.Acked {
		t.Fatal(res, err)
	}
	if res, err := w.OpenHome(t.Context(), "U1"); err != nil || res.Acked {
		t.Fatal(res, err)
	}
	waitFor(t, w, func(s *fakeslack.Snapshot) bool { d := s.Deliveries(); return d[len(d)-1].Acked })
	var retries []int
	var bodies, envelopes []string
	for _, d := range w.Deliveries()[1:] {
		retries, bodies, envelopes = append(retries, d.Retry), append(bodies, string(d.Payload)), append(envelopes, d.EnvelopeID)
	}
	if !slices.Equal(retries, []int{0, 1, 2}) || bodies[0] != bodies[2] || envelopes[0] == envelopes[1] {
		t.Errorf("retries %v, envelopes %v", retries, envelopes)
	}
}

func TestDuplicateEnvelope(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	ids := make(chan string, 2)
	startRobot(t, w, func(r *robot, e socketmode.Event) {
		ids <- e.Request.EnvelopeID
		_ = r.socket.Ack(*e.Request)
	})
	res, err := w.Slash(t.Context(), "U1", "C1", "list")
	if err != nil {
		t.Fatal(err)
	}
	d, err := w.Repeat(t.Context(), res.EnvelopeID)
	if err != nil || !d.Acked {
		t.Fatal(d, err)
	}
	if a, b := <-ids, <-ids; a != b {
		t.Errorf("the duplicate came as %s, not %s", b, a)
	}
}

func TestClientComesBackAfterRefreshAndDrop(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	startRobot(t, w, ackAll)
	for _, end := range []func(){
		func() { w.Disconnect(fakeslack.DisconnectRefreshRequested) },
		func() { w.Disconnect(fakeslack.DisconnectWarning) },
		func() { w.Drop() },
	} {
		old := w.Connections()[0].ID
		end()
		waitFor(t, w, func(s *fakeslack.Snapshot) bool { c := s.Connections(); return len(c) == 1 && c[0].ID != old })
		if res, err := w.Slash(t.Context(), "U1", "C1", "list"); err != nil || !res.Acked {
			t.Fatalf("after reconnecting: %+v, %v", res, err)
		}
	}
}

func TestRevokedTokenEndsTheClient(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	r := startRobot(t, w, ackAll)
	w.SetTokenError(w.AppToken(), "token_revoked")
	w.Drop()
	select {
	case err := <-r.done:
		wantErr(t, err, "token_revoked")
	case <-time.After(5 * time.Second):
		t.Error("the client kept trying")
	}
}

func TestPings(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{PingInterval: 20 * time.Millisecond})
	c := dial(t, w)
	pings, pongs := make(chan string, 100), make(chan string, 100)
	c.SetPingHandler(func(s string) error { pings <- s; return nil })
	c.SetPongHandler(func(s string) error { pongs <- s; return nil })
	go func() {
		for {
			if _, _, err := c.ReadMessage(); err != nil {
				return
			}
		}
	}()
	if err := c.WriteControl(websocket.PingMessage, []byte("mine"), time.Now().Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	for name, ch := range map[string]chan string{"ping": pings, "pong": pongs} {
		select {
		case s := <-ch:
			if name == "pong" && s != "mine" {
				t.Errorf("pong says %q", s)
			}
		case <-time.After(5 * time.Second):
			t.Errorf("no %s", name)
		}
	}
}

func TestCloseEndsEverything(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	dial(t, w)
	waitFor(t, w, func(s *fakeslack.Snapshot) bool { return len(s.Connections()) == 1 })
	changes := w.Subscribe(t.Context())
	waiting, slash := make(chan error), make(chan error)
	go func() {
		waiting <- w.Wait(context.Background(), func(*fakeslack.Snapshot) bool { return false })
	}()
	go func() {
		_, err := w.Slash(context.Background(), "U1", "C1", "list")
		slash <- err
	}()
	waitFor(t, w, func(s *fakeslack.Snapshot) bool { return len(s.Deliveries()) == 1 })
	w.Close()
	if <-waiting == nil || <-slash == nil {
		t.Error("waiting ended without an error")
	}
	for range changes {
	}
	if err := w.Start(); err == nil {
		t.Error("a closed workspace started again")
	}
	if errors.Is(w.Wait(within(t, time.Second), func(*fakeslack.Snapshot) bool { return true }), context.Canceled) {
		t.Error("a true predicate did not win")
	}
}
