package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/provisioner"
)

// leases, close and sweep are for the day when Slack, the store or the bot is
// down: they know nothing but the configuration and what is in AWS. Whose a thing
// is they tell by its structure, as the bot does; what its tags say is shown as it
// is said there, and proves nothing. They do not fight with a running bot: what
// they remove it finds gone, and closes.

func newLeases(con console) *cobra.Command {
	var (
		config string
		asJSON bool
	)
	c := &cobra.Command{
		Use:     "leases",
		Short:   "List them",
		GroupID: groupLeases,
		Args:    noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			_, all, err := surveyAll(c.Context(), config, con)
			if err != nil && len(all) == 0 {
				return err // "nothing" would be too much
			}
			return errors.Join(err, printLeases(con.stdout, all, asJSON))
		},
	}
	configFlag(c, &config)
	c.Flags().BoolVar(&asJSON, "json", false, "one JSON object a line")
	return c
}

// inAWS is one lease as the tags in AWS tell it, fit to be printed.
type inAWS struct {
	Lease     string    `json:"lease"`
	Account   string    `json:"account"`
	Instance  string    `json:"instance"`
	Owner     string    `json:"owner"`
	Expires   time.Time `json:"expires"`
	Overdue   bool      `json:"overdue"`
	Sources   string    `json:"sources"`
	Resources []string  `json:"resources"`
	Proof     string    `json:"proof"` // of what the tags say: valid, wrong, missing … or not checked

	found sshforward.Found
}

// surveyAll looks at every account. What it returns beside an error, which says what
// could not be read, is what could.
func surveyAll(ctx context.Context, configFile string, con console) (*provisioner.Provisioner, []inAWS, error) {
	c, err := readConfig(configFile)
	if err != nil {
		return nil, nil, err
	}
	log := slog.New(slog.NewTextHandler(con.stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	aws, err := provisioner.New(ctx, provisioner.Options{
		Deployment: c.Deployment, Accounts: convert(c.AWS, awsConfig.account), Logger: log,
	})
	if err != nil {
		return nil, nil, err
	}
	type result struct {
		leases   []inAWS
		unproven []sshforward.Unproven
		err      error
	}
	failed := func(account string, err error) result { return result{err: fmt.Errorf("account %s: %w", account, err)} }
	var (
		all  []inAWS
		errs []error
	)
	for _, r := range eachAccount(c.AWS, func(account string) result {
		survey, err := aws.Survey(ctx, account, nil)
		if err != nil {
			return failed(account, err)
		}
		r := result{unproven: survey.Unproven}
		if err := survey.Err(); err != nil {
			r = failed(account, err)
			r.unproven = survey.Unproven
		}
		r.leases = convert(survey.Found, func(f sshforward.Found) inAWS { return describeFound(f, survey.At) })
		return r
	}, failed) {
		all, errs = append(all, r.leases...), append(errs, r.err)
		for _, u := range r.unproven {
			fmt.Fprintf(con.stderr, "left alone: %s %s carries the deployment's tag and is not provably a lease's: %s\n",
				u.Kind, printable(u.ID), u.Why)
		}
	}
	slices.SortStableFunc(all, func(a, b inAWS) int { return a.Expires.Compare(b.Expires) })
	return aws, all, errors.Join(errs...)
}

func describeFound(f sshforward.Found, now time.Time) inAWS {
	l := inAWS{
		Lease: f.Lease.ID, Account: f.Lease.Instance.Account, Instance: printable(f.Lease.Instance.ID),
		Owner:   printable(f.Lease.Owner),
		Expires: f.Lease.ExpiresAt, Overdue: !f.Lease.ExpiresAt.IsZero() && !now.Before(f.Lease.ExpiresAt),
		Sources: sshforward.FormatSources(f.Lease.Sources), Resources: []string{}, Proof: cmp.Or(string(f.Proof), "not checked"), found: f,
	}
	for _, r := range []struct {
		there bool
		name  string
	}{{f.Balancer, "load balancer"}, {f.Group, "security group"}, {f.Rule, "rule"}, {f.DeadMan, "dead-man switch"}} {
		if r.there {
			l.Resources = append(l.Resources, r.name)
		}
	}
	return l
}

func printLeases(w io.Writer, all []inAWS, asJSON bool) error {
	if asJSON {
		enc := json.NewEncoder(w)
		for _, l := range all {
			if err := enc.Encode(l); err != nil {
				return err
			}
		}
		return nil
	}
	if len(all) == 0 {
		_, err := fmt.Fprintln(w, "nothing")
		return err
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "LEASE\tACCOUNT\tINSTANCE\tOWNER\tFROM\tENDS\tHAS\tPROOF")
	for _, l := range all {
		ends := l.Expires.Local().Format("2006-01-02 15:04:05 MST")
		switch {
		case l.Expires.IsZero():
			ends = "not known" // what carries the end is not visible yet
		case l.Overdue:
			ends += " (overdue)"
		}
		fmt.Fprintln(table, strings.Join([]string{
			l.Lease, l.Account, l.Instance, l.Owner, l.Sources, ends, strings.Join(l.Resources, ", "), l.Proof,
		}, "\t"))
	}
	return table.Flush()
}
