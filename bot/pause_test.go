package bot

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// outage is Slack with every request for a connection going wrong.
type outage struct {
	status int
	header http.Header

	mu    sync.Mutex
	asked []time.Time
}

func (o *outage) RoundTrip(r *http.Request) (*http.Response, error) {
	answer := func(status int, h http.Header, body string) (*http.Response, error) {
		return &http.Response{StatusCode: status, Status: http.StatusText(status), Header: h,
			Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
	}
	if strings.HasSuffix(r.URL.Path, "/auth.test") {
		return answer(200, http.Header{}, `{"ok":true,"team_id":"T1","user_id":"U0"}`)
	}
	o.mu.Lock()
	o.asked = append(o.asked, time.Now())
	o.mu.Unlock()
	return answer(o.status, o.header, "")
}

// outageOf runs a bot through one of a day and returns the pauses between its
// attempts to connect. Nothing may be left running when it stops.
func outageOf(t *testing.T, o *outage) (gaps []time.Duration) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 24*time.Hour)
		defer cancel()
		b := New(Options{Token: "xoxb-x", AppToken: "xapp-x", HTTPClient: &http.Client{Transport: o, Timeout: 10 * time.Second}})
		if err := b.Run(ctx, &keeper{}); err != nil {
			t.Errorf("Run gave up: %v", err)
		}
		if b.Connected() {
			t.Error("it says it is connected")
		}
	})
	for i := 1; i < len(o.asked); i++ {
		gaps = append(gaps, o.asked[i].Sub(o.asked[i-1]))
	}
	return gaps
}

func TestLongOutageIsSatOutWithShortPauses(t *testing.T) {
	gaps := outageOf(t, &outage{status: http.StatusServiceUnavailable})
	if len(gaps) < 2*24*60 || len(gaps) > 24*3600 {
		t.Errorf("%d attempts in a day", len(gaps))
	}
	for _, g := range gaps {
		if g > maxPause {
			t.Fatalf("nobody tried for %v", g)
		}
	}
}

func TestSlackThatAsksForAPauseGetsIt(t *testing.T) {
	gaps := outageOf(t, &outage{status: http.StatusTooManyRequests, header: http.Header{"Retry-After": {"120"}}})
	for _, g := range gaps {
		if g > linkStagger && g < 119*time.Second-linkStagger { // less: the other connection
			t.Fatalf("tried again after %v", g)
		}
	}
}
