package fakeslack_test

import (
	"bytes"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sshforward/sshforward/bot/fakeslack"
	"github.com/sshforward/sshforward/internal/testenv"
)

// needBolt returns a node_modules folder with the official client in it, made
// with npm ci once per lock file, in the user's cache. Without node, npm or a
// registry the test is skipped, unless SSHFORWARD_REQUIRE names bolt.
func needBolt(t *testing.T) string {
	t.Helper()
	miss := func(format string, args ...any) {
		t.Helper()
		if slices.Contains(strings.Split(os.Getenv("SSHFORWARD_REQUIRE"), ","), "bolt") {
			t.Fatalf(format, args...)
		}
		t.Skipf(format+" (SSHFORWARD_REQUIRE=bolt makes this a failure)", args...)
	}
	modules, err := testenv.NPM(t.Context(), "bolt", os.DirFS("testdata/bolt"))
	if err != nil {
		miss("the Bolt test: %v", err)
	}
	return modules
}

// lockedBuffer collects a process's output.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// TestBoltIsSatisfied is the second opinion: what slack-go overlooks, Slack's
// own client may not.
func TestBoltIsSatisfied(t *testing.T) {
	testenv.SkipRaced(t, "node's client asks nothing of fakeslack that the bot does not")
	t.Parallel()
	modules := needBolt(t)
	w := organisation(t, fakeslack.Options{PingInterval: 500 * time.Millisecond})
	w.ChangeUser("W3", func(u *fakeslack.User) { u.Restricted = true })
	var out lockedBuffer
	cmd := exec.Command("node", "testdata/bolt/app.js")
	cmd.Env = append(os.Environ(), "NODE_PATH="+modules, "SLACK_API_URL="+w.APIURL(), "SLACK_BOT_TOKEN="+w.BotToken(),
		"SLACK_APP_TOKEN="+w.AppToken())
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("node said:\n%s", out.String())
		}
	})
	ctx := within(t, 60*time.Second)
	until := func(what string, done func(*fakeslack.Snapshot) bool) {
		t.Helper()
		if err := w.Wait(ctx, done); err != nil {
			t.Fatalf("waiting for %s: %v", what, err)
		}
	}
	must := func(res fakeslack.Result, err error) fakeslack.Result {
		t.Helper()
		if err != nil || !res.Acked || res.Error != "" {
			t.Fatalf("%+v, %v", res, err)
		}
		return res
	}
	until("the connection", func(s *fakeslack.Snapshot) bool { return len(s.Connections()) == 1 })

	res := must(w.Slash(ctx, "U1", "C1", "open i-0abc"))
	if res.Text != "got open i-0abc from U1" || len(w.Ephemerals("U1", "C1")) != 1 {
		t.Errorf("acknowledged with %+v", res)
	}
	until("the card", func(s *fakeslack.Snapshot) bool { return len(s.Messages("C1")) == 1 })
	card := w.Messages("C1")[0]

	must(w.Click(ctx, "U2", card.TS, "lease.confirm"))
	until("the update", func(s *fakeslack.Snapshot) bool {
		m, _ := s.Message(card.TS)
		return m.Visible() == "opening abc123" && !m.HasButton("lease.confirm")
	})
	until("the answer through the response URL", func(s *fakeslack.Snapshot) bool {
		e := s.Ephemerals("U2", "C1")
		return len(e) == 1 && e[0].Text == "thanks <@U2>"
	})

	must(w.Slash(ctx, "U1", "C1", "form"))
	if len(w.Views("U1")) != 1 {
		t.Fatal("no modal is open")
	}
	view := w.Views("U1")[0]
	if s := must(w.Suggest(ctx, "U1", view.ID, "instance", "web")); len(s.Options) != 1 || s.Options[0].Value != "i-0abc" {
		t.Errorf("suggestions %+v", s.Options)
	}
	if s := must(w.SubmitView(ctx, "U1", view.ID, map[string]string{"reason": "bad"})); s.ViewErrors["reason"] != "why?" {
		t.Errorf("errors %+v", s)
	}
	must(w.SubmitView(ctx, "U1", view.ID, map[string]string{"reason": "deploy"}))
	until("the message after the form", func(s *fakeslack.Snapshot) bool {
		m := s.Messages("C1")
		return len(m) == 2 && m[1].Text == "U1: deploy" && len(s.Views("U1")) == 0
	})

	must(w.OpenHome(ctx, "U1"))
	until("the home tab", func(s *fakeslack.Snapshot) bool {
		v, ok := s.Home("U1")
		return ok && strings.Contains(v.Visible(), "*home*")
	})
	home, _ := w.Home("U1")
	must(w.Click(ctx, "U1", home.ID, "home.open"))
	until("the note from Home", func(s *fakeslack.Snapshot) bool {
		v := s.Views("U1")
		return len(v) == 1 && strings.Contains(v[0].Visible(), "home view undefined undefined, hash_conflict")
	})

	must(w.Slash(ctx, "U1", "C1", "form"))
	must(w.SubmitView(ctx, "U1", w.Views("U1")[0].ID, map[string]string{"reason": "slow"}))
	until("the question in the form's place", func(s *fakeslack.Snapshot) bool {
		v := s.Views("U1")
		return len(v) == 1 && v[0].CallbackID == "lease.confirm"
	})
	must(w.CloseView(ctx, "U1", w.Views("U1")[0].ID, false))
	until("the word that it was closed", func(s *fakeslack.Snapshot) bool {
		m := s.Messages("C1")
		return len(m) == 3 && m[2].Text == "U1 closed it, cleared: false"
	})

	// What scopes, rates and deleted threads look like to it.
	w.FailNext("users.info", fakeslack.Outcome{Status: 429, RetryAfter: time.Second})
	must(w.Slash(ctx, "W3", "C7", "look"))
	until("what it saw", func(s *fakeslack.Snapshot) bool {
		m := s.Messages("C7")
		return len(m) == 1 && m[0].Text == "missing_scope channels:history true; guest true, of E0ACME; thread undefined"
	})

	// Bolt hangs up when a pong is missing for 600 ms: it has to stay.
	first := w.Connections()[0]
	if quiet := time.Until(first.Since.Add(2 * time.Second)); quiet > 0 {
		time.Sleep(quiet)
	}
	if c := w.Connections(); len(c) != 1 || c[0].ID != first.ID {
		t.Errorf("Bolt did not like our pongs: %+v", c)
	}
	w.Disconnect(fakeslack.DisconnectRefreshRequested)
	until("the reconnect", func(s *fakeslack.Snapshot) bool { c := s.Connections(); return len(c) == 1 && c[0].ID != first.ID })
	must(w.Slash(ctx, "U2", "C1", "again"))
	if f := w.Failures(); len(f) > 0 {
		t.Errorf("people saw %+v", f)
	}
	for _, c := range w.Calls() {
		if c.Done && c.Error != "" && c.Error != "hash_conflict" && c.Error != "missing_scope" && !c.Faulted {
			t.Errorf("%s answered %s %v", c.Method, c.Error, c.Messages)
		}
	}
	if strings.Contains(out.String(), "app error") {
		t.Error("Bolt reported an error")
	}
}
