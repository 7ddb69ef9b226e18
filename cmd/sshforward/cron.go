package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/robfig/cron/v3"

	"github.com/sshforward/sshforward"
)

// driftWithin is the longest pause between two looks at AWS. What is missing
// has to be missed twice, and that is to be acted on within two minutes.
const driftWithin = 30 * time.Second

// startCron starts the two loops: one finds what is due (openings and closings,
// reminders, and the end of retention all stand in one index on time), the
// other compares AWS with the store.
func startCron(ctx context.Context, keeper *sshforward.Keeper, sweep time.Duration, log *slog.Logger) *cron.Cron {
	logger := cronLogger{log}
	// Recover stands innermost: a panic that passed SkipIfStillRunning would
	// leave it skipping for ever.
	c := cron.New(cron.WithLogger(logger), cron.WithChain(cron.SkipIfStillRunning(logger), cron.Recover(logger)))
	c.Schedule(cron.Every(time.Second), cron.FuncJob(func() {
		if err := keeper.Tick(ctx); err != nil && ctx.Err() == nil {
			log.Error("tick", "err", err)
		}
	}))
	look := cron.NewChain(cron.SkipIfStillRunning(logger), cron.Recover(logger)).Then(cron.FuncJob(func() {
		if err := keeper.Sweep(ctx); err != nil && ctx.Err() == nil {
			log.Error("sweep", "err", err)
		}
	}))
	c.Schedule(cron.Every(min(sweep, driftWithin)), look)
	c.Start()
	go look.Run() // what a lost store has forgotten is missed at once
	return c
}

// cronLogger passes on what cron has to say, of which only errors are news.
type cronLogger struct{ *slog.Logger }

// Info implements cron.Logger.
func (l cronLogger) Info(msg string, args ...any) { l.Debug("cron: "+msg, args...) }

// Error implements cron.Logger.
func (l cronLogger) Error(err error, msg string, args ...any) {
	l.Logger.Error("cron: "+msg, append(args, "err", err)...)
}
