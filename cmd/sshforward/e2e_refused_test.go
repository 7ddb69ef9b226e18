package main

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/sshforward/sshforward/bot/fakeslack"
	"github.com/sshforward/sshforward/internal/testenv"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

// What is missing when the bot starts keeps no access open: under a supervisor
// that restarts it after a pause, the end is kept.

const restartPause = 2 * time.Second

func TestAccessEndsAlthoughSlackRefusesTheBot(t *testing.T) {
	t.Parallel()
	for name, c := range testenv.ThinnedRows(map[string]struct {
		bot, app string // what Slack answers to each token; empty: nothing is wrong
		says     string
	}{
		"bot token revoked":   {bot: "token_revoked", says: "SLACK_BOT_TOKEN (token_revoked)"},
		"app uninstalled":     {bot: "account_inactive", app: "account_inactive", says: "SLACK_BOT_TOKEN (account_inactive)"},
		"app token revoked":   {app: "token_revoked", says: "SLACK_APP_TOKEN (token_revoked)"},
		"wrong kind of token": {bot: "not_allowed_token_type", says: "SLACK_BOT_TOKEN is a token of another kind"},
	}, 4) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cl, aws, _ := fakeCloud(t, fakeaws.Options{})
			w := newWorld(t, cl, worldOptions{})
			id := w.open(ann, dev, cl.instance+" 4s from 203.0.113.7")
			end := w.opened(id).Add(4 * time.Second)
			w.slack.SetTokenError(w.slack.BotToken(), c.bot)
			w.slack.SetTokenError(w.slack.AppToken(), c.app)
			w.slack.Drop()
			s := w.supervised(restartPause)
			s.kill()

			w.accessEnds(aws, id, end)
			w.logged(c.says)
			w.web = "http://" + w.log.find(listening)[1]
			if status, body := w.get("/readyz"); status != http.StatusServiceUnavailable || !strings.Contains(body, c.says) {
				t.Errorf("/readyz: %d %s", status, body)
			}
			if status, body := w.get("/healthz"); status != http.StatusOK {
				t.Errorf("/healthz: %d %s", status, body)
			}
			w.metricIs("sshforward_slack_refused", "1")
			time.Sleep(2 * restartPause) // in which one that ends would begin anew
			if ended := s.ended(); len(ended) != 1 {
				t.Errorf("one process was killed, and these ended: %v", ended)
			}
			if n := strings.Count(w.log.String(), c.says); n != 1 {
				t.Errorf("in the first minute it is said %d times", n)
			}
			if code := s.stop(); code != exitOK {
				t.Errorf("SIGTERM ends it with %d", code)
			}
			for _, token := range []string{w.slack.BotToken(), w.slack.AppToken()} {
				if strings.Contains(w.log.String(), token) {
					t.Error("a token is in the log")
				}
			}
		})
	}
}

// Whatever Slack answers, known or new, to the process that runs and to the next one:
// it stays, and access ends.
func TestAccessEndsWhateverSlackAnswers(t *testing.T) {
	t.Parallel()
	for _, code := range testenv.Thinned([]string{
		"invalid_auth", "not_authed", "token_expired", "missing_scope", "org_login_required", "ekm_access_denied",
		"team_access_not_granted", "fatal_error", "service_unavailable", "ratelimited", "plan_upgrade_required", "said_for_the_first_time",
	}, 6) {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			cl, aws, _ := fakeCloud(t, fakeaws.Options{})
			w := newWorld(t, cl, worldOptions{})
			first := w.open(ann, dev, cl.instance+" 5s from 203.0.113.7")
			second := w.open(ann, dev, cl.instance+" 12s from 203.0.113.8")
			end, later := w.opened(first).Add(5*time.Second), w.opened(second).Add(12*time.Second)
			s := w.supervised(restartPause)
			w.slack.SetTokenError(w.slack.BotToken(), code)
			w.slack.SetTokenError(w.slack.AppToken(), code)
			w.slack.Drop()
			w.accessEnds(aws, first, end)
			s.kill()
			w.accessEnds(aws, second, later)
			if ended := s.ended(); len(ended) != 1 {
				t.Errorf("one process was killed, and these ended: %v", ended)
			}
			if code := s.stop(); code != exitOK {
				t.Errorf("SIGTERM ends it with %d", code)
			}
		})
	}
}

// logged waits until the log has it.
func (w *world) logged(says string) {
	w.t.Helper()
	for end := time.Now().Add(patience); !strings.Contains(w.log.String(), says); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			w.t.Fatalf("the log never says %q", says)
		}
	}
}

func TestAccessEndsAlthoughSomethingIsMissing(t *testing.T) {
	t.Parallel()
	for name, c := range testenv.ThinnedRows(map[string]struct {
		miss func(t *testing.T, w *world)
		says string // in the log, once that is known
	}{
		"the name of Slack": {says: "Slack does not answer", miss: func(_ *testing.T, w *world) {
			w.process.Env = append(w.process.Env, "SLACK_API_URL=http://slack.invalid/api/")
		}},
		"a workspace": {says: "whole organisation", miss: func(t *testing.T, w *world) {
			org := fakeslack.New(fakeslack.Options{EnterpriseID: "E0ORG", OrgInstall: true})
			if err := org.Start(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(org.Close)
			w.process.Env = append(w.process.Env,
				"SLACK_BOT_TOKEN="+org.BotToken(), "SLACK_APP_TOKEN="+org.AppToken(), "SLACK_API_URL="+org.APIURL())
		}},
		"the role in another account": {says: "AccessDenied", miss: func(_ *testing.T, w *world) {
			w.opts.others = ", {name: other, region: eu-west-1, role_arn: 'arn:aws:iam::000000000001:role/nobody'}"
			w.configure()
		}},
	}, 3) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cl, aws, _ := fakeCloud(t, fakeaws.Options{Deny: []string{"sts:AssumeRole"}})
			w := newWorld(t, cl, worldOptions{})
			id := w.open(ann, dev, cl.instance+" 4s from 203.0.113.7")
			end := w.opened(id).Add(4 * time.Second)
			c.miss(t, w)
			s := w.supervised(restartPause)
			w.accessEnds(aws, id, end)
			w.logged(c.says)
			if ended := s.ended(); len(ended) != 0 {
				t.Errorf("these ended: %v", ended)
			}
			if code := s.stop(); code != exitOK {
				t.Errorf("SIGTERM ends it with %d", code)
			}
		})
	}
}

// What was asked for before is not opened while nobody can be told, whichever
// of the processes finds that out.
func TestNothingOpensWhileSlackRefusesTheBot(t *testing.T) {
	testenv.SkipRaced(t, "TestAccessEndsAlthoughSlackRefusesTheBot goes the same ways, and this one may wait for a minute")
	t.Parallel()
	for name, restart := range map[string]bool{"while it runs": false, "after a restart": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cl, _, _ := fakeCloud(t, fakeaws.Options{RegisterDelay: 4 * time.Second})
			w := newWorld(t, cl, worldOptions{timing: strings.Replace(shortTiming, "opening: 30s", "opening: 12s", 1)})
			id := w.open(ann, dev, cl.instance+" 1m from 203.0.113.7")
			w.card(dev, id, "Opening")
			w.slack.SetTokenError(w.slack.BotToken(), "token_revoked")
			w.slack.SetTokenError(w.slack.AppToken(), "token_revoked")
			w.slack.Drop()
			if restart {
				w.supervised(restartPause)
			}
			w.logged("_TOKEN (token_revoked)")
			var record string
			// Who dies in the first call looks for a minute for what that may have made.
			for late := time.Now().Add(patience + time.Minute); !strings.Contains(record, `"act":"closed"`); record = w.audit() {
				if time.Now().After(late) {
					t.Fatalf("it never ends:\n%s", record)
				}
				time.Sleep(200 * time.Millisecond)
			}
			if strings.Contains(record, `"act":"opened"`) || !strings.Contains(record, `"reason":"failed"`) {
				t.Errorf("the audit record:\n%s", record)
			}
			w.nothingLeft()
		})
	}
}

// A 404 from what stands in front of Slack says nothing about the address once
// Slack has answered there.
func TestNoSlackAtTheAddressForAWhile(t *testing.T) {
	t.Parallel()
	cl, _, _ := fakeCloud(t, fakeaws.Options{})
	w := newWorld(t, cl, worldOptions{})
	last := 0
	for _, c := range w.slack.Connections() {
		last = max(last, c.ID)
	}
	w.slack.SetFault(func(fakeslack.Call) fakeslack.Outcome { return fakeslack.Outcome{Status: http.StatusNotFound} })
	w.slack.Drop()
	w.logged("404")
	time.Sleep(time.Second)
	w.slack.SetFault(nil)
	w.await("a new connection", func(s *fakeslack.Snapshot) bool {
		for _, c := range s.Connections() {
			if c.ID > last {
				return true
			}
		}
		return false
	})
	w.slash(ann, dev, "list")
	select {
	case <-w.exited:
		t.Error("it has ended")
	default:
	}
}

// TestMetricsPortTaken has the port of /metrics taken by somebody else when the
// bot is restarted, and given back later.
func TestMetricsPortTaken(t *testing.T) {
	testenv.SkipRaced(t, "TestAccessEndsAlthoughSlackRefusesTheBot goes the same ways")
	t.Parallel()
	port := httptest.NewUnstartedServer(http.NotFoundHandler())
	addr := port.Listener.Addr().String()
	cl, aws, _ := fakeCloud(t, fakeaws.Options{})
	port.Close()
	w := newWorld(t, cl, worldOptions{listen: addr})
	id := w.open(ann, dev, cl.instance+" 4s from 203.0.113.7")
	end := w.opened(id).Add(4 * time.Second)
	w.kill()
	taken, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	s := w.supervised(restartPause)
	s.kill()

	w.accessEnds(aws, id, end)
	w.card(dev, id, "Closed", "expired")
	w.logged("address already in use")
	if ended := s.ended(); len(ended) != 1 {
		t.Errorf("one process was killed, and these ended: %v", ended)
	}
	if err := taken.Close(); err != nil {
		t.Fatal(err)
	}
	w.logged("listen=" + addr)
	for late := time.Now().Add(patience); ; time.Sleep(100 * time.Millisecond) {
		if status, _ := w.get("/readyz"); status == http.StatusOK {
			break
		}
		if time.Now().After(late) {
			t.Fatal("/readyz is not there although the port is free")
		}
	}
}
