package sshforward

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sshforward/sshforward/internal/safe"
)

// Options are what a [Keeper] works with.
type Options struct {
	Store Store // required
	Cloud Cloud // required
	Slack Slack // required

	Policy   Policy
	Timing   Timing
	Accounts map[string]Account // by the names that Instance.Account has
	Prices   Prices             // nil: DefaultPrices()
	AskBy    AskBy              // how approvers are asked; empty: AskBoth
	Logger   *slog.Logger       // nil: slog.Default()

	// OnOpened and OnOverstay, if set, are told how long an opening took from
	// the last yes, and how long access lasted beyond its end.
	OnOpened   func(time.Duration)
	OnOverstay func(time.Duration)
	// OnOrphan, if set, is called for each thing that Sweep tears down.
	OnOrphan func()
	// OnUnproven, if set, is told after each survey of an account how much there
	// carries the deployment's tag and is not provably a lease's.
	OnUnproven func(account string, n int)
	// OnElsewhere, if set, is told after each survey of an account how many leases
	// there another bot of this deployment has open.
	OnElsewhere func(account string, n int)
	// OnUnheard, if set, is called whenever Slack did not take an alarm for whoever
	// is on call. It stays owed.
	OnUnheard func()
	// Shared says that other replicas have the store, too. Then this one tells them
	// that it lives, works on the leases that are its own, and takes over those of
	// a replica that is gone. Otherwise the store has to be this process's alone.
	Shared bool
	// ClockOff, if set, says how far this machine's clock is behind the true time;
	// false if it cannot be told. One that is off by too much leaves the work to the
	// other replicas.
	ClockOff func() (time.Duration, bool)
	// OnMembers, if set, is told how many replicas serve, OnTakeover of each lease
	// that is taken over, and OnSkew what ClockOff says.
	OnMembers  func(n int)
	OnTakeover func()
	OnSkew     func(time.Duration)

	// OnEvent, if set, is told each [Event] once it is durable, or kept in
	// memory while the store cannot be written. It must not wait for anything.
	OnEvent func(Event)
}

// Cloud is all that a keeper needs of AWS.
type Cloud interface {
	Finder
	Provisioner
	Surveyor
	Watcher
}

// Slack is all that a keeper needs of Slack.
type Slack interface {
	Notifier
	Directory
}

// Keeper keeps the promises: it takes commands, writes what is intended, and
// moves every lease towards it. It is level-triggered: what it does to a lease
// follows from [Next] alone, not from how the lease got there.
type Keeper struct {
	cloud    Cloud
	slack    Slack
	policy   Policy
	timing   Timing
	accounts map[string]Account
	askBy    AskBy
	log      *slog.Logger

	onOrphan    func()
	onElsewhere func(account string, n int)
	onUnheard   func()
	onUnproven  func(account string, n int)
	onMembers   func(n int)
	onTakeover  func()
	onSkew      func(time.Duration)
	clockOff    func() (time.Duration, bool)
	skewTold    pace // of the log, as the next
	unseenTold  pace

	members  *membership
	ledger   ledger
	sources  SavedSources // of the store, as the next two
	rebuilds Rebuilds
	history  AuditLog
	quotas   Quotas

	// confirming serializes, for one person, the check of LeasesPerUser with
	// the write that depends on it. Between replicas the store does, see promise.
	confirming keyedMutex
	// preparing does the same, for one account, with what is built ahead.
	preparing keyedMutex

	opens     pace // of requests, by person
	workers   *workers
	rationed  atomic.Int64 // where the next tick goes on, see ration
	snapshots snapshots
	sightings sightings
	held      held
	recalls   recalls
	watches   watches
	instances instanceCache
}

// NewKeeper returns a keeper that does no work until [Keeper.Tick] is called.
func NewKeeper(o Options) *Keeper {
	log := cmp.Or(o.Logger, slog.Default())
	if o.Prices == nil {
		o.Prices = DefaultPrices()
	}
	k := &Keeper{
		cloud: o.Cloud, slack: o.Slack,
		policy: o.Policy.goBy(), timing: o.Timing, accounts: o.Accounts, askBy: o.AskBy, log: log,
		onOrphan: o.OnOrphan, onUnheard: o.OnUnheard, onUnproven: o.OnUnproven, onElsewhere: o.OnElsewhere,
		ledger: ledger{
			leases: o.Store, audit: o.Store, prices: o.Prices, log: log,
			hooks: hooks{opened: o.OnOpened, overstay: o.OnOverstay, event: o.OnEvent},
		},
		onMembers: o.OnMembers, onTakeover: o.OnTakeover, onSkew: o.OnSkew, clockOff: o.ClockOff,
		skewTold: pace{most: 1, within: time.Minute}, unseenTold: pace{most: 1, within: time.Minute},
		members: newMembership(o.Store, o.Shared),
		sources: o.Store, rebuilds: o.Store, history: o.Store, quotas: o.Store,
		opens:   pace{most: opensPerMinute, within: time.Minute},
		workers: newWorkers(panicked(log)),
	}
	k.snapshots.ledger = &k.ledger
	k.ledger.own = k.members.own
	if o.Shared {
		k.ledger.keeps = func(l *Lease) bool { return l.Worker == k.members.id }
	}
	return k
}

// configured reports whether the account of a lease is in the configuration.
func (k *Keeper) configured(l *Lease) bool {
	_, ok := k.accounts[l.Instance.Account]
	return ok
}

// opensPerMinute is how often a person may ask for access: asking costs calls to
// AWS, of which closing must have enough.
const opensPerMinute = 30

// panicked logs the panic of work that has nobody to return an error to. The work
// is begun anew with the next tick.
func panicked(log *slog.Logger) func(error) {
	return func(err error) { log.Error("panic", "err", err) }
}

// eachAccount runs do for all accounts at the same time, each within timeout,
// and joins the errors under what, a format that takes the account's name.
func (k *Keeper) eachAccount(ctx context.Context, timeout time.Duration, what string, do func(context.Context, string) error) error {
	var (
		wg   sync.WaitGroup
		mu   sync.Mutex
		errs []error
	)
	for account := range k.accounts {
		failed := func(err error) {
			mu.Lock()
			defer mu.Unlock()
			errs = append(errs, fmt.Errorf(what+": %w", account, err))
		}
		wg.Go(func() {
			defer safe.Catch(failed)
			ctx, cancel := context.WithTimeout(ctx, timeout)
			defer cancel()
			if err := do(ctx, account); err != nil {
				failed(err)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}
