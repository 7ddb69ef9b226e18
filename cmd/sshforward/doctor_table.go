package main

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"github.com/sshforward/sshforward/store/dynamo"
)

// lookAtTable looks at the table as a bot would use it.
func lookAtTable(ctx context.Context, c *dynamoDBConfig, offline bool) []finding {
	a := &about{what: "store"}
	if offline {
		a.ok("leases are in the DynamoDB table %s in %s", c.Table, c.Region)
		return a.found
	}
	e, err := dynamo.Examine(ctx, dynamo.Options{Table: string(c.Table), Region: c.Region, Logger: slog.New(slog.DiscardHandler)})
	switch {
	case errors.Is(err, dynamo.ErrNoTable) && c.Create:
		a.ok("there is no table %s in %s yet; the first start makes it", c.Table, c.Region)
		return a.found
	case errors.Is(err, dynamo.ErrNoTable):
		a.mend("%s", noTable(c))
		return a.found
	case err != nil:
		a.mend("the table %s in %s cannot be described: %s", c.Table, c.Region, oneLine(err))
		return a.found
	}
	if len(e.Schema) > 0 {
		for _, wrong := range e.Schema {
			a.mend("the table %s: %s; name another one", c.Table, oneLine(wrong))
		}
		return a.found
	}
	if e.Status == "ACTIVE" {
		a.ok("the table %s in %s is active and has its keys and indexes", c.Table, c.Region)
	} else {
		a.mend("the table %s is %s, and a bot can use it only when it is active", c.Table, strings.ToLower(e.Status))
	}
	lookAtSafety(a, e)
	for _, operation := range e.Denied {
		a.mend("the role may not call dynamodb:%s on the table or an index of it; deploy/iam-policy-table.json allows it", operation)
	}
	for _, operation := range slices.Sorted(maps.Keys(e.Failed)) {
		a.mend("%s on the table fails: %s", operation, oneLine(e.Failed[operation]))
	}
	if len(e.Denied)+len(e.Failed) == 0 {
		a.ok("the bot may read and write it, which was tried without effect")
		lookAtReplicas(ctx, a, c)
	}
	return a.found
}

// lookAtSafety looks at what keeps the table from being lost, and from costing more.
func lookAtSafety(a *about, e dynamo.Condition) {
	switch {
	case e.RecoveryErr != nil:
		a.mend("whether there is point-in-time recovery cannot be told: %s", oneLine(e.RecoveryErr))
	case e.Recoverable:
		a.ok("point-in-time recovery is on")
	default:
		a.mend("there is no point-in-time recovery, so what is deleted by mistake is gone: " +
			"aws dynamodb update-continuous-backups --point-in-time-recovery-specification PointInTimeRecoveryEnabled=true --table-name …")
	}
	if !e.Protected {
		a.mend("the table is not protected against being deleted: aws dynamodb update-table --deletion-protection-enabled --table-name …")
	}
	if !e.OnDemand {
		a.mend("the table has a capacity that was provisioned; what is above that is throttled, and access ends later then: " +
			"aws dynamodb update-table --billing-mode PAY_PER_REQUEST --table-name …")
	}
}

// lookAtReplicas says who uses the table.
func lookAtReplicas(ctx context.Context, a *about, c *dynamoDBConfig) {
	store, err := openTable(ctx, c)
	if err != nil {
		a.mend("%s", oneLine(err))
		return
	}
	defer func() { _ = store.Close() }() // nothing was written
	active, err := store.Active(ctx)
	if err != nil {
		a.mend("%s", oneLine(err))
		return
	}
	n, err := runningOn(ctx, store)
	if err != nil {
		a.mend("%s", oneLine(err))
		return
	}
	a.ok("%d leases are not closed, %s", len(active), count(n, "running replica"))
}
