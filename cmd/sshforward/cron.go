package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/robfig/cron/v3"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/internal/safe"
)

// driftWithin is the longest pause between two looks at AWS. What is missing
// has to be missed twice, and that is to be acted on within two minutes.
const driftWithin = 30 * time.Second

// watchEvery is how often it is looked whose health is to be asked for; a lease
// comes round more rarely, see [sshforward.Keeper.Watch].
const watchEvery = 5 * time.Second

// instancesEvery is how old the list of instances gets that forms offer, when
// nobody looks at it; whoever does has it looked at anew.
const instancesEvery = 5 * time.Minute

// loops run by the clock: one finds what is due (openings and closings, reminders,
// and the end of retention all stand in one index on time), the second compares
// AWS with the store, the third asks how open leases fare, the fourth keeps the
// list of instances that forms offer.
type loops struct {
	build func() *cron.Cron
	log   *slog.Logger

	mu      sync.Mutex
	cron    *cron.Cron
	stopped bool
}

// aliveWithin is how long the first loop may take to go round.
const aliveWithin = 10 * time.Second

// pulse is when the first loop went round last. No lock has to be taken to read
// it, so whoever asks is answered whatever hangs.
type pulse struct{ last atomic.Pointer[time.Time] }

func (p *pulse) beat() {
	now := time.Now()
	p.last.Store(&now)
}

// age is how long ago the loop went round; 0 before it has begun.
func (p *pulse) age() time.Duration {
	last := p.last.Load()
	if last == nil {
		return 0
	}
	return time.Since(*last)
}

// alive returns an error if the loop has not gone round for too long.
func (p *pulse) alive() error {
	last := p.last.Load()
	if last == nil {
		return errors.New("the loop has not begun")
	}
	if since := time.Since(*last); since > aliveWithin {
		return fmt.Errorf("the loop has not gone round for %s", since.Round(time.Second))
	}
	return nil
}

// startLoops starts the loops, and a watch on the wall clock.
func startLoops(ctx context.Context, keeper *sshforward.Keeper, loop *pulse, sweep time.Duration, log *slog.Logger) *loops {
	loop.beat()
	logger := cronLogger{log}
	tick := func() {
		defer loop.beat()
		if err := keeper.Tick(ctx); err != nil && ctx.Err() == nil {
			log.Error("tick", "err", err)
		}
	}
	list := func() {
		if err := keeper.RefreshInstances(ctx); err != nil && ctx.Err() == nil {
			log.Warn("the list of instances is not up to date", "err", err)
		}
	}
	look := func() {
		if err := keeper.Sweep(ctx); err != nil && ctx.Err() == nil {
			log.Error("sweep", "err", err)
		}
	}
	watch := func() {
		if err := keeper.Watch(ctx); err != nil && ctx.Err() == nil {
			log.Warn("watch", "err", err)
		}
	}
	b := &loops{log: log, build: func() *cron.Cron {
		c := cron.New(cron.WithLogger(logger))
		// Recover stands innermost: a panic that passed SkipIfStillRunning
		// would leave it skipping for ever. Sweep itself passes over what is
		// still being looked at, account by account.
		c.Schedule(cron.Every(time.Second), cron.NewChain(cron.SkipIfStillRunning(logger), cron.Recover(logger)).Then(cron.FuncJob(tick)))
		c.Schedule(cron.Every(min(sweep, driftWithin)), cron.NewChain(cron.Recover(logger)).Then(cron.FuncJob(look)))
		c.Schedule(cron.Every(watchEvery), cron.NewChain(cron.Recover(logger)).Then(cron.FuncJob(watch)))
		c.Schedule(cron.Every(instancesEvery), cron.NewChain(cron.Recover(logger)).Then(cron.FuncJob(list)))
		c.Start()
		return c
	}}
	b.cron = b.build()
	for _, once := range []func(){
		tick, // what came due meanwhile has waited long enough
		look, // what a lost store has forgotten is missed at once
		list,
		func() { b.watch(ctx) },
	} {
		go func() {
			defer safe.Catch(func(err error) { log.Error("panic", "err", err) })
			once()
		}()
	}
	return b
}

// watch starts the loops anew when the wall clock was set. cron counts in wall
// time: set back by an hour, it would sit still for one, and nothing would end
// meanwhile. The ticker here counts in monotonic time.
func (b *loops) watch(ctx context.Context) {
	second := time.NewTicker(time.Second)
	defer second.Stop()
	last := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-second.C:
		}
		now := time.Now()
		if by := stepped(last.Round(0), now.Round(0), now.Sub(last)); by != 0 {
			b.log.Warn("the wall clock was set, or the machine slept", "by", by)
			b.restart()
		}
		last = now
	}
}

// stepped returns by how much the wall clock moved beyond the time that really
// went by, zero if it is less than a second.
func stepped(was, is time.Time, elapsed time.Duration) time.Duration {
	if by := is.Sub(was) - elapsed; by.Abs() >= time.Second {
		return by
	}
	return 0
}

func (b *loops) restart() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.stopped {
		return
	}
	b.cron.Stop()
	b.cron = b.build()
}

// stop ends the loops; what they have begun goes on.
func (b *loops) stop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stopped = true
	b.cron.Stop()
}

// cronLogger passes on what cron has to say, of which only errors are news.
type cronLogger struct{ *slog.Logger }

// Info implements cron.Logger.
func (l cronLogger) Info(msg string, args ...any) { l.Debug("cron: "+msg, args...) }

// Error implements cron.Logger.
func (l cronLogger) Error(err error, msg string, args ...any) {
	l.Logger.Error("cron: "+msg, append(args, "err", err)...)
}
