package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/bot"
	"github.com/sshforward/sshforward/internal/logqueue"
	"github.com/sshforward/sshforward/internal/safe"
	"github.com/sshforward/sshforward/provisioner"
)

type serveOptions struct {
	config              string
	logFormat, logLevel string
}

func newServe(con console) *cobra.Command {
	var o serveOptions
	c := &cobra.Command{
		Use:     "serve",
		Short:   "Run the bot",
		GroupID: groupBot,
		Args:    noArguments,
		PreRunE: func(c *cobra.Command, _ []string) error {
			return fromEnv(c.Flags(), con.env, map[string]string{"log-format": "SSHFORWARD_LOG_FORMAT", "log-level": "SSHFORWARD_LOG_LEVEL"})
		},
		RunE: func(c *cobra.Command, _ []string) error { return o.run(c.Context(), con) },
	}
	configFlag(c, &o.config)
	choiceFlag(c, &o.logFormat, "log-format", "also $SSHFORWARD_LOG_FORMAT", "text", "json")
	choiceFlag(c, &o.logLevel, "log-level", "also $SSHFORWARD_LOG_LEVEL", "info", "debug", "warn", "error")
	return c
}

// After SIGTERM, commands and steps that are running may go on side by side for
// so long before they are cut short, which the next start makes good. The
// process is gone within 10 s.
const (
	commandsStopWithin = 5 * time.Second
	stepsStopWithin    = 7 * time.Second
)

// gcPercent is how much garbage may pile up before it is collected, in percent
// of what is alive. That is a few MB, so that collecting often costs little; at
// Go's own 100 the bot takes a quarter more memory. GOGC overrules it.
const gcPercent = 25

// run runs the bot until a signal, or until its store is lost.
func (o *serveOptions) run(ctx context.Context, con console) error {
	c, err := readConfig(o.config)
	if err != nil {
		return err
	}
	secrets, err := readTokens(con.env)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	// A write to a pipe whose reader is gone is an error then, and not the end:
	// leases must end whoever reads what the bot has to say.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	queue := newLogQueue(con.stderr, o.logFormat)
	defer queue.Stop()
	log := newLogger(queue, o.logFormat, o.logLevel)
	slog.SetDefault(log) // for libraries that know no other
	if con.env("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	return serve(ctx, c, secrets, con, queue, log)
}

// service is the bot, wired.
type service struct {
	config *config
	store  *servedStore
	clock  *clock
	aws    *provisioner.Provisioner
	slack  *slackClient
	keeper *sshforward.Keeper // nil until everything is wired; nothing runs before
	meters *meters
	pulse  *pulse
	log    *slog.Logger
}

// serve wires everything and runs it.
func serve(ctx context.Context, c *config, secrets tokens, con console, queue *logqueue.Queue, log *slog.Logger) (err error) {
	s := &service{config: c, clock: new(clock), meters: newMeters(), pulse: new(pulse), log: log}
	if s.store, err = openServed(ctx, c.Store, s.meters, s.clock, log); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.store.Close()) }()

	var onEvent func(sshforward.Event)
	if c.Audit.Stdout {
		mirror := startMirror(con.stdout, log)
		defer mirror.stop()
		onEvent = mirror.event
	}
	key, err := signingKey(con.env, secrets, log)
	if err != nil {
		return err
	}
	s.meters.countLog(queue)
	s.aws, err = provisioner.New(ctx, provisioner.Options{
		Deployment: c.Deployment, Accounts: convert(c.AWS, awsConfig.account),
		Signing: provisioner.Signing{Key: key, Store: s.store.ID()}, Share: s.replicas,
		OnCall: s.meters.awsCall, Logger: log,
	})
	if err != nil {
		return err
	}
	policy, timing := c.Policy.policy(c.Slack.Admins), c.Timing.timing()
	s.slack = s.newSlack(secrets, con, policy, timing)
	s.keeper = sshforward.NewKeeper(sshforward.Options{
		Store: s.store, Cloud: s.aws, Slack: s.slack,
		Policy: policy, Timing: timing, Accounts: leaseAccounts(c.AWS),
		Prices: c.prices(), AskBy: sshforward.AskBy(c.Slack.Ask), Logger: log,
		OnOpened: s.meters.opened, OnOverstay: s.meters.overstay, OnOrphan: s.meters.orphan,
		OnUnheard: s.meters.unheard, OnUnproven: s.meters.unprovenIn, OnElsewhere: s.meters.elsewhereIn, OnEvent: onEvent,
		Shared: s.store.shared(), OnTakeover: s.meters.takeover, OnSkew: s.meters.skewed,
		ClockOff: func() (time.Duration, bool) { return s.clock.offOr(s.aws.ClockSkew) },
	})
	s.meters.watch(s.keeper, s.slack, s.pulse)
	return s.run(ctx)
}

// replicas is how many share the work.
func (s *service) replicas() int {
	if s.keeper == nil {
		return 1
	}
	return s.keeper.Replicas()
}

func (s *service) newSlack(secrets tokens, con console, policy sshforward.Policy, timing sshforward.Timing) *slackClient {
	c := s.config
	reread := func() (tokens, error) { return readTokens(con.env) }
	return newSlackClient(secrets, reread, s.log, func(t tokens, connected func(bool)) *bot.Bot {
		return bot.New(bot.Options{
			Token: t.bot, AppToken: t.app, APIURL: con.env("SLACK_API_URL"),
			Channel: c.Slack.Channel, Cards: c.Slack.Cards, Language: c.Slack.Language, Duration: timing.Default,
			Prices: c.prices(), Logger: s.log,
			Correct:  func(o sshforward.OpenLease) sshforward.OpenLease { return policy.Correct(o, timing) },
			Replicas: s.replicas,
			OnAck:    s.meters.ack, Grace: commandsStopWithin,
			OnConnect: func(again bool) { connected(again); s.meters.connected(again) },
		})
	})
}

// run starts all parts, and ends in order when the context does or one of them fails.
func (s *service) run(ctx context.Context) error {
	c, log := s.config, s.log
	web := newWeb(c.Listen, c.TLS, s.meters, s.pulse, func(ctx context.Context) error { return ready(ctx, s.slack, s.store, s.keeper) }, log)
	control := openControl(s.store, log)
	log.Info("sshforward is starting", "version", versionString(), "deployment", c.Deployment, "listen", web.address(),
		"accounts", len(c.AWS))
	if id := s.keeper.Replica(); id != "" {
		log.Info("the store is a table that replicas share", "table", c.Store.DynamoDB.Table, "replica", id)
	}

	// The loop starts before Slack answers: what is due at AWS is due whether
	// or not anyone can be told.
	group, ctx := errgroup.WithContext(ctx)
	run := func(part func() error) {
		group.Go(func() (err error) {
			defer safe.Recover(&err) // the others end in order then, and what is due is closed by the next start
			return part()
		})
	}
	if err := s.keeper.Begin(ctx); err != nil {
		log.Error("what is overdue could not be looked at first", "err", err)
	}
	loops := startLoops(ctx, s.keeper, s.pulse, time.Duration(c.Timing.Sweep), log)
	run(func() error { <-ctx.Done(); s.stop(ctx, loops); return nil })
	if s.store.file != nil {
		run(func() error { return whenLost(ctx, s.store.file, s.keeper, s.store.path, log) })
	}
	run(func() error { return s.slack.run(ctx, s.keeper) })
	if s.store.shared() {
		run(func() error { followReplicas(ctx, s.store, s.slack, log); return nil })
	}
	run(func() error { web.run(ctx); return nil })
	if control != nil {
		run(func() error { control.run(ctx); return nil })
	}
	if s.store.damaged != "" {
		run(func() error { announce(ctx, s.slack, storeDamaged(s.store.damaged), log); return nil })
	}
	for _, alarm := range unconfigured(ctx, s.keeper, log) {
		run(func() error { announce(ctx, s.slack, alarm, log); return nil })
	}
	if len(c.AWS) > 1 {
		run(func() error { s.warnOfSameAccounts(ctx); return nil })
	}
	err := group.Wait()
	if errors.Is(err, context.Canceled) {
		err = nil // told to stop
	}
	return err
}

// stop lets what is under way end.
func (s *service) stop(ctx context.Context, loops *loops) {
	s.log.Info("sshforward is stopping")
	loops.stop()
	within := stepsStopWithin
	if s.store.cause() != nil {
		within = lostStopsWithin
	}
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), within)
	defer cancel()
	s.keeper.Stop(late)
}

func (s *service) warnOfSameAccounts(ctx context.Context) {
	for _, same := range sameAccounts(ctx, s.aws, s.config.AWS) {
		s.log.Warn("two accounts of the configuration are one AWS account", "which", same)
	}
}

// openControl makes the socket through which audit and backup ask for what is in
// the file; nil if there is none. A table they ask themselves.
func openControl(store *servedStore, log *slog.Logger) *socket {
	if store.file == nil {
		return nil
	}
	control, err := openSocket(store.path, store.file, defaultLimits, log)
	if err != nil {
		log.Warn("sshforward audit and backup cannot ask this bot while it runs: there is no socket",
			"path", socketPath(store.path), "err", err)
		return nil
	}
	return control
}

// ready is what /readyz answers with.
func ready(ctx context.Context, slack *slackClient, store *servedStore, keeper *sshforward.Keeper) error {
	if err := slack.ready(); err != nil {
		return err
	}
	if err := store.cause(); err != nil {
		return err
	}
	if _, err := store.Due(ctx, time.Now(), 1); err != nil {
		return fmt.Errorf("the store cannot be read: %w", err)
	}
	return keeper.Fit()
}
