package bot

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/bot/fakeslack"
)

func TestOpenIsAcknowledgedAtOnceAndPromptedAfterwards(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	release := make(chan struct{})
	k := &keeper{do: func(context.Context, sshforward.Caller, operation) (sshforward.Reply, error) {
		<-release
		return sshforward.Reply{Lease: lease(sshforward.Requested)}, nil
	}}
	x := live(t, w, k)
	res := x.types(t, "U1", "C1", "open web-1 2h because disk is full")
	if res.Latency > atOnce || res.Message != nil {
		t.Errorf("acknowledged after %v with %v, want at once and without a message", res.Latency, res.Message)
	}
	close(release)
	m := x.told(t, "U1", "C1", "Open SSH to")
	for _, want := range []string{"web-1", "i-0abc1234def567890", "10.0.1.5", "us-east-1a", "main", "2h", "203.0.113.7",
		"about $0.06", "disk is full", "k7m2q3x"} {
		if !strings.Contains(m.Visible(), want) {
			t.Errorf("the prompt lacks %q:\n%s", want, m.Visible())
		}
	}
	if !m.HasButton(actionConfirm) || !m.HasButton(actionCancel) {
		t.Error("the prompt lacks its buttons")
	}
	want := []asked{{sshforward.Caller{Team: "T0FAKE", User: "U1", Channel: "C1"},
		sshforward.OpenLease{Instance: "web-1", Duration: 2 * time.Hour, Because: "disk is full"}}}
	if d := cmp.Diff(want, k.heard(), cmp.AllowUnexported(asked{})); d != "" {
		t.Error(d)
	}
}

func TestHelpAndMistakesAreAnsweredInTheAcknowledgement(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	k := &keeper{}
	x := live(t, w, k)
	for text, want := range map[string]string{
		"help":                  "A plain SSH connection",
		"opne web-1 2h":         "Try `/sshforward open web-1 2h`",
		"open web-1 2x":         "Try `/sshforward open web-1 2h`",
		"open my box 2h":        "Try `/sshforward open \"my box\" 2h`",
		"open web-1 <!here>":    "&lt;!here&gt;",
		"ip 203.0.113.7/28":     "Try `/sshforward ip 203.0.113.0/28`",
		"frobnicate everything": "Try `/sshforward help`",
	} {
		res := x.types(t, "U1", "C1", text)
		if res.Message == nil || !res.Message.Ephemeral || !strings.Contains(res.Message.Visible(), want) {
			t.Errorf("%q: acknowledged with %+v, want %q", text, res.Message, want)
		}
	}
	if n := len(k.heard()); n != 0 {
		t.Errorf("the keeper was asked %d times", n)
	}
}

func TestRefusalIsToldToTheCallerAloneWithoutItsCause(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	x := live(t, w, answers(sshforward.Reply{}, &sshforward.Error{Code: sshforward.EFORBIDDEN,
		Message: sshforward.Textf("No rule allows <web-1> & @here."), Err: errors.New("rule 7 of the secret policy")}))
	x.types(t, "U1", "C1", "open web-1")
	m := x.told(t, "U1", "C1", "No rule allows &lt;web-1&gt; &amp;")
	if strings.Contains(m.Visible()+m.Text, "secret policy") {
		t.Error("the cause is shown")
	}
	if len(w.Messages("C1")) > 0 {
		t.Error("the channel sees it")
	}
}

func TestDirectMessageIsRecognised(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	k := answers(sshforward.Reply{}, nil)
	x := live(t, w, k)
	x.types(t, "U1", w.DM("U1"), "list")
	x.told(t, "U1", w.DM("U1"), "You have no lease.")
	if !k.heard()[0].caller.Direct {
		t.Error("Direct is not set")
	}
}

func TestAnswerFindsAnotherWayWhenTheResponseURLIsUsedUp(t *testing.T) {
	t.Parallel()
	t.Run("ephemeral message", func(t *testing.T) {
		w := office(t, fakeslack.Options{ResponseURLUses: -1}) // all used up
		x := live(t, w, answers(sshforward.Reply{}, nil))
		x.types(t, "U1", "C1", "list")
		if m := x.told(t, "U1", "C1", "You have no lease."); m.Via != "api" {
			t.Errorf("via %s", m.Via)
		}
	})
	t.Run("direct message where the bot is not", func(t *testing.T) {
		w := office(t, fakeslack.Options{})
		x := live(t, w, answers(sshforward.Reply{}, nil))
		w.FailNext(fakeslack.MethodResponseURL, fakeslack.Outcome{LoseRequest: true})
		x.types(t, "U1", "G1", "list")
		waitFor(t, w, func(s *fakeslack.Snapshot) bool {
			all := s.Messages(w.DM("U1"))
			return len(all) == 1 && strings.Contains(all[0].Visible(), "You have no lease.")
		})
	})
}

func TestPrivateChannelWithoutTheBotIsAnsweredThroughTheResponseURL(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	x := live(t, w, answers(sshforward.Reply{Lease: lease(sshforward.Requested)}, nil))
	x.types(t, "U1", "G1", "open web-1")
	if m := x.told(t, "U1", "G1", "Open SSH to"); m.Via != "response_url" {
		t.Errorf("via %s", m.Via)
	}
}

func TestPeopleOfAnotherWorkspaceAreRefused(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	k := &keeper{}
	x := live(t, w, k)
	x.types(t, "U9", "C1", "list all")
	x.told(t, "U9", "C1", "people of the workspace")
	if _, err := w.ForgeClick(t.Context(), "U9", fakeslack.Forged{Channel: "C1", ActionID: actionApprove, Value: "k7m2q3x"}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "click refused", func() bool { return len(w.Ephemerals("U9", "C1")) == 2 })
	for _, a := range k.heard() {
		if _, ok := a.cmd.(sshforward.Unknown); !ok || a.caller.User != "U9" {
			t.Errorf("the keeper was asked %+v", a)
		}
	}
}

func TestHungCommandBlocksNobodyAndIsGivenUp(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	forever := make(chan struct{})
	t.Cleanup(func() { close(forever) })
	k := &keeper{do: func(_ context.Context, c sshforward.Caller, _ operation) (sshforward.Reply, error) {
		if c.User == "U1" {
			<-forever // does not even look at its context
		}
		return sshforward.Reply{}, nil
	}}
	x := live(t, w, k, func(o *Options) { o.CommandTimeout = 300 * time.Millisecond })
	x.types(t, "U1", "C1", "list")
	x.types(t, "U2", "C1", "list")
	x.told(t, "U2", "C1", "You have no lease.")
	x.told(t, "U1", "C1", "That took too long")
}

func TestPanicInTheKeeperIsAnsweredAndSurvived(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	k := &keeper{do: func(_ context.Context, _ sshforward.Caller, cmd operation) (sshforward.Reply, error) {
		if cmd == (listLeases{All: true}) {
			panic("a bug")
		}
		return sshforward.Reply{}, nil
	}}
	x := live(t, w, k)
	x.types(t, "U1", "C1", "list all")
	x.told(t, "U1", "C1", "Something went wrong on my side")
	x.types(t, "U1", "C1", "list")
	x.told(t, "U1", "C1", "You have no lease.")
	if !strings.Contains(x.log.String(), "a bug") {
		t.Error("the panic is not in the log")
	}
}

func TestNothingPeopleTypeGetsIntoTheLog(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	x := live(t, w, answers(sshforward.Reply{Lease: lease(sshforward.Requested)}, nil))
	x.types(t, "U1", "C1", "open web-1 because xyzzy-private")
	x.told(t, "U1", "C1", "Open SSH to")
	x.types(t, "U1", "C1", "opne xyzzy-private")
	if strings.Contains(x.log.String(), "xyzzy-private") {
		t.Error(x.log.String())
	}
}
