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
	"sync"

	"github.com/slack-go/slack"
	"golang.org/x/sync/singleflight"

	"github.com/sshforward/sshforward"
)

// Keeper takes commands. An error's code and message say what the caller is
// told, see [sshforward.Error].
type Keeper interface {
	Do(ctx context.Context, c sshforward.Caller, cmd sshforward.Command) (sshforward.Reply, error)
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
