package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/bot"
)

// newPolicy makes the commands that try a policy before anybody lives with it.
func newPolicy(con console) *cobra.Command {
	c := &cobra.Command{
		Use:     "policy",
		Short:   "Try a policy: against a table, or against what was asked for",
		GroupID: groupBot,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				return fmt.Errorf("there is no policy %s; write policy test or policy replay", args[0])
			}
			return errors.New("write policy test or policy replay")
		},
		RunE: func(c *cobra.Command, _ []string) error { return c.Usage() },
	}
	c.AddCommand(newPolicyTest(con), newPolicyReplay(con))
	return c
}

// asking is who asks, and about what, for a policy to be tried.
func (c *config) asking(who string, in sshforward.Instance) *sshforward.Lease {
	l := &sshforward.Lease{Owner: who, State: sshforward.Requested}
	l.Instance, l.TargetPort, l.Duration = in, 22, c.Timing.timing().Default
	l.Sources = c.Policy.policy(nil).Sources.Default
	return l
}

// knownPeople are the people of a table. Whoever is not named is a full member,
// and of a group that is not named nobody knows who is in it.
type knownPeople struct {
	groups map[person][]person
	guests []person
}

// Members implements sshforward.Directory.
func (p knownPeople) Members(_ context.Context, group string) ([]string, error) {
	users, ok := p.groups[person(group)]
	if !ok {
		return nil, sshforward.Errorf(sshforward.EUNAVAILABLE, "It is not said who is in the user group %s.", group)
	}
	return convert(users, personString), nil
}

// Person implements sshforward.Directory.
func (p knownPeople) Person(_ context.Context, user string) (sshforward.Person, error) {
	return sshforward.Person{Guest: slices.Contains(p.guests, person(user))}, nil
}

// directoryOf is Slack, where its token is given, or nobody who knows of groups.
func directoryOf(con console) sshforward.Directory {
	secrets, err := readTokens(con.env)
	if err != nil {
		return knownPeople{}
	}
	return bot.New(bot.Options{Token: secrets.bot, AppToken: secrets.app, APIURL: con.env("SLACK_API_URL")})
}

// writeJSON writes one object a line.
func writeJSON[T any](w io.Writer, all []T) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for _, one := range all {
		if err := enc.Encode(one); err != nil {
			return err
		}
	}
	return nil
}
