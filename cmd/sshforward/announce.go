package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/sshforward/sshforward"
)

// announce tells the operators' channel that the store was damaged, until
// Slack has taken it.
func announce(ctx context.Context, slack *slackClient, moved string, log *slog.Logger) error {
	text := sshforward.Textf("My lease store was damaged. I have moved it to %s and rebuild the open leases from their tags in AWS. "+
		"They end on time; saved source addresses and the past are lost unless a backup is put back.", moved)
	for attempt := 1; ; attempt++ {
		err := slack.Announce(ctx, text)
		if err == nil || ctx.Err() != nil {
			return nil
		}
		if sshforward.Final(err) {
			log.Error("the damaged store could not be announced", "err", err)
			return nil
		}
		select {
		case <-time.After(sshforward.Backoff(attempt, 0)):
		case <-ctx.Done():
			return nil
		}
	}
}
