// Package bot is the Slack side: it turns envelopes into commands for the
// keeper and leases into messages. It never touches AWS or the store.
//
//	envelope -> parse -> Keeper.Do -> answer      (dispatch.go, slash.go, click.go, answer.go)
//	modal -> Keeper.Do -> the modal's next step   (form*.go, deny.go, suggest.go)
//	lease -> render -> card or notice             (notifier.go, render_*.go)
//	change -> ShowHome -> home tab                (home*.go)
//
// Two Socket Mode connections share one dispatcher and one memory of envelope
// ids, so that Slack can ask one of them to go without a command being lost
// (socket.go).
package bot

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/slack-go/slack"
	"golang.org/x/sync/singleflight"

	"github.com/sshforward/sshforward"
)

// Keeper takes commands. An error's code and message say what the caller is
// told, see [sshforward.Error].
type Keeper interface {
	Do(ctx context.Context, c sshforward.Caller, cmd sshforward.Command) (sshforward.Reply, error)
}

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
	// Language is that of what a channel sees, and of people whose locale
	// Slack does not tell: "en", the default, or "ja".
	Language string
	// Duration is what a lease is for when nobody says, filled into the form;
	// 0 leaves that input empty.
	Duration time.Duration
	// Prices are used for estimates; nil means sshforward.DefaultPrices.
	Prices sshforward.Prices
	// Logger defaults to one that discards.
	Logger *slog.Logger
	// HTTPClient needs a timeout; the default has one of 10 s.
	HTTPClient *http.Client

	// OnAck, if set, is told for every acknowledgement how long after the
	// receipt of its envelope it was handed over.
	OnAck func(time.Duration)
	// OnReconnect, if set, is called whenever a connection is up again.
	OnReconnect func()

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
		// slack-go's own default has no timeout at all.
		transport := http.DefaultTransport.(*http.Transport).Clone()
		transport.MaxIdleConnsPerHost = 32
		o.HTTPClient = &http.Client{Timeout: 10 * time.Second, Transport: transport}
	}
	if o.Commands == 0 {
		o.Commands = 256
	}
	for p, def := range map[*time.Duration]time.Duration{
		&o.CommandTimeout: 25 * time.Second,
		&o.ClickBudget:    2 * time.Second,
		&o.Grace:          5 * time.Second,
		&o.GroupCache:     time.Minute,
	} {
		if *p == 0 {
			*p = def
		}
	}
	return o
}

// connections is how many Socket Mode connections are kept. Slack gives each
// envelope to any one of them and asks each to go every few hours; with two,
// one is there while the other dials.
const connections = 2

// Bot is the [sshforward.Notifier] and the [sshforward.Directory]; with Run it
// also listens to people.
type Bot struct {
	opt   Options
	log   *slog.Logger
	api   *slack.Client
	show  render
	links []*link
	// invalid gets the reason when Slack no longer takes a token.
	invalid chan error
	suspect singleflight.Group

	groups      singleflight.Group
	mu          sync.Mutex
	groupsKnown map[string]membership

	locales locales

	reminders reminders
	// told is where people were asked, lest a repeated notice asks them again.
	told  *memory[sshforward.Place]
	homes *homes
}

var (
	_ sshforward.Notifier  = (*Bot)(nil)
	_ sshforward.Directory = (*Bot)(nil)
)

// New makes a bot. It talks to nobody before it is used.
func New(o Options) *Bot {
	o = o.withDefaults()
	b := &Bot{
		opt:         o,
		log:         o.Logger,
		show:        render{language: languageOf(o.Language), prices: o.Prices, channel: o.Channel},
		invalid:     make(chan error, 1),
		groupsKnown: map[string]membership{},
		told:        remember[sshforward.Place](toldMost),
		api:         newClient(o, o.HTTPClient),
	}
	b.homes = newHomes(b)
	for n := range connections {
		b.links = append(b.links, newLink(b, n))
	}
	return b
}

// newClient makes slack-go's client for the Web API. Debug stays off: it prints
// what people write, and makes Slack's connections short-lived.
func newClient(o Options, via interface {
	Do(*http.Request) (*http.Response, error)
}) *slack.Client {
	return slack.New(o.Token, slack.OptionAppLevelToken(o.AppToken), slack.OptionAPIURL(o.APIURL),
		slack.OptionHTTPClient(via), slack.OptionLog(slog.NewLogLogger(o.Logger.Handler(), slog.LevelDebug)))
}

// Connected reports whether Slack can reach the bot now.
func (b *Bot) Connected() bool {
	for _, l := range b.links {
		if l.up.Load() {
			return true
		}
	}
	return false
}

// Run listens to people and hands what they ask for to the keeper until ctx
// ends, which is no error: it lets running commands finish, for Options.Grace
// at most. It survives everything but a token that Slack does not take
// (EFORBIDDEN) and an address that is not Slack's (EINVALID). Run is called
// once.
func (b *Bot) Run(ctx context.Context, keeper Keeper) error {
	me, err := b.whoAmI(ctx)
	if err != nil || me == nil {
		return err
	}
	b.log.Info("signed in to Slack", "team", me.TeamID, "bot", me.UserID)
	if me.TeamID == "" {
		b.log.Warn("Slack does not say which workspace this is; the one of the first command will be served, and no other until the next start", "step", "auth.test")
	}
	d := newDispatcher(b, keeper, me.TeamID)
	b.homes.begin(d)

	// The connections outlive ctx: clicks that are being recorded still want
	// their acknowledgement.
	wires, hangUp := context.WithCancel(context.WithoutCancel(ctx))
	defer hangUp()
	failed := make(chan error, connections)
	var running sync.WaitGroup
	for _, l := range b.links {
		running.Go(func() {
			if err := l.run(wires, d); err != nil {
				failed <- err
			}
		})
	}

	select {
	case <-ctx.Done():
	case err = <-failed:
	case err = <-b.invalid:
	}
	d.stop(b.opt.Grace)
	b.homes.end()
	hangUp()
	running.Wait()
	return err
}

// whoAmI asks Slack until it answers. Both results are nil when ctx ended.
func (b *Bot) whoAmI(ctx context.Context) (*slack.AuthTestResponse, error) {
	var gap backoff
	for {
		me, err := b.api.AuthTestContext(ctx)
		switch {
		case err == nil:
			return me, nil
		case ctx.Err() != nil:
			return nil, nil
		}
		if bad := b.badToken("SLACK_BOT_TOKEN", err); bad != nil {
			return nil, bad
		}
		wait := max(gap.next(), retryAfter(err))
		b.log.Warn("Slack does not answer", "step", "auth.test", "err", b.clean(err), "retry_in", wait)
		if !sleep(ctx, wait) {
			return nil, nil
		}
	}
}
