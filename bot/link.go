package bot

import (
	"cmp"
	"context"
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
	// minPause is how long to wait before a session that ended is begun anew.
	minPause = 250 * time.Millisecond
	// stableAfter is how long a connection lives before it counts as a good one.
	stableAfter = 10 * time.Second
)

// link keeps one Socket Mode connection up.
type link struct {
	client    *client
	n         int
	socket    *socketmode.Client
	onConnect func(again bool) // see Options.OnConnect; may be nil
	up        atomic.Bool
	ever      bool          // was up before
	greeted   func(all int) // is told how many connections Slack counts
	renewals  chan struct{} // asks for a new connection
}

func newLink(c *client, o Options, n int) *link {
	log := slog.NewLogLogger(o.Logger.Handler(), slog.LevelDebug)
	// A client of its own, with which it asks for connections and nothing else.
	api := newAPI(o, &dialLimit{next: o.HTTPClient})
	return &link{client: c, n: n, onConnect: o.OnConnect, greeted: func(int) {}, renewals: make(chan struct{}), socket: socketmode.New(api,
		socketmode.OptionLog(log), socketmode.OptionPingInterval(o.pingTimeouts[n]))}
}

// dialLimit holds back the request for a new connection if the last one did not
// live long. With Socket Mode switched off (link_disabled) Slack lets every
// connection in and closes it at once, and slack-go asks for the next without
// any pause. Ending slack-go's client instead would now and then cut off a
// connection to which Slack has just given a command.
type dialLimit struct {
	next  *http.Client
	short int       // connections in a row that did not live long
	last  time.Time // when a connection was last granted
}

func (d *dialLimit) Do(req *http.Request) (*http.Response, error) {
	if d.last.IsZero() || time.Since(d.last) > stableAfter {
		d.short = 0
	} else {
		d.short++
		if !sleep(req.Context(), pause(d.short)) {
			return nil, req.Context().Err()
		}
	}
	resp, err := d.next.Do(req)
	if err == nil && resp.StatusCode == http.StatusOK {
		d.last = time.Now()
	}
	return resp, err
}

// run returns nil when ctx ends, and an error only if Slack does not take the
// app token.
func (l *link) run(ctx context.Context, deliver func(envelope, acker)) error {
	for attempt := 1; ; attempt++ {
		began := time.Now()
		wait, err := l.session(ctx, deliver)
		if ctx.Err() != nil {
			return nil
		}
		if bad := l.client.badToken("SLACK_APP_TOKEN", err); bad != nil {
			return bad
		}
		if time.Since(began) > stableAfter {
			attempt = 1
		}
		if err != nil && !errors.Is(err, context.Canceled) {
			wait = max(wait, pause(attempt))
			l.client.log.Warn("cannot connect to Slack", "connection", l.n, "err", l.client.clean(err), "retry_in", wait)
		}
		if !sleep(ctx, wait) {
			return nil
		}
	}
}

// renew ends the connection, so that a new one is made, and waits until that is
// up or ctx ends.
func (l *link) renew(ctx context.Context) {
	select {
	case l.renewals <- struct{}{}:
	case <-ctx.Done():
		return
	}
	for sleep(ctx, 50*time.Millisecond) && !l.up.Load() {
	}
}

// session runs slack-go's client, which connects again by itself, until it
// gives up or would wait too long, and says how long to stay away.
//
// It is also what drains the client's events: nothing here may block, since a
// client whose Events channel (50) is full stops for good.
func (l *link) session(ctx context.Context, deliver func(envelope, acker)) (wait time.Duration, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer l.up.Store(false)
	ended := make(chan error, 1)
	go func() {
		// slack-go parses what comes over the wire; a panic there must not
		// take the whole process.
		defer l.client.recovered("socketmode", func() { ended <- errors.New("slack-go panicked") })
		ended <- l.socket.RunContext(ctx)
	}()
	wait = minPause
	var refused error
	one := func(evt socketmode.Event) {
		if e, ok := envelopeOf(evt); ok {
			deliver(e, l.socket.AckCtx)
			return
		}
		// slack-go gives up by itself after some of these, and not after others.
		if e, ok := evt.Data.(*slack.ConnectionErrorEvent); ok && l.client.badToken("SLACK_APP_TOKEN", e.ErrorObj) != nil {
			refused = e.ErrorObj
			cancel()
			return
		}
		if l.note(evt) > maxPause {
			wait = maxPause/2 + rand.N(maxPause/2)
			cancel() // slack-go is waiting, so there is no connection to lose
		}
	}
	for {
		select {
		case evt := <-l.socket.Events:
			one(evt)
		case <-l.renewals:
			cancel()
		case err = <-ended:
			for { // what was left over
				select {
				case evt := <-l.socket.Events:
					one(evt)
				default:
					return wait, cmp.Or(refused, err)
				}
			}
		}
	}
}

// note keeps up with the connection's state. It returns how long slack-go will
// wait by its own choice; what Slack asks for with a 429 is not cut short.
func (l *link) note(evt socketmode.Event) (gap time.Duration) {
	log := l.client.log.With("connection", l.n)
	switch data := evt.Data.(type) {
	case *slack.ConnectingEvent:
		l.up.Store(false)
	case *slack.ConnectionErrorEvent:
		log.Warn("cannot connect to Slack", "err", l.client.clean(data.ErrorObj),
			"retry_in", min(data.Backoff, max(maxPause, retryAfter(data.ErrorObj))))
		if retryAfter(data.ErrorObj) == 0 {
			return data.Backoff
		}
	case *slack.IncomingEventError:
		log.Info("connection to Slack lost", "err", l.client.clean(data.ErrorObj))
	case *socketmode.ErrorWriteFailed:
		// Ack returning nil means queued; this is where it shows that it was
		// not sent. Slack shows the person an error, or delivers again.
		log.Warn("acknowledgement not sent", "err", l.client.clean(data.Cause))
	}
	if evt.Type == socketmode.EventTypeHello {
		l.up.Store(true)
		if evt.Request != nil {
			l.greeted(evt.Request.NumConnections)
		}
		log.Info("connected to Slack")
		if l.onConnect != nil {
			l.onConnect(l.ever)
		}
		l.ever = true
	}
	return 0
}
