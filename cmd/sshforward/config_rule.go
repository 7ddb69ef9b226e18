package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sshforward/sshforward"
)

type ruleConfig struct {
	Name            string        `yaml:"name"`
	Tags            tagMap        `yaml:"tags"`
	NotTags         tagMap        `yaml:"not_tags"`
	Accounts        []string      `yaml:"accounts"`
	VPCs            []vpcID       `yaml:"vpcs"`
	Instances       []instanceID  `yaml:"instances"`
	Users           people        `yaml:"users"`
	Guests          bool          `yaml:"guests"`
	Max             duration      `yaml:"max"`
	Approvers       []person      `yaml:"approvers"`
	Approvals       quorum        `yaml:"approvals"`
	Notify          []person      `yaml:"notify"`
	Reason          string        `yaml:"reason"`
	ReasonPattern   *pattern      `yaml:"reason_pattern"`
	ExtendApprovals *quorum       `yaml:"extend_approvals"` // as many as approvals if it is not there
	Urgent          *urgentConfig `yaml:"urgent"`
	Drill           bool          `yaml:"drill"`   // sshforward drill may open what it covers
	Prepare         prepareWord   `yaml:"prepare"` // as the policy says if it is not there
}

// urgentConfig says who may go past a rule's approvers.
type urgentConfig struct {
	Users []person `yaml:"users"`
	Max   duration `yaml:"max"`
}

const (
	// defaultMax is what a rule without max allows.
	defaultMax = 8 * time.Hour
	// defaultUrgentMax is what a rule allows without approval if it does not say.
	defaultUrgentMax = 30 * time.Minute
)

// check looks at a rule and fills in what is left out. What it says begins with
// the key. An empty key and a rule without tags are refused by checkOpen.
func (r *ruleConfig) check(channel string, accounts []awsConfig) error {
	r.Max = cmp.Or(r.Max, duration(defaultMax))
	for _, q := range []*quorum{&r.Approvals, r.ExtendApprovals} {
		r.Approvers = q.withApprovers(r.Approvers)
	}
	if len(r.Approvers) > 0 && len(r.Approvals.needs) == 0 {
		r.Approvals.n = cmp.Or(r.Approvals.n, 1)
	}
	if r.ExtendApprovals == nil {
		r.ExtendApprovals = &r.Approvals
	}
	switch {
	case r.Name == "":
		return errors.New("name: a rule needs a name; people read it when it says no")
	case r.Reason != "" && r.Reason != "required" && r.Reason != "optional":
		return fmt.Errorf("reason: %q is neither required nor optional", r.Reason)
	}
	for _, name := range r.Accounts {
		if !slices.ContainsFunc(accounts, func(a awsConfig) bool { return a.Name == name }) {
			return fmt.Errorf("accounts: there is no account called %q under aws", name)
		}
	}
	if err := r.checkApprovals(); err != nil {
		return err
	}
	return r.checkUrgent(channel)
}

// checkApprovals refuses what nobody could approve.
func (r *ruleConfig) checkApprovals() error {
	for _, n := range []struct {
		key  string
		want int
	}{{"approvals", r.Approvals.n}, {"extend_approvals", r.ExtendApprovals.n}} {
		if n.want < 0 || n.want > 0 && len(r.Approvers) == 0 {
			return fmt.Errorf("%s: nobody could give them; write for example: approvers: [S0LEAD]", n.key)
		}
	}
	if n, few := r.fewApprovers(); few {
		return fmt.Errorf("approvers: %s cannot give %d approvals; name more, or a user group",
			count(n, "approver"), max(r.Approvals.n, r.ExtendApprovals.n))
	}
	return nil
}

// fewApprovers reports whether there are too few, which can be told where each
// of them is named. A person named twice is one.
func (r *ruleConfig) fewApprovers() (n int, few bool) {
	people := make(map[person]bool)
	for _, p := range r.Approvers {
		if sshforward.IsGroup(string(p)) {
			return 0, false
		}
		people[p] = true
	}
	return len(people), max(r.Approvals.n, r.ExtendApprovals.n) > len(people) && len(people) > 0
}

// checkUrgent looks at who may go past the approvers.
func (r *ruleConfig) checkUrgent(channel string) error {
	u := r.Urgent
	if u == nil {
		return nil
	}
	u.Max = cmp.Or(u.Max, duration(defaultUrgentMax))
	switch {
	case r.Approvals.n == 0:
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

func (r ruleConfig) rule() sshforward.Rule {
	out := sshforward.Rule{
		Name: r.Name, Tags: r.Tags, NotTags: r.NotTags, Accounts: r.Accounts,
		VPCs:      convert(r.VPCs, func(id vpcID) string { return string(id) }),
		Instances: convert(r.Instances, func(id instanceID) string { return string(id) }),
		Users:     convert(r.Users, personString), Guests: r.Guests, Max: time.Duration(r.Max),
		Approvers: convert(r.Approvers, personString), Approvals: r.Approvals.n, Needs: r.Approvals.needs,
		Notify: convert(r.Notify, personString), Reason: r.Reason == "required",
		Prepare: sshforward.Prepare(r.Prepare),
	}
	if r.ExtendApprovals != nil {
		out.ExtendApprovals, out.ExtendNeeds = r.ExtendApprovals.n, r.ExtendApprovals.needs
	}
	if r.Urgent != nil {
		out.Urgent = &sshforward.Urgent{Users: convert(r.Urgent.Users, personString), Max: time.Duration(r.Urgent.Max)}
	}
	if r.ReasonPattern != nil {
		out.ReasonPattern = r.ReasonPattern.Regexp
	}
	return out
}
