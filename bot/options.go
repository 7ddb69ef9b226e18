package bot

import (
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/slack-go/slack"
	"github.com/sshforward/sshforward"
)

// connections is how many Socket Mode connections are kept. Slack gives each
// envelope to any one of them and asks each to go every few hours; with two,
// one is there while the other dials.
const connections = 2

const (
	// rivalAfter is how long there have to be more connections than one's own:
	// those of a process that was replaced take a moment to go.
	rivalAfter = time.Minute
	// rivalEvery is how often it is looked whether a second process is still there.
	rivalEvery = 10 * time.Minute
)

// linkStagger is how much later than the first the second connection is made:
// Slack asks those to go together that were opened together.
const linkStagger = 4 * time.Second

// pingTimeouts is how long each connection goes without a WebSocket ping before
// slack-go makes a new one. A server that sends no pings loses each of them that
// often. With the same time-out it would lose both at the same moment. Multiples
// of these two meet after 20 minutes at the earliest, and by then the time that
// ten new connections take has moved them apart.
var pingTimeouts = [connections]time.Duration{30 * time.Second, 41 * time.Second}

// Options sets up a [Bot]. Only Token and AppToken are required.
type Options struct {
	// Token is the bot token (xoxb-…), AppToken the app-level one (xapp-…)
	// with connections:write.
	Token    string
	AppToken string
	// APIURL is Slack's address; empty means https://slack.com/api/.
	APIURL string
	// Channel takes the cards of leases that were asked for where the bot may
	// not post; empty means the requester's direct messages.
	Channel string
	// Cards are the only channels, besides Channel, where cards may stand; empty:
	// all. Cards never stand where another company reads them.
	Cards []string
	// Language is that of what a channel sees, and of people whose locale
	// Slack does not tell: "en", the default, or "ja".
	Language string
	// Duration is what a lease is for when nobody says, filled into the form;
	// 0 leaves that input empty.
	Duration time.Duration
	// Correct brings a request that is suggested within what policy can allow;
	// nil leaves it as it is. See sshforward.Policy.Correct.
	Correct func(sshforward.OpenLease) sshforward.OpenLease
	// Prices are used for estimates; nil means sshforward.DefaultPrices.
	Prices sshforward.Prices
	// Logger defaults to one that discards.
	Logger *slog.Logger
	// HTTPClient needs a timeout; the default has one of 10 s. Messages are
	// posted and updated without it: those have as long as the context says.
	HTTPClient *http.Client

	// Replicas, if set, says how many bots share the app, this one included: the
	// connections of the others are not a stranger's.
	Replicas func() int

	// OnAck, if set, is told for every acknowledgement how long after the
	// receipt of its envelope it was handed over.
	OnAck func(time.Duration)
	// OnConnect, if set, is called whenever a connection is up; again: not for
	// the first time.
	OnConnect func(again bool)

	// Commands is how many commands may run at once; default 256.
	Commands int
	// CommandTimeout bounds one command; default 25 s.
	CommandTimeout time.Duration
	// ClickBudget is how long the acknowledgement of a click may wait for it
	// to be recorded; default 2 s of the 3 s that Slack waits.
	ClickBudget time.Duration
	// Grace is how long running commands may go on after Run was asked to
	// stop; default 5 s.
	Grace time.Duration
	// GroupCache is how long the members of a user group are remembered;
	// default 60 s.
	GroupCache time.Duration

	// These are shorter in tests.
	pingTimeouts           [connections]time.Duration
	stagger                time.Duration // see linkStagger
	rivalAfter, rivalEvery time.Duration
}

func (o Options) withDefaults() Options {
	if o.APIURL == "" {
		o.APIURL = slack.APIURL
	}
	if !strings.HasSuffix(o.APIURL, "/") {
		o.APIURL += "/" // slack-go appends the method's name as it is
	}
	if o.Prices == nil {
		o.Prices = sshforward.DefaultPrices()
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.HTTPClient == nil {
		o.HTTPClient = newHTTPClient(silenceAfter, pongWithin)
	}
	if o.pingTimeouts == [connections]time.Duration{} {
		o.pingTimeouts = pingTimeouts
	}
	if o.Replicas == nil {
		o.Replicas = func() int { return 1 }
	}
	if o.Commands == 0 {
		o.Commands = 256
	}
	for p, def := range map[*time.Duration]time.Duration{
		&o.CommandTimeout: 25 * time.Second,
		&o.ClickBudget:    2 * time.Second,
		&o.Grace:          5 * time.Second,
		&o.GroupCache:     time.Minute,
		&o.stagger:        linkStagger,
		&o.rivalAfter:     rivalAfter,
		&o.rivalEvery:     rivalEvery,
	} {
		if *p == 0 {
			*p = def
		}
	}
	return o
}

// An HTTP/2 connection carries all calls. One that a NAT on the way has forgotten
// takes everything and never answers, and the kernel needs a quarter of an hour
// to notice; a ping after silenceAfter that has no answer within pongWithin ends
// it, and the next call makes a new one.
const (
	silenceAfter = 10 * time.Second
	pongWithin   = 5 * time.Second
)

// newHTTPClient makes the default client; slack-go's own has no timeout at all.
func newHTTPClient(silence, pong time.Duration) *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 32
	transport.HTTP2 = &http.HTTP2Config{SendPingTimeout: silence, PingTimeout: pong}
	return &http.Client{Timeout: 10 * time.Second, Transport: transport}
}
