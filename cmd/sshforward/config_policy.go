package main

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"

	"github.com/sshforward/sshforward"
)

type policyConfig struct {
	Sources struct {
		Allow   []prefix `yaml:"allow"`
		Default []prefix `yaml:"default"`
		Widest  *int     `yaml:"widest"`
	} `yaml:"sources"`
	LeasesPerUser *int         `yaml:"leases_per_user"`
	Ports         []port       `yaml:"ports"`
	Rules         []ruleConfig `yaml:"rules"`
	Prepare       prepareWord  `yaml:"prepare"` // defaultPrepare if it is not there
}

// defaultLeasesPerUser is how many leases a person may have if the policy does
// not say; 0 written out is no limit.
const defaultLeasesPerUser = 3

// defaultPrepare is when what needs approval is built if the policy does not say.
const defaultPrepare = sshforward.PrepareApproval

// check wants to know the operators' channel, since urgent leases are told
// there, and the accounts, since rules may name them.
func (p *policyConfig) check(channel string, accounts []awsConfig) error {
	if len(p.Rules) == 0 {
		return errors.New("policy.rules: there is no rule, so nobody could open anything; " +
			"write for example: policy: {rules: [{name: development, tags: {sshforward: allow}, max: 8h}]}")
	}
	if w := p.Sources.Widest; w != nil && (*w < 1 || *w > 32) {
		return fmt.Errorf("policy.sources.widest: %d is not a mask from 1 to 32", *w)
	}
	if n := p.LeasesPerUser; n != nil && *n < 0 {
		return errors.New("policy.leases_per_user: it cannot be negative; 0 is no limit")
	}
	for i := range p.Rules {
		if err := p.Rules[i].check(channel, accounts); err != nil {
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

func (p *policyConfig) policy(admins []person) sshforward.Policy {
	out := sshforward.Policy{
		Sources: sshforward.SourcePolicy{
			Allow:   convert(p.Sources.Allow, func(p prefix) netip.Prefix { return netip.Prefix(p) }),
			Default: convert(p.Sources.Default, func(p prefix) netip.Prefix { return netip.Prefix(p) }),
		},
		LeasesPerUser: defaultLeasesPerUser,
		Ports:         convert(p.Ports, func(p port) int { return int(p) }),
		Admins:        convert(admins, personString),
		Rules:         convert(p.Rules, ruleConfig.rule),
		Prepare:       cmp.Or(sshforward.Prepare(p.Prepare), defaultPrepare),
	}
	if p.Sources.Widest != nil {
		out.Sources.Widest = *p.Sources.Widest
	}
	if p.LeasesPerUser != nil {
		out.LeasesPerUser = *p.LeasesPerUser
	}
	return out
}
