package bot

import (
	"context"
	"net/netip"

	"github.com/sshforward/sshforward"
)

// Keeper takes commands and answers queries; see [sshforward.Keeper] for each.
// An error's code and message say what the caller is told, see
// [sshforward.Error].
type Keeper interface {
	Do(ctx context.Context, c sshforward.Caller, cmd sshforward.Command) (sshforward.Reply, error)

	List(ctx context.Context, c sshforward.Caller, all bool) ([]*sshforward.Lease, error)
	Show(ctx context.Context, c sshforward.Caller, id string) (*sshforward.Lease, error)
	Source(ctx context.Context, c sshforward.Caller) ([]netip.Prefix, error)
	History(ctx context.Context, c sshforward.Caller) (sshforward.History, error)
	Overview(ctx context.Context, c sshforward.Caller) (sshforward.Overview, error)
	Help(ctx context.Context, c sshforward.Caller, id string) (sshforward.Help, error)
	Why(ctx context.Context, c sshforward.Caller, ref string) (sshforward.Why, error)
	Instances(ctx context.Context, c sshforward.Caller, query string) []sshforward.Offer
	Again(ctx context.Context, c sshforward.Caller, id string) (sshforward.Request, error)
	LastRequest(ctx context.Context, c sshforward.Caller, n int) (sshforward.Request, error)
	Amend(ctx context.Context, c sshforward.Caller, cmd sshforward.OpenLease) sshforward.OpenLease

	// Answers reports whether this replica is to answer what came in an envelope.
	Answers(ctx context.Context, c sshforward.Caller) bool
}

// operation is what a person wants of the keeper: a [sshforward.Command], which
// may change something, or a query, which only reads.
type operation any

// query is an operation that one of the keeper's other methods answers.
type query interface {
	ask(ctx context.Context, k Keeper, c sshforward.Caller) outcome
}

// outcome is what the keeper said: a reply, an overview to those who asked for
// one or for their history, a request to be made, or help.
type outcome struct {
	reply    sshforward.Reply
	request  sshforward.Request
	offers   []sshforward.Offer
	overview sshforward.Overview
	help     sshforward.Help
	why      sshforward.Why
	err      error
}

type (
	listLeases    struct{ All bool }     // the caller's, or everyone's
	showLease     struct{ ID string }    // also one that is closed
	helpLease     struct{ ID string }    // what keeps somebody out
	showWhy       struct{ Ref string }   // what decides about an instance
	showSource    struct{}               // the saved address
	showHistory   struct{}               // the caller's leases that are over
	showOverview  struct{}               // all that concerns the caller now
	listInstances struct{ Query string } // what the caller may open
	amendOpen     struct{ Open sshforward.OpenLease }
	askAgain      struct { // what was asked for with a lease, or with the nth last one
		ID  string
		Nth int
	}
)

func (q amendOpen) ask(ctx context.Context, k Keeper, c sshforward.Caller) (o outcome) {
	o.request.Open = k.Amend(ctx, c, q.Open)
	return o
}

func (q askAgain) ask(ctx context.Context, k Keeper, c sshforward.Caller) (o outcome) {
	if q.ID == "" {
		o.request, o.err = k.LastRequest(ctx, c, q.Nth)
		return o
	}
	o.request, o.err = k.Again(ctx, c, q.ID)
	return o
}

func (q listLeases) ask(ctx context.Context, k Keeper, c sshforward.Caller) (o outcome) {
	o.reply.Leases, o.err = k.List(ctx, c, q.All)
	return o
}

func (q showLease) ask(ctx context.Context, k Keeper, c sshforward.Caller) (o outcome) {
	o.reply.Lease, o.err = k.Show(ctx, c, q.ID)
	return o
}

func (q helpLease) ask(ctx context.Context, k Keeper, c sshforward.Caller) (o outcome) {
	o.help, o.err = k.Help(ctx, c, q.ID)
	return o
}

func (q showWhy) ask(ctx context.Context, k Keeper, c sshforward.Caller) (o outcome) {
	o.why, o.err = k.Why(ctx, c, q.Ref)
	return o
}

func (showSource) ask(ctx context.Context, k Keeper, c sshforward.Caller) (o outcome) {
	o.reply.Sources, o.err = k.Source(ctx, c)
	return o
}

func (showHistory) ask(ctx context.Context, k Keeper, c sshforward.Caller) (o outcome) {
	o.overview.History, o.err = k.History(ctx, c)
	return o
}

func (showOverview) ask(ctx context.Context, k Keeper, c sshforward.Caller) (o outcome) {
	o.overview, o.err = k.Overview(ctx, c)
	return o
}

func (q listInstances) ask(ctx context.Context, k Keeper, c sshforward.Caller) (o outcome) {
	o.offers = k.Instances(ctx, c, q.Query)
	return o
}
