package bot

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/bot/fakeslack"
	"github.com/sshforward/sshforward/internal/testenv"
)

func cardOf(id string) *sshforward.Lease {
	return &sshforward.Lease{ID: id, State: sshforward.Opening, Owner: "U1", Channel: "C1"}
}

// Slack that needs more than ten seconds has the card all the same, once.
func TestSlowSlackGetsACardOnce(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	w.FailNext("chat.postMessage", fakeslack.Outcome{DelayAnswer: 11 * time.Second})
	b := New(options(w, new(testenv.Buffer)))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, ts, err := b.Card(ctx, cardOf("aaaaaaa")); err != nil || ts == "" {
		t.Errorf("posting took a while: %v", err)
	}
	if n := len(w.Messages("C1")); n != 1 {
		t.Errorf("%d cards", n)
	}
}

// A message whose sender gave up, and which came all the same, does not stay
// beside its repetition.
func TestMessageThatCameTooLateIsDeleted(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	w.FailNext("chat.postMessage", fakeslack.Outcome{DelayAnswer: time.Second})
	b := New(options(w, new(testenv.Buffer)))
	short, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, _, err := b.Card(short, cardOf("aaaaaaa")); sshforward.ErrorCode(err) != sshforward.EUNAVAILABLE {
		t.Fatalf("it says %v", err)
	}
	_, ts, err := b.Card(t.Context(), cardOf("aaaaaaa"))
	if err != nil {
		t.Fatal(err)
	}
	waitFor(t, w, func(s *fakeslack.Snapshot) bool {
		all := s.Messages("C1")
		return len(all) == 1 && all[0].TS == ts
	})
}

// A NAT forgot the one HTTP/2 connection that all calls go over: a new one is
// made within seconds, and not after a quarter of an hour.
func TestSilentConnectionIsReplaced(t *testing.T) {
	t.Parallel()
	lender := httptest.NewTLSServer(nil)
	lender.Close()
	w := office(t, fakeslack.Options{TLS: &tls.Config{Certificates: lender.TLS.Certificates}})
	roots := x509.NewCertPool()
	roots.AddCert(lender.Certificate())
	o := options(w, new(testenv.Buffer))
	o.HTTPClient = newHTTPClient(300*time.Millisecond, 300*time.Millisecond)
	o.HTTPClient.Transport.(*http.Transport).TLSClientConfig = &tls.Config{RootCAs: roots}
	b := New(o)
	if _, _, err := b.Card(t.Context(), cardOf("aaaaaaa")); err != nil {
		t.Fatal(err)
	}
	w.Silence()
	began := time.Now()
	for try := range 100 {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		_, _, err := b.Card(ctx, cardOf("bbbbbbb"))
		cancel()
		if err == nil {
			t.Logf("try %d, after %s", try+1, time.Since(began))
			break
		}
		if time.Since(began) > 10*time.Second {
			t.Fatalf("still nothing after %s: %v", time.Since(began), err)
		}
	}
}
