package sshforward

import (
	"cmp"
	"log/slog"
	"time"
)

// Options are what a [Keeper] works with.
type Options struct {
	Store        Store        // required
	SavedSources SavedSources // required
	Provisioner  Provisioner  // required
	Notifier     Notifier     // required
	Directory    Directory    // required
	AuditLog     AuditLog     // required; of the Store, so that it is written with it
	// Surveyor and Rebuilds are what Sweep needs.
	Surveyor Surveyor
	Rebuilds Rebuilds
	Lister   Lister // required: what the form offers
	Policy   Policy
	Timing   Timing
	Accounts map[string]Account // by the names that Instance.Account has
	Prices   Prices             // nil: DefaultPrices()
	Logger   *slog.Logger       // nil: slog.Default()

	// OnOpened and OnOverstay, if set, are told how long an opening took from
	// the last yes, and how long access lasted beyond its end.
	OnOpened   func(time.Duration)
	OnOverstay func(time.Duration)
	// OnOrphan, if set, is called for each thing that Sweep tears down.
	OnOrphan func()
	// OnEvent, if set, is told each [Event] once it is durable, or kept in
	// memory while the store cannot be written. It must not wait for anything.
	OnEvent func(Event)
}

// Keeper keeps the promises: it takes commands, writes what is intended, and
// moves every lease towards it. It is level-triggered: what it does to a lease
// follows from [Next] alone, not from how the lease got there.
type Keeper struct {
	Options
	log *slog.Logger

	// confirming serializes, for one person, the check of LeasesPerUser with
	// the write that depends on it. The store belongs to this process alone.
	confirming keyed

	// writing serializes, for one lease, reading it, changing it and writing
	// it, be that to the store or to memory.
	writing keyed

	crew    crew
	sweeper sweeper
	catalog catalog
}

// NewKeeper returns a keeper that does no work until [Keeper.Tick] is called.
func NewKeeper(o Options) *Keeper {
	k := &Keeper{Options: o, log: cmp.Or(o.Logger, slog.Default())}
	if k.Prices == nil {
		k.Prices = DefaultPrices()
	}
	k.crew.init()
	return k
}
