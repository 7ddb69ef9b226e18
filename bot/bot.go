// Package bot is the Slack side: it turns envelopes into commands for the
// keeper and leases into messages. It never touches AWS or the store.
//
//	link       a Socket Mode connection; two share one dispatcher and one memory
//	           of envelope ids, so that Slack can ask one of them to go without a
//	           command being lost
//	dispatcher gives each envelope to the handler, once
//	handler    envelope -> parse -> command -> answer (slash.go, click.go, modal.go …)
//	runner     command -> Keeper (keeper.go)
//	notifier   lease -> card or notice (notifier.go)
//	homes      change -> home tab (home.go)
//	localizer  whoever reads -> render, in their language (locale.go, people.go)
//	render     lease, error … -> message or view (render*.go)
//	client     Slack's Web API (client.go)
//
// Each uses only what stands below it. Rendering uses nothing but the blocks,
// the language and the encoding of buttons (button.go); a test holds the files
// to that order.
package bot

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/slack-go/slack"

	"github.com/sshforward/sshforward"
)

// Bot is the [sshforward.Notifier] and the [sshforward.Directory]; with Run it
// also listens to people.
type Bot struct {
	opt       Options
	client    *client
	localizer *localizer
	groups    *groups
	channels  *channels
	notifier  *notifier
	homes     *homes
	follow    *follow
	links     []*link
	crowd     *crowd
}

var (
	_ sshforward.Notifier  = (*Bot)(nil)
	_ sshforward.Directory = (*Bot)(nil)
)

// New makes a bot. It talks to nobody before it is used.
func New(o Options) *Bot {
	o = o.withDefaults()
	c := newClient(o)
	s := &localizer{people: newPeople(c), forChannel: render{language: languageOf(o.Language), prices: o.Prices, channel: o.Channel,
		correct: o.Correct}}
	g, channels := newGroups(c, o.GroupCache), newChannels(c)
	b := &Bot{opt: o, client: c, crowd: &crowd{log: o.Logger}, localizer: s, groups: g, homes: newHomes(c, s, g), follow: newFollow(c, s),
		channels: channels,
		notifier: &notifier{client: c, localizer: s, channels: channels, groups: g, operators: o.Channel, cards: o.Cards}}
	for n := range connections {
		l := newLink(c, o, n)
		l.greeted = func(all int) { b.crowd.greeted(all, b.connected()+connections*(o.Replicas()-1)) }
		b.links = append(b.links, l)
	}
	return b
}

// Card posts the lease's card or updates it in place, and returns where it
// is. If the message is gone it is posted anew.
func (b *Bot) Card(ctx context.Context, l *sshforward.Lease) (channel, ts string, err error) {
	b.Changed(l)
	return b.notifier.card(ctx, l)
}

// Changed brings up to date what people see of a lease beside its card: their Home
// and the answer to their yes. It does not wait. Where other replicas work on leases
// too, it is for what they have changed.
func (b *Bot) Changed(l *sshforward.Lease) {
	b.homes.changed(l)
	b.follow.changed(l)
}

// ChangedAll is Changed where nobody knows what has changed.
func (b *Bot) ChangedAll() {
	for _, user := range b.homes.viewers.Keys() {
		b.homes.refresh(user)
	}
}

// Watched reports whether anybody may see what Changed brings up to date.
func (b *Bot) Watched() bool { return b.homes.viewers.Len() > 0 || b.follow.answers.Len() > 0 }

// Notice posts n in the thread of the lease's card; where that is gone, where
// a card would go. Alarms go to the operators' channel instead, the review of an
// urgent lease into the thread there, and what is for one approver to that one.
func (b *Bot) Notice(ctx context.Context, l *sshforward.Lease, n sshforward.Notice) (sshforward.Place, error) {
	return b.notifier.notice(ctx, l, n)
}

// Edit brings a message that was posted as a notice up to date.
func (b *Bot) Edit(ctx context.Context, l *sshforward.Lease, p sshforward.Posted) error {
	return b.notifier.edit(ctx, l, p)
}

// Announce tells the operators' channel something that is about no lease. It
// does nothing where none is configured. Errors are those of a Notifier.
func (b *Bot) Announce(ctx context.Context, text sshforward.Text) error {
	return b.notifier.announce(ctx, text)
}

// Members returns who is in a user group (S…). Slack is asked at most once a
// minute for each group; usergroups.* takes about 20 calls a minute. EUNAVAILABLE
// if Slack does not tell.
func (b *Bot) Members(ctx context.Context, group string) ([]string, error) {
	return b.groups.members(ctx, group)
}

// Person tells what policy has to know of somebody: guest, deactivated, a bot, of
// another company. Colleagues from other workspaces of the bot's organisation
// are no strangers. Slack is asked at most once a minute for each person.
// EUNAVAILABLE if it does not tell, or if the bot is installed on a whole
// organisation.
func (b *Bot) Person(ctx context.Context, user string) (sshforward.Person, error) {
	return b.localizer.people.person(ctx, user)
}

// Connected reports whether Slack can reach the bot now.
func (b *Bot) Connected() bool { return b.connected() > 0 }

// connected is how many of the bot's connections are up.
func (b *Bot) connected() (n int) {
	for _, l := range b.links {
		if l.up.Load() {
			n++
		}
	}
	return n
}

// Rivals is how many connections a second process has had for a while with the
// same app token.
func (b *Bot) Rivals() int { return b.crowd.rivals() }

// Run listens to people and hands what they ask for to the keeper until ctx
// ends, which is no error: it lets running commands finish, for Options.Grace
// at most. It survives everything but a token that Slack does not take
// (EFORBIDDEN with a [RefusedError]) and an address that never was Slack's
// (EINVALID). Run is called once.
func (b *Bot) Run(ctx context.Context, keeper Keeper) error {
	me, err := b.whoAmI(ctx)
	if err != nil || me == nil {
		return err
	}
	own := b.localizer.people.settle(me)
	b.client.log.Info("signed in to Slack", "team", me.TeamID, "bot", me.UserID)
	if own.orgWide() {
		b.client.log.Error("the bot is installed on a whole organisation: it closes what is open and opens nothing; install it in one workspace",
			"organisation", own.enterprise)
	}
	if me.TeamID == "" {
		b.client.log.Warn("Slack does not say which workspace this is; the one of the first command will be served, "+
			"and no other until the next start", "step", "auth.test")
	}
	b.warnOfScopes(me)
	b.client.answers = func(ctx context.Context, c sshforward.Caller) bool { return keeper.Answers(ctx, c) }
	r := newRunner(b.client, keeper, b.opt, b.homes.refresh)
	d := newDispatcher(newHandler(b.client, b.localizer, b.homes, b.follow, r, b.opt), b.opt.OnAck)
	b.homes.begin(r)

	// The connections outlive ctx: clicks that are being recorded still want
	// their acknowledgement.
	wires, hangUp := context.WithCancel(context.WithoutCancel(ctx))
	defer hangUp()
	failed := make(chan error, connections)
	var running sync.WaitGroup
	for n, l := range b.links {
		running.Go(func() {
			defer b.client.recovered("link", func() { failed <- errors.New("a connection panicked") })
			if !sleep(wires, time.Duration(n)*b.opt.stagger) {
				return
			}
			if err := l.run(wires, d.deliver); err != nil {
				failed <- err
			}
		})
	}

	running.Go(func() {
		defer b.client.recovered("channels", nil)
		b.watchChannels(wires)
	})
	running.Go(func() {
		defer b.client.recovered("crowd", nil)
		b.crowd.watch(wires, b.opt.rivalAfter, b.opt.rivalEvery, b.links[connections-1].renew)
	})

	select {
	case <-ctx.Done():
	case err = <-failed:
	case err = <-b.client.invalid:
	}
	d.stop(b.opt.Grace)
	b.homes.end()
	hangUp()
	running.Wait()
	return err
}

// whoAmI asks Slack until it answers. Both results are nil when ctx ended.
func (b *Bot) whoAmI(ctx context.Context) (*slack.AuthTestResponse, error) {
	for attempt := 1; ; attempt++ {
		me, err := b.client.api.AuthTestContext(ctx)
		switch {
		case err == nil:
			b.client.answered.Store(true)
			return me, nil
		case ctx.Err() != nil:
			return nil, nil
		}
		if bad := b.client.badToken("SLACK_BOT_TOKEN", err); bad != nil {
			return nil, bad
		}
		wait := max(pause(attempt), retryAfter(err))
		b.client.log.Warn("Slack does not answer", "step", "auth.test", "err", b.client.clean(err), "retry_in", wait)
		if !sleep(ctx, wait) {
			return nil, nil
		}
	}
}

// warnOfScopes says at the start what the token is not allowed. It is no reason
// not to start.
func (b *Bot) warnOfScopes(me *slack.AuthTestResponse) {
	if missing := missingScopes(me); len(missing) > 0 {
		b.client.log.Warn("the bot token lacks scopes; add them under OAuth & Permissions and install the app anew",
			"scopes", strings.Join(missing, ","))
	}
}

// channelsEvery is how often it is looked whether the channels that the
// configuration names can be written to.
const channelsEvery = time.Hour

// watchChannels warns, at the start and every hour, of what is wrong with the
// channels that the configuration names.
func (b *Bot) watchChannels(ctx context.Context) {
	defer b.client.recovered("channels", nil)
	for {
		for _, problem := range b.ChannelProblems(ctx) {
			b.client.log.Warn("a channel of the configuration has to be mended", "problem", problem)
		}
		if !sleep(ctx, channelsEvery) {
			return
		}
	}
}

// ChannelProblems says what is wrong with the channels that Options name, for
// operators: the bot is not in one, it is archived, another company reads it.
func (b *Bot) ChannelProblems(ctx context.Context) []string {
	problems := b.channels.problems(ctx, "slack.channel", b.opt.Channel)
	for _, id := range b.opt.Cards {
		problems = append(problems, b.channels.problems(ctx, "slack.cards", id)...)
	}
	if ctx.Err() != nil {
		return nil
	}
	return problems
}
