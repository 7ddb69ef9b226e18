package bot

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/bot/fakeslack"
)

func TestOneDroppedConnectionLosesNoCommand(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	var again atomic.Int32
	x := live(t, w, script(), func(o *Options) {
		o.OnConnect = func(up bool) {
			if up {
				again.Add(1)
			}
		}
	})
	w.Drop(w.Connections()[0].ID)
	for range 20 {
		if res := x.types(t, "U1", "C1", "list"); !res.Acked {
			t.Error("a command was lost")
		}
	}
	if !x.Connected() {
		t.Error("not connected with one connection left")
	}
	waitFor(t, w, func(s *fakeslack.Snapshot) bool { return len(s.Connections()) == connections })
	eventually(t, "connected again", func() bool { return again.Load() == 1 })
}

func TestRefreshIsFollowedWithoutLosingACommand(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	x := live(t, w, script())
	for range 3 {
		old := w.Connections()[0].ID
		w.Disconnect("refresh_requested", old)
		x.types(t, "U1", "C1", "list")
		waitFor(t, w, func(s *fakeslack.Snapshot) bool {
			live := 0
			for _, c := range s.Connections() {
				if !c.Draining && c.ID != old {
					live++
				}
			}
			return live == connections
		})
	}
}

func TestClickThatWaitsWhenItsConnectionDropsIsStillRecordedAndAnswered(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	started, release := make(chan struct{}), make(chan struct{})
	x := live(t, w, &keeper{do: func(context.Context, sshforward.Caller, operation) (sshforward.Reply, error) {
		close(started)
		<-release
		return sshforward.Reply{Lease: lease(sshforward.Opening)}, nil
	}})
	go w.ForgeClick(context.WithoutCancel(t.Context()), "U1", fakeslack.Forged{Channel: "C1", TS: "1", Ephemeral: true,
		BlockID: "prompt.k7m2q3x", ActionID: actionConfirm, Value: "k7m2q3x"})
	<-started
	w.Drop()
	close(release)
	x.told(t, "U1", "C1", "Opening `web-1`")
	waitFor(t, w, func(s *fakeslack.Snapshot) bool { return len(s.Connections()) == connections })
}

func TestDuplicateEnvelopeIsAcknowledgedTwiceAndDoneOnce(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	k := script()
	x := live(t, w, k)
	res := x.types(t, "U1", "C1", "open web-1")
	x.told(t, "U1", "C1", "Open SSH to")
	payload := map[string]any{"team_id": "T0FAKE", "channel_id": "C1", "user_id": "U1", "text": "open web-1", "response_url": res.ResponseURL}
	for range 4 { // over either connection
		d, err := w.Deliver(t.Context(), fakeslack.Envelope{ID: res.EnvelopeID, Type: fakeslack.TypeSlashCommands, Payload: payload})
		if err != nil || !d.Acked {
			t.Errorf("%+v, %v", d, err)
		}
	}
	if n := len(k.heard()); n != 1 {
		t.Errorf("the keeper was asked %d times", n)
	}
}

func TestDuplicateOfAnAnswerInTheAcknowledgementCarriesItAgain(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	x := live(t, w, &keeper{})
	res := x.types(t, "U1", "C1", "help")
	d, err := w.Deliver(t.Context(), fakeslack.Envelope{ID: res.EnvelopeID, Type: fakeslack.TypeSlashCommands, AcceptsResponse: true,
		Payload: map[string]any{"team_id": "T0FAKE", "channel_id": "C1", "user_id": "U1", "text": "help"}})
	if err != nil || !strings.Contains(string(d.Ack), "A plain SSH connection") {
		t.Errorf("%+v, %v", d, err)
	}
}

func TestRevokedAppTokenEndsRun(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	x := live(t, w, &keeper{})
	w.SetTokenError(w.AppToken(), "token_revoked")
	w.Drop()
	<-x.done
	if sshforward.ErrorCode(x.err) != sshforward.EFORBIDDEN || !strings.Contains(x.err.Error(), "SLACK_APP_TOKEN (token_revoked)") {
		t.Error(x.err)
	}
	if x.Connected() {
		t.Error("still connected")
	}
}

func TestRevokedBotTokenEndsRun(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	x := live(t, w, &keeper{})
	w.SetTokenError(w.BotToken(), "account_inactive")
	if _, _, err := x.Card(t.Context(), lease(sshforward.Open)); sshforward.ErrorCode(err) != sshforward.EUNAVAILABLE {
		t.Errorf("the card: %v", err)
	}
	<-x.done
	if sshforward.ErrorCode(x.err) != sshforward.EFORBIDDEN || !strings.Contains(x.err.Error(), "SLACK_BOT_TOKEN (account_inactive)") {
		t.Error(x.err)
	}
}

func TestBadTokenOrAddressAtStartEndsRunWithAnError(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*Options)
		want   string
	}{
		"bot token":  {func(o *Options) { o.Token = "xoxb-wrong" }, "SLACK_BOT_TOKEN (invalid_auth)"},
		"app token":  {func(o *Options) { o.AppToken = "xapp-wrong" }, "SLACK_APP_TOKEN (invalid_auth)"},
		"no address": {func(o *Options) { o.APIURL = strings.TrimSuffix(o.APIURL, "api/") + "elsewhere" }, "SLACK_API_URL"},
	} {
		t.Run(name, func(t *testing.T) {
			w := office(t, fakeslack.Options{})
			x := begin(t, w, &keeper{}, c.change)
			<-x.done
			if x.err == nil || !strings.Contains(x.err.Error(), c.want) {
				t.Error(x.err)
			}
			for _, token := range []string{"xoxb-wrong", "xapp-wrong"} {
				if x.err != nil && strings.Contains(x.err.Error(), token) {
					t.Errorf("the error has the token: %v", x.err)
				}
			}
		})
	}
}

func TestSlackThatIsNotThereYetIsWaitedFor(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	w.FailNext("auth.test", fakeslack.Outcome{Status: 503}, fakeslack.Outcome{LoseRequest: true})
	w.FailNext("apps.connections.open", fakeslack.Outcome{Status: 429, RetryAfter: time.Second}, fakeslack.Outcome{Error: "internal_error"})
	w.FailNext(fakeslack.MethodDial, fakeslack.Outcome{LoseRequest: true})
	x := live(t, w, script())
	x.types(t, "U1", "C1", "list")
}

func TestSwitchedOffSocketModeIsNotHammered(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	changes := w.Subscribe(ctx)
	go func() {
		for c := range changes {
			if c.Kind == fakeslack.ChangeConnected {
				w.Disconnect("link_disabled")
			}
		}
	}()
	begin(t, w, &keeper{})
	time.Sleep(3 * time.Second)
	// 0.25, 0.5, 1, 2 s … for each connection, with jitter; without a pause it is
	// hundreds.
	if n := len(w.Calls("apps.connections.open")); n < 4 || n > 20 {
		t.Errorf("%d connections asked for in 3 s", n)
	}
}

func TestStopWaitsForRunningCommandsAndTurnsAwayNewOnes(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	started, release := make(chan struct{}), make(chan struct{})
	x := live(t, w, &keeper{do: func(context.Context, sshforward.Caller, operation) (sshforward.Reply, error) {
		close(started)
		<-release
		return sshforward.Reply{}, nil
	}})
	x.types(t, "U1", "C1", "list")
	<-started
	x.stop()
	eventually(t, "turned away", func() bool {
		return strings.Contains(x.types(t, "U2", "C1", "help").Text, "am restarting") // help before the stop is seen
	})
	close(release)
	<-x.done
	x.told(t, "U1", "C1", "You have no lease.")
	if x.err != nil {
		t.Error(x.err)
	}
}

func TestStopCutsShortWhatDoesNotEnd(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	x := live(t, w, &keeper{do: func(ctx context.Context, _ sshforward.Caller, _ operation) (sshforward.Reply, error) {
		<-ctx.Done()
		return sshforward.Reply{}, ctx.Err()
	}}, func(o *Options) { o.Grace = 100 * time.Millisecond })
	x.types(t, "U1", "C1", "list")
	began := time.Now()
	x.stop()
	<-x.done
	if d := time.Since(began); d > 5*time.Second {
		t.Errorf("it took %v", d)
	}
	x.told(t, "U1", "C1", "That took too long")
}

// slack-go would try such a token for ever, and say nothing.
func TestAppTokenOfAnotherKindEndsRun(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	w.SetTokenError(w.AppToken(), "not_allowed_token_type")
	x := begin(t, w, &keeper{})
	<-x.done
	if sshforward.ErrorCode(x.err) != sshforward.EFORBIDDEN || !strings.Contains(x.err.Error(), "SLACK_APP_TOKEN is a token of another kind") {
		t.Error(x.err)
	}
}

func TestNothingAtTheAddressIsNoErrorOnceSlackHasAnsweredThere(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	x := live(t, w, script())
	w.SetFault(func(fakeslack.Call) fakeslack.Outcome { return fakeslack.Outcome{Status: http.StatusNotFound} })
	w.Drop()
	eventually(t, "no connection", func() bool { return strings.Contains(x.log.String(), "404") && !x.Connected() })
	w.SetFault(nil)
	eventually(t, "connected again", x.Connected)
	x.types(t, "U1", "C1", "list")
}

// A second process on the same app token takes a share of the commands: that is
// said once it has been there for a while, and when it has gone. A connection
// that goes at once is none.
func TestASecondProcessOnTheSameAppToken(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	x := live(t, w, script(), func(o *Options) { o.rivalAfter, o.rivalEvery = 300*time.Millisecond, 2*time.Second })
	time.Sleep(400 * time.Millisecond)
	if x.Rivals() != 0 || strings.Contains(x.log.String(), "SECOND PROCESS") {
		t.Error("alone, and it sees somebody")
	}
	r, err := w.StartRival(2)
	if err != nil {
		t.Fatal(err)
	}
	w.Drop(w.Connections()[0].ID) // Slack counts when a connection is made
	eventually(t, "noticed", func() bool { return x.Rivals() == 2 })
	said := func() int { return strings.Count(x.log.String(), "SECOND PROCESS USES THE SAME APP TOKEN") }
	eventually(t, "said", func() bool { return said() > 0 }) // the log comes a moment later
	r.Close()
	eventually(t, "gone", func() bool { return x.Rivals() == 0 })
	if n := said(); n != 1 {
		t.Errorf("said %d times", n)
	}
	x.types(t, "U1", "C1", "list")
}

// Replicas share the app, and are no strangers; one more than there are is.
func TestReplicasAreNoSecondProcess(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	x := live(t, w, script(), func(o *Options) {
		o.rivalAfter, o.rivalEvery, o.Replicas = 300*time.Millisecond, 2*time.Second, func() int { return 2 }
	})
	replica, err := w.StartRival(connections)
	if err != nil {
		t.Fatal(err)
	}
	defer replica.Close()
	w.Drop(w.Connections()[0].ID)
	time.Sleep(time.Second)
	if n := x.Rivals(); n != 0 {
		t.Errorf("the replica counts as %d rivals", n)
	}
	stranger, err := w.StartRival(1)
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	w.Drop(w.Connections()[0].ID)
	eventually(t, "noticed", func() bool { return x.Rivals() == 1 })
}

// Slack refreshes connections together that were opened together.
func TestSecondConnectionComesUpLater(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	began := time.Now()
	x := begin(t, w, script(), func(o *Options) { o.stagger = 0 }) // the default
	eventually(t, "connected", x.Connected)
	if d := time.Since(began); d > 2*time.Second {
		t.Errorf("the first took %s", d)
	}
	x.types(t, "U1", "C1", "list")
	eventually(t, "both", func() bool { return x.connected() == connections })
	if d := time.Since(began); d < 3*time.Second || d > 6*time.Second {
		t.Errorf("the second took %s", d)
	}
}
