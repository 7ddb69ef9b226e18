package main

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/sshforward/sshforward"
)

type policyConfig struct {
	Sources struct {
		Allow   []prefix `yaml:"allow"`
		Default []prefix `yaml:"default"`
		Widest  *int     `yaml:"widest"`
	} `yaml:"sources"`
	LeasesPerUser int          `yaml:"leases_per_user"`
	Ports         []port       `yaml:"ports"`
	Rules         []ruleConfig `yaml:"rules"`
}

type ruleConfig struct {
	Name          string            `yaml:"name"`
	Tags          map[string]string `yaml:"tags"`
	Users         []person          `yaml:"users"`
	Max           duration          `yaml:"max"`
	Approvers     []person          `yaml:"approvers"`
	Approvals     int               `yaml:"approvals"`
	Reason        string            `yaml:"reason"`
	ReasonPattern *pattern          `yaml:"reason_pattern"`
	// ExtendApprovals is how many approvers an extension needs.
	ExtendApprovals int           `yaml:"extend_approvals"`
	Urgent          *urgentConfig `yaml:"urgent"`
}

// urgentConfig says who may go past a rule's approvers.
type urgentConfig struct {
	Users []person `yaml:"users"`
	Max   duration `yaml:"max"`
}

// defaultMax is what a rule without max allows.
const defaultMax = 8 * time.Hour

// defaultUrgentMax is what a rule allows without approval if it does not say.
const defaultUrgentMax = 30 * time.Minute

// check wants to know the operators' channel, since urgent leases are told there.
func (p *policyConfig) check(channel string) error {
	if len(p.Rules) == 0 {
		return errors.New("policy.rules: there is no rule, so nobody could open anything; write for example: policy: {rules: [{name: development, tags: {sshforward: allow}, max: 8h}]}")
	}
	if w := p.Sources.Widest; w != nil && (*w < 1 || *w > 32) {
		return fmt.Errorf("policy.sources.widest: %d is not a mask from 1 to 32", *w)
	}
	if p.LeasesPerUser < 0 {
		return errors.New("policy.leases_per_user: it cannot be negative; leave it out for no limit")
	}
	for i := range p.Rules {
		r := &p.Rules[i]
		r.Max = cmp.Or(r.Max, duration(defaultMax))
		switch {
		case r.Name == "":
			return fmt.Errorf("policy.rules[%d].name: a rule needs a name; people read it when it says no", i)
		case r.Reason != "" && r.Reason != "required" && r.Reason != "optional":
			return fmt.Errorf("policy.rules[%d].reason: %q is neither required nor optional", i, r.Reason)
		case r.Approvals < 0 || r.Approvals > 0 && len(r.Approvers) == 0:
			return fmt.Errorf("policy.rules[%d].approvals: nobody could give them; write for example: approvers: [S0LEAD]", i)
		}
		if len(r.Approvers) > 0 && r.Approvals == 0 {
			r.Approvals = 1
		}
		if n, few := r.fewApprovers(); few {
			return fmt.Errorf("policy.rules[%d].approvers: %s cannot give %d approvals; name more, or a user group", i, count(n, "approver"), max(r.Approvals, r.ExtendApprovals))
		}
		if err := r.checkExtras(channel); err != nil {
			return fmt.Errorf("policy.rules[%d].%w", i, err)
		}
	}
	sources := p.policy(nil).Sources
	for _, d := range sources.Default {
		if err := sources.Check(d); err != nil {
			return fmt.Errorf("policy.sources.default: %s", sshforward.ErrorMessage(err))
		}
	}
	return nil
}

// fewApprovers reports whether there are too few, which can be told where each
// of them is named. A person named twice is one.
func (r *ruleConfig) fewApprovers() (n int, few bool) {
	people := make(map[person]bool)
	for _, p := range r.Approvers {
		if strings.HasPrefix(string(p), "S") {
			return 0, false
		}
		people[p] = true
	}
	return len(people), max(r.Approvals, r.ExtendApprovals) > len(people) && len(people) > 0
}

// checkExtras looks at what a rule may say about extensions and urgent leases.
func (r *ruleConfig) checkExtras(channel string) error {
	if r.ExtendApprovals < 0 || r.ExtendApprovals > 0 && len(r.Approvers) == 0 {
		return errors.New("extend_approvals: nobody could give them; write for example: approvers: [S0LEAD]")
	}
	u := r.Urgent
	if u == nil {
		return nil
	}
	u.Max = cmp.Or(u.Max, duration(defaultUrgentMax))
	switch {
	case r.Approvals == 0:
		return errors.New("urgent: the rule needs no approval, so there is nothing to go past")
	case len(u.Users) == 0:
		return errors.New("urgent.users: say who may, for example: urgent: {users: [S0ONCALL], max: 30m}")
	case u.Max > r.Max:
		return fmt.Errorf("urgent.max: %s is more than the rule allows with approval", sshforward.FormatDuration(time.Duration(u.Max)))
	case channel == "":
		return errors.New("urgent: urgent leases are told in slack.channel, which is not set")
	}
	return nil
}

func (p *policyConfig) policy(admins []person) sshforward.Policy {
	out := sshforward.Policy{
		Sources: sshforward.SourcePolicy{
			Allow:   convert(p.Sources.Allow, func(p prefix) netip.Prefix { return netip.Prefix(p) }),
			Default: convert(p.Sources.Default, func(p prefix) netip.Prefix { return netip.Prefix(p) }),
		},
		LeasesPerUser: p.LeasesPerUser,
		Ports:         convert(p.Ports, func(p port) int { return int(p) }),
		Admins:        convert(admins, personString),
	}
	if p.Sources.Widest != nil {
		out.Sources.Widest = *p.Sources.Widest
	}
	for _, r := range p.Rules {
		rule := sshforward.Rule{
			Name: r.Name, Tags: r.Tags, Users: convert(r.Users, personString), Max: time.Duration(r.Max),
			Approvers: convert(r.Approvers, personString), Approvals: r.Approvals, Reason: r.Reason == "required",
		}
		rule.ExtendApprovals = r.ExtendApprovals
		if r.Urgent != nil {
			rule.Urgent = &sshforward.Urgent{Users: convert(r.Urgent.Users, personString), Max: time.Duration(r.Urgent.Max)}
		}
		if r.ReasonPattern != nil {
			rule.ReasonPattern = r.ReasonPattern.Regexp
		}
		out.Rules = append(out.Rules, rule)
	}
	return out
}
