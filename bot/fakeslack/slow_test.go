package fakeslack_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/slack-go/slack"

	"github.com/sshforward/sshforward/bot/fakeslack"
)

// impatient is slack-go with a client that gives up after d.
func impatient(t *testing.T, w *fakeslack.Workspace, d time.Duration) *slack.Client {
	tr := &http.Transport{}
	t.Cleanup(tr.CloseIdleConnections)
	return slack.New(w.BotToken(), slack.OptionAppLevelToken(w.AppToken()), slack.OptionAPIURL(w.APIURL()),
		slack.OptionHTTPClient(&http.Client{Timeout: d, Transport: tr}))
}

func TestBrokenUntilMended(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	api := client(t, w)
	groups := func() error { _, err := api.GetUserGroups(); return err }
	members := func() error { _, err := api.GetUserGroupMembers("S1"); return err }
	who := func() error { _, err := api.GetUserInfo("U1"); return err }
	w.Break("usergroups.*", fakeslack.Outcome{Error: "plan_upgrade_required"})
	w.Break("users.info", fakeslack.Outcome{Error: "internal_error"})
	for range 2 {
		wantErr(t, groups(), "plan_upgrade_required")
		wantErr(t, members(), "plan_upgrade_required")
		wantErr(t, who(), "internal_error")
	}
	w.FailNext("users.info", fakeslack.Outcome{Error: "fatal_error"})
	wantErr(t, who(), "fatal_error")
	w.Mend("usergroups.*")
	wantErr(t, groups(), "")
	wantErr(t, who(), "internal_error")
	w.Mend()
	wantErr(t, who(), "")
}

func TestPagesFromInFrontOfSlack(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	for _, status := range []int{http.StatusOK, http.StatusNotFound, http.StatusInternalServerError} {
		w.FailNext("auth.test", fakeslack.Outcome{Status: status})
		res, err := http.Post(w.APIURL()+"auth.test", formType, strings.NewReader("token="+w.BotToken()))
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != status || !strings.HasPrefix(res.Header.Get("Content-Type"), "text/html") {
			t.Errorf("%d: %s, %s", status, res.Status, res.Header.Get("Content-Type"))
		}
		w.FailNext("auth.test", fakeslack.Outcome{Status: status})
		if _, err := client(t, w).AuthTest(); err == nil {
			t.Errorf("%d was taken for an answer", status)
		}
	}
	if _, err := client(t, w).AuthTest(); err != nil {
		t.Errorf("the next call: %v", err)
	}
}

// TestWhatTheClientGaveUpStillHappens is how one card becomes two.
func TestWhatTheClientGaveUpStillHappens(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	api := impatient(t, w, 100*time.Millisecond)
	w.Break("chat.postMessage", fakeslack.Outcome{Delay: 300 * time.Millisecond})
	began := time.Now()
	if _, _, err := api.PostMessage("C1", slack.MsgOptionText("card", false)); err == nil {
		t.Fatal("the client waited")
	}
	if n := len(w.Messages("C1")); n != 0 {
		t.Errorf("%d messages before the effect", n)
	}
	waitFor(t, w, func(s *fakeslack.Snapshot) bool { return len(s.Messages("C1")) == 1 })
	if took := time.Since(began); took < 250*time.Millisecond {
		t.Errorf("the effect came after %v", took)
	}
	w.Break("chat.update", fakeslack.Outcome{LoseAnswer: true})
	ts := w.Messages("C1")[0].TS
	if _, _, _, err := api.UpdateMessage("C1", ts, slack.MsgOptionText("edited", false)); err == nil {
		t.Fatal("the answer came")
	}
	if m, _ := w.Message(ts); m.Text != "edited" {
		t.Errorf("the effect was lost too: %s", m.Text)
	}
}

func TestCallsThatAreNeverAnswered(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	w.FailNext("chat.postMessage", fakeslack.Outcome{Silent: true})
	_, _, err := impatient(t, w, 100*time.Millisecond).PostMessage("C1", slack.MsgOptionText("x", false))
	if !errors.Is(err, context.DeadlineExceeded) || len(w.Messages("C1")) != 0 {
		t.Errorf("%v, %d messages", err, len(w.Messages("C1")))
	}
	w.FailNext(fakeslack.MethodDial, fakeslack.Outcome{Silent: true})
	_, url, err := client(t, w).StartSocketModeContext(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	d := websocket.Dialer{HandshakeTimeout: 100 * time.Millisecond}
	if _, _, err := d.Dial(url, nil); err == nil {
		t.Error("the connection was made")
	}
}

func TestConnectionsFallSilent(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{PingInterval: 20 * time.Millisecond, AckDeadline: 100 * time.Millisecond})
	c := dial(t, w)
	read(t, c)
	api := impatient(t, w, 200*time.Millisecond)
	if _, err := api.AuthTest(); err != nil { // from now on it keeps a connection
		t.Fatal(err)
	}
	w.Silence()
	if _, err := api.AuthTest(); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("over the silent connection: %v", err)
	}
	if _, err := api.AuthTest(); err != nil {
		t.Errorf("over a new one: %v", err)
	}
	if res, err := w.Slash(t.Context(), "U1", "C1", "list"); err != nil || res.Error != fakeslack.ErrTimeout {
		t.Errorf("a command down the silent line: %+v, %v", res, err)
	}
	_ = c.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	if _, b, err := c.ReadMessage(); err == nil {
		t.Errorf("the silent connection said %s", b)
	}
	c.Close()
	waitFor(t, w, func(s *fakeslack.Snapshot) bool { return len(s.Connections()) == 0 })

	w.SilenceNew(true)
	fresh := impatient(t, w, 100*time.Millisecond)
	if _, err := fresh.AuthTest(); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a new connection: %v", err)
	}
	w.SilenceNew(false)
	if _, err := fresh.AuthTest(); err != nil {
		t.Errorf("after it was over: %v", err)
	}
}

// TestTLS serves HTTP/2, where one connection carries everything, and WebSocket
// beside it.
func TestTLS(t *testing.T) {
	t.Parallel()
	lender := httptest.NewTLSServer(nil)
	lender.Close()
	w := office(t, fakeslack.Options{TLS: &tls.Config{Certificates: lender.TLS.Certificates}})
	roots := x509.NewCertPool()
	roots.AddCert(lender.Certificate())
	trust := &tls.Config{RootCAs: roots}
	tr := &http.Transport{TLSClientConfig: trust.Clone(), ForceAttemptHTTP2: true}
	t.Cleanup(tr.CloseIdleConnections)
	res, err := (&http.Client{Transport: tr, Timeout: 5 * time.Second}).Post(w.APIURL()+"auth.test", formType,
		strings.NewReader("token="+w.BotToken()))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.ProtoMajor != 2 {
		t.Errorf("answered with %s", res.Proto)
	}
	api := slack.New(w.BotToken(), slack.OptionAppLevelToken(w.AppToken()), slack.OptionAPIURL(w.APIURL()),
		slack.OptionHTTPClient(&http.Client{Transport: tr}))
	_, url, err := api.StartSocketModeContext(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c, _, err := (&websocket.Dialer{TLSClientConfig: trust.Clone()}).Dial(url, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if m := read(t, c); m["type"] != "hello" {
		t.Errorf("first message %v", m)
	}
	w.Drop()
	waitFor(t, w, func(s *fakeslack.Snapshot) bool { return len(s.Connections()) == 0 })
	w.Silence()
	short, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := api.AuthTestContext(short); !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("over the silent HTTP/2 connection: %v", err)
	}
}
