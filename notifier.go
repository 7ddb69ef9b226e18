package sshforward

import "context"

// Notifier shows leases to people. Errors are EUNAVAILABLE, with RetryAfter
// where the other side gave one, or EFORBIDDEN when there is nowhere left to
// say it.
type Notifier interface {
	// Card posts the lease's card, or updates it in place when
	// l.Card.TS is set, and returns where it is. What it shows is a function
	// of the lease alone, so a late or repeated call does no harm.
	Card(ctx context.Context, l *Lease) (channel, ts string, err error)

	// Notice posts n in the thread of the lease's card (NoticeReview: in the
	// thread under l.Broadcast), or in a direct message to n.To if that is set,
	// and returns where that is.
	Notice(ctx context.Context, l *Lease, n Notice) (Place, error)

	// Edit brings a message that was posted as a notice up to date: once what it
	// says is over, it says so and has no buttons. EFORBIDDEN if it is gone, or
	// cannot be edited for good.
	Edit(ctx context.Context, l *Lease, p Posted) error

	// Announce tells the operators' channel something that is about no lease of
	// the store's. It does nothing where there is no such channel.
	Announce(ctx context.Context, says Text) error
}
