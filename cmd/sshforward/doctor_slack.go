package main

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/bot"
)

// rivalsIn finds in a running bot's metrics that it is not alone.
var rivalsIn = regexp.MustCompile(`(?m)^sshforward_slack_rival_connections [1-9]`)

// lookAtSlack tries both tokens, and every user group that the configuration
// names.
func lookAtSlack(ctx context.Context, c *config, con console) []finding {
	a := &about{what: "Slack"}
	secrets, err := readTokens(con.env)
	if err != nil {
		a.mend("%s", oneLine(err))
		return a.found
	}
	b := bot.New(bot.Options{Token: secrets.bot, AppToken: secrets.app, APIURL: con.env("SLACK_API_URL"),
		Channel: c.Slack.Channel, Cards: c.Slack.Cards})
	switch who, err := b.Identity(ctx); {
	case err != nil:
		a.mend("%s", oneLine(err))
		return a.found
	case who.OrgWide:
		a.mend("the bot is installed on the whole organisation %s (%s), so it opens nothing; install it in one workspace of it",
			who.Team, who.TeamID)
	case len(who.Missing) > 0:
		a.mend("the bot token lacks %s; add them under OAuth & Permissions and install the app anew", strings.Join(who.Missing, ", "))
	default:
		a.ok("the bot is %s (%s) in %s (%s)", who.User, who.UserID, who.Team, who.TeamID)
	}
	if off, err := slackClockOff(ctx, con); err != nil {
		a.mend("Slack's clock cannot be read: %s", oneLine(err))
	} else {
		lookAtClock(a, "Slack", off)
	}
	if err := b.TrySocketMode(ctx); err != nil {
		a.mend("%s", oneLine(err))
	} else {
		a.ok("the app token opens Socket Mode")
	}
	if says, err := askBot(ctx, c, "/metrics"); err == nil && rivalsIn.MatchString(says) {
		a.mend("a second process uses the same app token, and Slack gives it a share of the commands; stop it, or give it an app of its own")
	}
	if c.Slack.Channel == "" {
		a.ok("slack.channel is not set, so alarms go to the owner of the lease alone")
	}
	problems := b.ChannelProblems(ctx)
	for _, problem := range problems {
		a.mend("%s", problem)
	}
	if c.Slack.Channel != "" && len(problems) == 0 {
		a.ok("the bot is in slack.channel %s", c.Slack.Channel)
	}
	members := make(map[string][]string)
	for _, group := range groupsOf(c) {
		people, err := b.Members(ctx, group)
		if err != nil {
			a.mend("%s", oneLine(err))
			continue
		}
		members[group] = people
		a.ok("user group %s has %d people", group, len(people))
	}
	rules := c.Policy.policy(c.Slack.Admins).Rules
	for i := range rules {
		lookAtApprovers(a, &rules[i], members)
		if c.Slack.Ask != string(sshforward.AskChannel) && rules[i].Approvals+rules[i].ExtendApprovals > 0 {
			lookAtAsked(a, &rules[i], members)
		}
	}
	return a.found
}

// lookAtApprovers says whether there are as many people as a rule wants
// approvals of. A rule with a group that Slack does not tell about is left out.
func lookAtApprovers(a *about, r *sshforward.Rule, members map[string][]string) {
	wants := max(r.Approvals, r.ExtendApprovals)
	if wants == 0 {
		return
	}
	people := make(map[string]bool)
	for _, id := range r.Approvers {
		if !sshforward.IsGroup(id) {
			people[id] = true
			continue
		}
		users, known := members[id]
		if !known {
			return
		}
		for _, user := range users {
			people[user] = true
		}
	}
	for _, need := range slices.Concat(r.Needs, r.ExtendNeeds) {
		if users, group := members[need.From]; group && len(users) < need.N {
			a.mend("the rule %s wants %s of %s, in which there are %d people", r.Name, count(need.N, "approval"), need.From, len(users))
		}
	}
	switch n := len(people); {
	case n < wants:
		a.mend("the rule %s wants %s and there are %d people who could give one, so every request under it is refused",
			r.Name, count(wants, "approval"), n)
	case n == wants:
		a.ok("the rule %s wants %s and there are %d people who could give one: none of them can ask under it",
			r.Name, count(wants, "approval"), n)
	}
}

// lookAtAsked says whether all who are asked to decide can be asked directly.
func lookAtAsked(a *about, r *sshforward.Rule, members map[string][]string) {
	asked := r.Notify
	if len(asked) == 0 {
		asked = r.Approvers
	}
	people := make(map[string]bool)
	for _, id := range asked {
		if !sshforward.IsGroup(id) {
			people[id] = true
		}
		for _, user := range members[id] {
			people[user] = true
		}
	}
	if n := len(people); n > sshforward.MaxAsked {
		a.mend("the rule %s has %d people asked, and %d of them are asked directly; name fewer of them with notify",
			r.Name, n, sshforward.MaxAsked)
	}
}

// groupsOf lists the user groups in the configuration.
func groupsOf(c *config) []string {
	p := c.Policy.policy(c.Slack.Admins)
	people := slices.Clone(p.Admins)
	for _, r := range p.Rules {
		people = slices.Concat(people, r.Users, r.Approvers, r.Notify)
		if r.Urgent != nil {
			people = append(people, r.Urgent.Users...)
		}
	}
	people = slices.DeleteFunc(people, func(id string) bool { return !sshforward.IsGroup(id) })
	slices.Sort(people)
	return slices.Compact(people)
}
