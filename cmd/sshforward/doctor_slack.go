package main

import (
	"context"
	"slices"
	"strings"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/bot"
)

// lookAtSlack tries both tokens, and every user group that the configuration
// names.
func lookAtSlack(ctx context.Context, c *config, con console) []finding {
	a := &about{what: "Slack"}
	secrets, err := readTokens(con.env)
	if err != nil {
		a.mend("%s", oneLine(err))
		return a.found
	}
	b := bot.New(bot.Options{Token: secrets.bot, AppToken: secrets.app, APIURL: con.env("SLACK_API_URL"), Channel: c.Slack.Channel})
	switch who, err := b.Identity(ctx); {
	case err != nil:
		a.mend("%s", oneLine(err))
		return a.found
	case who.OrgWide:
		a.mend("the bot is installed on the whole organisation %s (%s), so it opens nothing; install it in one workspace of it", who.Team, who.TeamID)
	case len(who.Missing) > 0:
		a.mend("the bot token lacks %s; add them under OAuth & Permissions and install the app anew", strings.Join(who.Missing, ", "))
	default:
		a.ok("the bot is %s (%s) in %s (%s)", who.User, who.UserID, who.Team, who.TeamID)
	}
	if err := b.TrySocketMode(ctx); err != nil {
		a.mend("%s", oneLine(err))
	} else {
		a.ok("the app token opens Socket Mode")
	}
	if c.Slack.Channel == "" {
		a.ok("slack.channel is not set, so alarms go to the owner of the lease alone")
	}
	for _, group := range groupsOf(c) {
		if people, err := b.Members(ctx, group); err != nil {
			a.mend("%s", oneLine(err))
		} else {
			a.ok("user group %s has %d people", group, len(people))
		}
	}
	return a.found
}

// groupsOf lists the user groups in the configuration.
func groupsOf(c *config) []string {
	p := c.Policy.policy(c.Slack.Admins)
	people := slices.Clone(p.Admins)
	for _, r := range p.Rules {
		people = append(append(people, r.Users...), r.Approvers...)
		if r.Urgent != nil {
			people = append(people, r.Urgent.Users...)
		}
	}
	people = slices.DeleteFunc(people, func(id string) bool { return !sshforward.IsGroup(id) })
	slices.Sort(people)
	return slices.Compact(people)
}
