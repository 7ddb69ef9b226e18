package bot

import (
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/slack-go/slack"
)

// chat.update takes fifty or so calls a minute in a workspace, over all leases
// (tier 3). What is most urgent goes first: each kind has to leave room for those
// before it. The window is a little more than a minute and a little less than
// fifty, since calls do not arrive as far apart as they were sent.
const (
	updateWindow = 62 * time.Second
	// progressPause is the least that progress waits for room.
	progressPause = 5 * time.Second
)

// urgency is how many updates may have been made within updateWindow for one of
// a kind to go at once.
type urgency int

const (
	changeOfState urgency = 46 // of a lease, on its card
	edit          urgency = 36 // of a message beside the card
	progress      urgency = 20 // on a card
)

// rates keeps calls within what Slack takes. Nobody waits in here: who comes too
// early is told when to come again, as Slack itself would.
type rates struct {
	mu      sync.Mutex
	updates []time.Time          // within the last updateWindow
	quiet   map[string]time.Time // by method, until when Slack wants no more
}

func newRates() *rates { return &rates{quiet: make(map[string]time.Time)} }

// takeUpdate makes room for one update, or says how long there is none.
func (r *rates) takeUpdate(u urgency, now time.Time) (wait time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.updates) > 0 && now.Sub(r.updates[0]) >= updateWindow {
		r.updates = r.updates[1:]
	}
	if over := len(r.updates) - int(u); over >= 0 {
		wait = r.updates[over].Add(updateWindow).Sub(now) + rand.N(time.Second) // not all at once
		if u == progress {
			wait = max(wait, progressPause)
		}
		return wait
	}
	r.updates = append(r.updates, now)
	return 0
}

// limited is what somebody is told who comes too early.
func limited(wait time.Duration) error { return &slack.RateLimitedError{RetryAfter: wait} }

// over sends requests over another client, but for those of a method that Slack
// has asked to be left alone with: each would be refused, and some of Slack's
// limits grow with what is sent in vain.
func (r *rates) over(next *http.Client) *quietly { return &quietly{r, next} }

// quietly is a client that keeps quiet as Slack asks.
type quietly struct {
	rates *rates
	next  *http.Client
}

// Do sends a request, or answers it as Slack would.
func (q *quietly) Do(req *http.Request) (*http.Response, error) {
	key := rateKey(req)
	if wait := q.rates.quietFor(key, time.Now()); wait > 0 {
		seconds := strconv.Itoa(int((wait + time.Second - 1) / time.Second))
		return &http.Response{StatusCode: http.StatusTooManyRequests, Status: "429 Too Many Requests", Request: req,
			Header: http.Header{"Retry-After": {seconds}}, Body: io.NopCloser(strings.NewReader(""))}, nil
	}
	resp, err := q.next.Do(req)
	if err == nil && resp.StatusCode == http.StatusTooManyRequests {
		q.rates.beQuiet(key, resp.Header.Get("Retry-After"), time.Now())
	}
	return resp, err
}

// rateKey is what shares a limit: a method, and for messages a channel.
func rateKey(req *http.Request) string {
	method := path.Base(req.URL.Path)
	if method != "chat.postMessage" || req.GetBody == nil {
		return method
	}
	body, err := req.GetBody()
	if err != nil {
		return method
	}
	defer body.Close()
	text, _ := io.ReadAll(io.LimitReader(body, 1<<20))
	form, _ := url.ParseQuery(string(text))
	return method + " " + form.Get("channel")
}

func (r *rates) quietFor(key string, now time.Time) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	until, ok := r.quiet[key]
	if ok && !now.Before(until) {
		delete(r.quiet, key)
	}
	return until.Sub(now)
}

// beQuiet notes that Slack wants no more calls for so many seconds, if it says how
// many.
func (r *rates) beQuiet(key, seconds string, now time.Time) {
	n, err := strconv.Atoi(seconds)
	if err != nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for other, until := range r.quiet { // channels come and go
		if !now.Before(until) {
			delete(r.quiet, other)
		}
	}
	r.quiet[key] = now.Add(time.Duration(max(1, n)) * time.Second)
}
