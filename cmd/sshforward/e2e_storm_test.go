package main

import (
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sshforward/sshforward/bot/fakeslack"
	"github.com/sshforward/sshforward/internal/testenv"
)

// faulty stands between the bot and moto, which knows no faults of its own:
// it throttles, fails, and loses answers after the effect.
type faulty struct {
	http.Handler
	mu   sync.Mutex
	rng  *rand.Rand
	rate float64
}

func newFaulty(t *testing.T, to string, seed uint64, rate float64) *faulty {
	t.Helper()
	target, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.ErrorLog = log.New(io.Discard, "", 0) // a bot that is killed hangs up
	return &faulty{Handler: proxy, rng: rand.New(rand.NewPCG(seed, 0)), rate: rate}
}

const throttled = `<ErrorResponse>
<Error><Type>Sender</Type><Code>Throttling</Code><Message>Rate exceeded</Message></Error><RequestId>x</RequestId>
</ErrorResponse>`

func (f *faulty) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	f.mu.Lock()
	hit, kind := f.rng.Float64() < f.rate, f.rng.IntN(3)
	f.mu.Unlock()
	if !hit {
		f.Handler.ServeHTTP(w, req)
		return
	}
	switch kind {
	case 0:
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, throttled)
	case 1:
		w.WriteHeader(http.StatusInternalServerError)
	case 2:
		f.Handler.ServeHTTP(httptest.NewRecorder(), req)
		panic(http.ErrAbortHandler) // the effect is there, the answer is lost
	}
}

// TestStormOnMoto is the second opinion on the storms of internal/sim: the real process in
// real time against somebody else's AWS, behind a proxy with the same faults,
// killed and restarted in the middle.
func TestStormOnMoto(t *testing.T) {
	testenv.SkipRaced(t, "moto is slow, and says the same")
	t.Parallel()
	c := motoCloud(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	proxy := httptest.NewServer(newFaulty(t, c.url, seed, 0.3))
	t.Cleanup(proxy.Close)
	c.url = proxy.URL
	before := c.foreign(t)
	w := newWorld(t, c, worldOptions{timing: strings.Replace(shortTiming, "opening: 30s", "opening: 1m", 1)})

	var ids []string
	for i := range 4 {
		user := []string{ann, bob}[i%2]
		for try := 0; ; try++ { // as people do when they are told to try again
			m := w.slash(user, dev, fmt.Sprintf("open %s 5s from 203.0.113.%d", c.instance, 7+i))
			if m.HasButton("lease.confirm") {
				ids = append(ids, buttonValue(t, m, "lease.confirm"))
				w.click(user, m, "lease.confirm")
				break
			}
			if try == 20 {
				t.Fatalf("never got a prompt: %s", m.Visible())
			}
		}
	}
	w.kill()
	w.start()
	for _, id := range ids {
		w.awaitFor(2*time.Minute, "the end of "+id, func(s *fakeslack.Snapshot) bool {
			for _, m := range s.Messages(dev) {
				if m.ThreadTS == "" && strings.Contains(m.Visible(), id) && strings.Contains(m.Visible(), "*Closed*") {
					return true
				}
			}
			return false
		})
	}
	w.nothingLeft()
	if after := c.foreign(t); after != before {
		t.Errorf("something that is not ours was touched.\nbefore:\n%s\nafter:\n%s", before, after)
	}
}
