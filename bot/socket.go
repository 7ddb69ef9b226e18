package bot

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"
)

const (
	// maxGap is the longest pause between two attempts to connect. slack-go
	// goes up to five minutes, in which nobody is answered.
	maxGap = 30 * time.Second
	minGap = 250 * time.Millisecond
	// settled is how long a connection lives before it counts as a good one.
	settled = 10 * time.Second
)

// patience is how long each connection goes without a WebSocket ping before
// slack-go makes a new one. A server that sends no pings loses each of them that
// often; with the same patience it would lose them at the same moment, with
// these two it takes 20 minutes to come near that, and then they have drifted
// apart by what ten new connections take.
var patience = [connections]time.Duration{30 * time.Second, 41 * time.Second}

// link is one Socket Mode connection that is kept up for ever.
type link struct {
	b      *Bot
	n      int
	client *socketmode.Client
	up     atomic.Bool
	ever   bool // was up before
}

func newLink(b *Bot, n int) *link {
	log := slog.NewLogLogger(b.log.Handler(), slog.LevelDebug)
	// A client of its own, with which it asks for connections and nothing else.
	api := newClient(b.opt, &gate{next: b.opt.HTTPClient})
	return &link{b: b, n: n, client: socketmode.New(api, socketmode.OptionLog(log), socketmode.OptionPingInterval(patience[n]))}
}

// gate holds back the request for a new connection if the last one did not
// live long. With Socket Mode switched off (link_disabled) Slack lets every
// connection in and closes it at once, and slack-go asks for the next without
// any pause. Ending slack-go's client instead would now and then cut off a
// connection to which Slack has just given a command.
type gate struct {
	next *http.Client
	gap  backoff
	last time.Time // when a connection was last granted
}

func (g *gate) Do(req *http.Request) (*http.Response, error) {
	if g.last.IsZero() || time.Since(g.last) > settled {
		g.gap.reset()
	} else if !sleep(req.Context(), g.gap.next()) {
		return nil, req.Context().Err()
	}
	resp, err := g.next.Do(req)
	if err == nil && resp.StatusCode == http.StatusOK {
		g.last = time.Now()
	}
	return resp, err
}

// run returns nil when ctx ends, and an error only if Slack does not take the
// app token.
func (l *link) run(ctx context.Context, d *dispatcher) error {
	for {
		wait, err := l.session(ctx, d)
		if ctx.Err() != nil {
			return nil
		}
		if bad := l.b.badToken("SLACK_APP_TOKEN", err); bad != nil {
			return bad
		}
		if !sleep(ctx, wait) {
			return nil
		}
	}
}

// session runs slack-go's client, which connects again by itself, until it
// gives up or would wait too long, and says how long to stay away.
//
// It is also what drains the client's events: nothing here may block, since a
// client whose Events channel (50) is full stops for good.
func (l *link) session(ctx context.Context, d *dispatcher) (wait time.Duration, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer l.up.Store(false)
	ended := make(chan error, 1)
	go func() {
		// slack-go parses what comes over the wire; a panic there must not
		// take the whole process.
		defer func() {
			if r := recover(); r != nil {
				l.b.logPanic("socketmode", r)
				ended <- errors.New("slack-go panicked")
			}
		}()
		ended <- l.client.RunContext(ctx)
	}()
	wait = minGap
	one := func(evt socketmode.Event) {
		if e, ok := envelopeOf(evt); ok {
			d.deliver(e, l.client.AckCtx)
			return
		}
		if l.note(evt) > maxGap {
			wait = maxGap/2 + rand.N(maxGap/2)
			cancel() // slack-go is waiting, so there is no connection to lose
		}
	}
	for {
		select {
		case evt := <-l.client.Events:
			one(evt)
		case err = <-ended:
			for { // what was left over
				select {
				case evt := <-l.client.Events:
					one(evt)
				default:
					return wait, err
				}
			}
		}
	}
}

// note keeps up with the connection's state. It returns how long slack-go will
// wait by its own choice; what Slack asks for with a 429 is not cut short.
func (l *link) note(evt socketmode.Event) (gap time.Duration) {
	log := l.b.log.With("connection", l.n)
	switch data := evt.Data.(type) {
	case *slack.ConnectingEvent:
		l.up.Store(false)
	case *slack.ConnectionErrorEvent:
		log.Warn("cannot connect to Slack", "err", l.b.clean(data.ErrorObj), "retry_in", min(data.Backoff, max(maxGap, retryAfter(data.ErrorObj))))
		if retryAfter(data.ErrorObj) == 0 {
			return data.Backoff
		}
	case *slack.IncomingEventError:
		log.Info("connection to Slack lost", "err", l.b.clean(data.ErrorObj))
	case *socketmode.ErrorWriteFailed:
		// Ack returning nil means queued; this is where it shows that it was
		// not sent. Slack shows the person an error, or delivers again.
		log.Warn("acknowledgement not sent", "err", l.b.clean(data.Cause))
	}
	if evt.Type == socketmode.EventTypeHello {
		l.up.Store(true)
		log.Info("connected to Slack")
		if l.ever && l.b.opt.OnReconnect != nil {
			l.b.opt.OnReconnect()
		}
		l.ever = true
	}
	return 0
}

// envelope is one thing that Slack wants acknowledged.
type envelope struct {
	id      string
	kind    string // slash_commands, interactive, events_api
	payload json.RawMessage
	at      time.Time // when it came
	// answerable: an acknowledgement may carry an answer. Slack says so for
	// slash commands; what comes with any other acknowledgement is dropped.
	answerable bool
}

// envelopeOf takes the envelope as it came over the wire. slack-go's own types
// are not used: they refuse a whole envelope for one field of a kind they do
// not expect (is_enterprise_install comes as a bool or as a string), and what
// was refused would never be acknowledged.
func envelopeOf(evt socketmode.Event) (envelope, bool) {
	req := evt.Request
	if bad, ok := evt.Data.(*socketmode.ErrorBadMessage); ok {
		req = new(socketmode.Request)
		if json.Unmarshal(bad.Message, req) != nil {
			return envelope{}, false
		}
	}
	if req == nil || req.EnvelopeID == "" {
		return envelope{}, false
	}
	return envelope{id: req.EnvelopeID, kind: req.Type, payload: req.Payload, at: time.Now(), answerable: req.AcceptsResponsePayload}, true
}

// backoff doubles from minGap to maxGap, with jitter.
type backoff struct{ last time.Duration }

func (b *backoff) next() time.Duration {
	b.last = min(max(2*b.last, minGap), maxGap)
	return b.last/2 + rand.N(b.last/2)
}

func (b *backoff) reset() { b.last = 0 }

// sleep reports false if ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
