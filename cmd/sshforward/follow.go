package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/sshforward/sshforward"
)

// followEvery is how often it is looked what other replicas have changed. Homes
// follow within three seconds.
const followEvery = 2 * time.Second

// changes is Slack, as far as somebody has something before their eyes that shows
// leases.
type changes interface {
	Watched() bool
	Changed(*sshforward.Lease)
	ChangedAll()
}

// followReplicas keeps true what people see beside the cards, whichever replica
// changes a lease: each one knows only whom it has shown something itself. It asks
// the store only while there is anybody to show it to.
func followReplicas(ctx context.Context, store sshforward.Leases, slack changes, log *slog.Logger) {
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	var known map[string]uint64 // revisions by lease; nil: nobody has looked
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if !slack.Watched() {
			known = nil
			continue
		}
		now, err := changedSince(ctx, store, known, slack)
		switch {
		case err == nil:
			known = now
		case ctx.Err() == nil:
			log.Warn("what other replicas have changed cannot be seen", "err", err)
		}
	}
}

// changedSince shows what is otherwise than it was known, and returns what is known
// now.
func changedSince(ctx context.Context, store sshforward.Leases, known map[string]uint64, slack changes) (map[string]uint64, error) {
	active, err := store.Active(ctx)
	if err != nil {
		return nil, err
	}
	now := make(map[string]uint64, len(active))
	for _, l := range active {
		now[l.ID] = l.Revision
		if known != nil && known[l.ID] != l.Revision {
			slack.Changed(l)
		}
	}
	if known == nil { // since whoever looks has looked anything may have changed
		slack.ChangedAll()
		return now, nil
	}
	for id := range known {
		if _, active := now[id]; active {
			continue
		}
		l, err := store.Lease(ctx, id)
		switch {
		case err == nil:
			slack.Changed(l)
		case sshforward.ErrorCode(err) != sshforward.ENOTFOUND:
			return nil, err
		}
	}
	return now, nil
}
