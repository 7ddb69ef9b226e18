package sshforward_test

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/sshforward/sshforward"
)

func ExampleParseDuration() {
	for _, typed := range []string{"90m", "1d", "30m1h"} {
		if d, err := sshforward.ParseDuration(typed); err != nil {
			fmt.Println(err)
		} else {
			fmt.Println(d)
		}
	}
	// Output:
	// 1h30m0s
	// 24h0m0s
	// "30m1h" is not a duration. Write it like 45s, 90m, 2h, 1h30m or 1d.
}

func ExampleParseSources() {
	for _, typed := range []string{"203.0.113.7", "203.0.113.7, 198.51.100.0/28", "203.0.113.7/28", "2001:db8::1"} {
		if sources, err := sshforward.ParseSources(typed); err != nil {
			fmt.Println(err)
		} else {
			fmt.Println(sources)
		}
	}
	// Output:
	// [203.0.113.7/32]
	// [203.0.113.7/32 198.51.100.0/28]
	// 203.0.113.7/28 has host bits set. Did you mean 203.0.113.0/28, or 203.0.113.7 for the one address?
	// 2001:db8::1 is IPv6, and the load balancer speaks IPv4 only. Give your IPv4 address, for example 203.0.113.7.
}

// examplePolicy has the stricter rule first: the first that covers an instance
// decides about it, also where a later one would allow more.
var examplePolicy = sshforward.Policy{Rules: []sshforward.Rule{
	{Name: "production", Tags: map[string]string{"Env": "prod"}, Users: []string{"S0DEV"}, Max: time.Hour,
		Approvers: []string{"S0LEAD"}, Approvals: 1, Reason: true},
	{Name: "development", Tags: map[string]string{"sshforward": "allow"}, Max: 8 * time.Hour},
}}

func ExamplePolicy_Match() {
	for _, tags := range []map[string]string{
		{"sshforward": "allow"},
		{"sshforward": "allow", "Env": "prod"},
		{"Name": "nobody's"},
	} {
		rule, ok := examplePolicy.Match(sshforward.Instance{ID: "i-0abc", Tags: tags})
		if !ok {
			fmt.Println("no rule, no access")
			continue
		}
		fmt.Println(rule.Name, rule.Max)
	}
	// Output:
	// development 8h0m0s
	// production 1h0m0s
	// no rule, no access
}

// workspace is a Directory in which S0DEV is one person and everybody a full member.
type workspace struct{}

func (workspace) Members(context.Context, string) ([]string, error) { return []string{"U0ANN"}, nil }

func (workspace) Person(context.Context, string) (sshforward.Person, error) {
	return sshforward.Person{}, nil
}

func ExamplePolicy_Admit() {
	ask := func(user string, d time.Duration, because string) {
		rule, err := examplePolicy.Admit(context.Background(), workspace{}, &sshforward.Lease{Owner: user, Terms: sshforward.Terms{
			Instance:   sshforward.Instance{ID: "i-0abc", Tags: map[string]string{"Env": "prod"}},
			Sources:    []netip.Prefix{netip.MustParsePrefix("203.0.113.7/32")},
			TargetPort: 22, Duration: d, Because: because,
		}})
		if err != nil {
			fmt.Println(sshforward.ErrorCode(err)+":", sshforward.ErrorMessage(err))
			return
		}
		fmt.Println("asks", rule.Approvals, "of", rule.Approvers)
	}
	ask("U0ANN", time.Hour, "the disk is full")
	ask("U0ANN", 2*time.Hour, "the disk is full")
	ask("U0ANN", time.Hour, "")
	ask("U0BOB", time.Hour, "the disk is full")
	// Output:
	// asks 1 of [S0LEAD]
	// forbidden: 2h is longer than the 1h that the rule "production" allows.
	// invalid: The rule "production" wants a reason. Add it at the end: because …
	// forbidden: The rule "production" decides here, and you are not among the people it lets in.
}

// Next decides from the lease and the time alone: what is needed, and when.
func ExampleNext() {
	opened := time.Date(2026, 1, 2, 9, 0, 0, 0, time.UTC)
	ends := opened.Add(2 * time.Hour)
	l := &sshforward.Lease{
		State: sshforward.Open, OpenedAt: opened, ExpiresAt: ends,
		Terms: sshforward.Terms{Reminders: []time.Duration{15 * time.Minute}},
		Work:  sshforward.Work{Resources: sshforward.Resources{Until: ends}},
	}
	say := func(now time.Time) {
		next := sshforward.Next(l, now)
		fmt.Printf("at %s: %s at %s\n", now.Format("15:04"), next.Kind, next.At.Format("15:04"))
	}
	say(opened)
	l.RemindedAt = ends.Add(-15 * time.Minute)
	say(l.RemindedAt)
	now := ends.Add(-5 * time.Minute) // somebody extends it, and the tags in AWS still say the old end
	l.ExpiresAt, l.NextTryAt = ends.Add(time.Hour), now
	say(now)
	l.State = sshforward.Closing // somebody closes it
	say(now)
	// Output:
	// at 09:00: remind at 10:45
	// at 10:45: expire at 11:00
	// at 10:55: extend at 10:55
	// at 10:55: teardown at 10:55
}
