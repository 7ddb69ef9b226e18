package main

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/provisioner"
)

// lookAtAWS looks at every account at once.
func lookAtAWS(ctx context.Context, c *config, probe bool) []finding {
	aws, err := provisioner.New(ctx, provisioner.Options{
		Deployment: c.Deployment, Accounts: convert(c.AWS, awsConfig.account), Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return []finding{{"AWS", false, oneLine(err)}}
	}
	policy := c.Policy.policy(c.Slack.Admins)
	all := &about{what: "AWS"}
	for _, same := range sameAccounts(ctx, aws, c.AWS) {
		all.mend("%s", same)
	}
	return append(all.found, slices.Concat(eachAccount(c.AWS,
		func(account string) []finding {
			found := lookAtAccount(ctx, aws, c, &policy, account)
			if probe {
				found = append(found, probeAccount(ctx, aws, account)...)
			}
			return found
		},
		func(account string, err error) []finding { return []finding{{"AWS " + account, false, oneLine(err)}} })...)...)
}

// lookAtAccount asks what preflight would, for one instance of each place that
// policy lets people reach. What would be made there is not tried.
func lookAtAccount(
	ctx context.Context, aws *provisioner.Provisioner, c *config, policy *sshforward.Policy, account string,
) []finding {
	a := &about{what: "AWS " + account}
	who, err := aws.Identity(ctx, account)
	if err != nil {
		a.mend("%s", oneLine(err))
		return a.found
	}
	a.ok("the bot is %s", who)
	lookAtAWSClock(ctx, a, aws, account)
	own := c.AWS[slices.IndexFunc(c.AWS, func(a awsConfig) bool { return a.Name == account })]
	lookAtSubnets(ctx, a, aws, own)
	rehearse := lookAtPlaces(ctx, a, aws, policy, account)
	lookAtPermissions(ctx, a, aws, own, c.Deployment, who, rehearse)
	lookAtResources(ctx, a, aws, account)
	return a.found
}

// rehearsal asks ELB for what cannot be done, and says what that shows.
type rehearsal func(justMake bool) (says string, err error)

// lookAtPlaces looks at one instance of each place, and returns how ELB can be
// asked in the last of them.
func lookAtPlaces(
	ctx context.Context, a *about, aws *provisioner.Provisioner, policy *sshforward.Policy, account string,
) (rehearse rehearsal) {
	rehearse = func(bool) (string, error) { return "", nil }
	instances, err := aws.List(ctx, account)
	if err != nil {
		a.mend("%s", oneLine(err))
		return rehearse
	}
	type place struct{ vpc, zone string }
	places := make(map[place][]sshforward.Instance)
	covered := 0
	for _, in := range instances {
		if _, ok := policy.Match(in); ok {
			at := place{in.VPC, in.Zone}
			places[at] = append(places[at], in)
			covered++
		}
	}
	nearMisses(a, policy, instances)
	if covered == 0 {
		a.mend("of %d running instances none has the tags of a rule", len(instances))
		return rehearse
	}
	a.ok("a rule covers %d of %d running instances", covered, len(instances))
	coveredTwice(a, policy.Rules, instances)
	sources := policy.Sources.Default
	if len(sources) == 0 {
		sources = policy.Sources.Allow
	}
	for _, at := range slices.SortedStableFunc(maps.Keys(places), func(x, y place) int {
		return cmp.Or(strings.Compare(x.vpc, y.vpc), strings.Compare(x.zone, y.zone))
	}) {
		here := places[at]
		placed, err := aws.Preflight(ctx, here[0], sources)
		if err != nil {
			a.mend("%s in %s (%s): %s", at.vpc, at.zone, count(len(here), "instance"), oneLine(err))
			continue
		}
		a.ok("%s in %s (%s): load balancers go to %s", at.vpc, at.zone, count(len(here), "instance"), placed.Subnet)
		rehearse = func(justMake bool) (string, error) {
			would := "make, change and remove"
			if justMake {
				would = "make"
			}
			return "ELB would " + would + " a load balancer, as calls about one that cannot be there show",
				aws.RehearseBalancer(ctx, here[0], placed.Subnet, justMake)
		}
		if err := aws.Rehearse(ctx, here[0]); err != nil {
			a.mend("%s in %s: %s", at.vpc, at.zone, oneLine(err))
		} else {
			a.ok("%s in %s: EC2 would make the group, and add and remove the rule in a group of %s", at.vpc, at.zone, here[0].ID)
		}
		for _, warning := range placed.Warnings {
			a.mend("%s in %s: %s", at.vpc, at.zone, warning)
		}
		for _, note := range placed.Notes {
			a.ok("%s in %s: %s", at.vpc, at.zone, note)
		}
	}
	return rehearse
}

// lookAtResources lists what the bot has in an account, and what only seems so.
func lookAtResources(ctx context.Context, a *about, aws *provisioner.Provisioner, account string) {
	survey, err := aws.Survey(ctx, account, nil)
	if err == nil {
		err = survey.Err()
	}
	if err != nil {
		a.mend("%s", oneLine(err))
		return
	}
	a.ok("what carries the deployment's tag can be listed")
	for _, u := range survey.Unproven {
		a.mend("%s %s carries the deployment's tag and is not provably a lease's (%s); the bot leaves it alone, take the tag off",
			u.Kind, printable(u.ID), u.Why)
	}
}

// probeAccount tries what cannot be told by looking.
func probeAccount(ctx context.Context, aws *provisioner.Provisioner, account string) []finding {
	a := &about{what: "AWS " + account}
	switch configured, err := aws.ProbeDeadMan(ctx, account); {
	case err != nil:
		a.mend("%s", oneLine(err))
	case configured:
		a.ok("a dead-man switch was made and removed again")
	default:
		a.ok("no dead-man switch is configured, so there is nothing to probe")
	}
	return a.found
}
