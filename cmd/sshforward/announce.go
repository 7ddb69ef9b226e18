package main

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/sshforward/sshforward"
)

// storeDamaged is what the operators' channel is told of a store that was moved.
func storeDamaged(moved string) sshforward.Text {
	return sshforward.Textf("My lease store was damaged. I have moved it to %s and rebuild the open leases from their tags in AWS. "+
		"They end on time; saved source addresses and the past are lost unless a backup is put back.", moved)
}

// strayNamed is how many leases an alarm names.
const strayNamed = 20

// unconfigured looks for leases in accounts that are not in the configuration any
// more, by another name perhaps, and returns an alarm for each such account. They
// are alarmed at every start: nothing of them ends until the account is back.
func unconfigured(ctx context.Context, keeper *sshforward.Keeper, log *slog.Logger) (alarms []sshforward.Text) {
	strays, err := keeper.Unconfigured(ctx)
	if err != nil {
		log.Error("which leases are in accounts that are not configured cannot be told", "err", err)
		return nil
	}
	in := make(map[string][]string)
	for _, l := range strays {
		in[l.Instance.Account] = append(in[l.Instance.Account], l.ID)
	}
	for _, account := range slices.Sorted(maps.Keys(in)) {
		ids := in[account]
		log.Error("LEASES CANNOT BE ENDED: their account is not in the configuration; put it back under the name it had, or give them up",
			"account", account, "count", len(ids), "leases", strings.Join(ids[:min(len(ids), strayNamed)], " "))
		named := strings.Join(ids[:min(len(ids), strayNamed)], ", ")
		if len(ids) > strayNamed {
			named += " …"
		}
		alarms = append(alarms, sshforward.Textf(":rotating_light: I cannot end %d leases in account %s, which is not in my configuration "+
			"any more: %s. They may be open doors and cost money. Put the account back under the name it had, "+
			"or close each of them and then give it up.", len(ids), account, named))
	}
	return alarms
}

// announce tells the operators' channel something, until Slack has taken it.
func announce(ctx context.Context, slack *slackClient, text sshforward.Text, log *slog.Logger) {
	for attempt := 1; ; attempt++ {
		err := slack.Announce(ctx, text)
		if err == nil || ctx.Err() != nil {
			return
		}
		if sshforward.Final(err) {
			log.Error("an announcement is not heard: Slack does not take it", "text", text.String(), "err", err)
			return
		}
		select {
		case <-time.After(sshforward.Backoff(attempt, 0)):
		case <-ctx.Done():
			return
		}
	}
}
