package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/provisioner"
)

// The commands in this file are for the day when Slack, the store or the bot
// is down: they know nothing but the configuration and the tags in AWS. They do
// not fight with a running bot: what they remove it finds gone, and closes.

// shellCmd is what they have in common.
type shellCmd struct {
	Config string `required:"" type:"path" placeholder:"FILE" help:"The bot's configuration file."`
}

type leasesCmd struct {
	shellCmd
	JSON bool `help:"One JSON object a line."`
}

type closeCmd struct {
	shellCmd
	IDs     []string      `arg:"" optional:"" name:"lease" help:"Lease ids."`
	All     bool          `help:"Close every lease of the deployment."`
	Timeout time.Duration `default:"20m" help:"How long to wait for AWS to let the last resource go."`
}

type sweepCmd struct {
	shellCmd
	DryRun  bool          `help:"Only say what would be removed."`
	Timeout time.Duration `default:"20m" help:"How long to wait for AWS to let the last resource go."`
}

// inAWS is one lease as the tags in AWS tell it.
type inAWS struct {
	Lease     string    `json:"lease"`
	Account   string    `json:"account"`
	Instance  string    `json:"instance"`
	Owner     string    `json:"owner"`
	Expires   time.Time `json:"expires"`
	Overdue   bool      `json:"overdue"`
	Sources   string    `json:"sources"`
	Resources []string  `json:"resources"`

	found sshforward.Found
}

// Run lists what the tags tell.
func (cmd *leasesCmd) Run(ctx context.Context, con console) error {
	_, all, err := cmd.look(ctx, con)
	if err != nil && len(all) == 0 {
		return err
	}
	if werr := printLeases(con.stdout, all, cmd.JSON); werr != nil {
		return werr
	}
	return err
}

// Validate is asked by kong; what it refuses is wrong usage.
func (cmd *closeCmd) Validate() error {
	if cmd.All == (len(cmd.IDs) > 0) {
		return errors.New("say which leases to close, or --all")
	}
	return nil
}

// Run closes leases and waits until nothing is left of them.
func (cmd *closeCmd) Run(ctx context.Context, con console) error {
	aws, all, err := cmd.look(ctx, con)
	if err != nil && (cmd.All || len(all) == 0) {
		return err // half a list is not all
	}
	var chosen []inAWS
	for _, typed := range cmd.IDs {
		id, ok := sshforward.ParseID(typed)
		i := slices.IndexFunc(all, func(l inAWS) bool { return l.Lease == id })
		if !ok || i < 0 {
			return fmt.Errorf("there is nothing of a lease %s in AWS", typed)
		}
		chosen = append(chosen, all[i])
	}
	if cmd.All {
		chosen = all
	}
	return removeAll(ctx, aws, chosen, cmd.Timeout, con.stdout)
}

// Run removes what is past the end that its tags give it.
func (cmd *sweepCmd) Run(ctx context.Context, con console) error {
	aws, all, err := cmd.look(ctx, con)
	overdue := slices.DeleteFunc(all, func(l inAWS) bool { return !l.Overdue })
	if cmd.DryRun {
		if werr := printLeases(con.stdout, overdue, false); werr != nil {
			return werr
		}
		return err
	}
	return errors.Join(err, removeAll(ctx, aws, overdue, cmd.Timeout, con.stdout))
}

// look surveys every account. What it returns beside an error is what the
// other accounts have.
func (cmd *shellCmd) look(ctx context.Context, con console) (*provisioner.Provisioner, []inAWS, error) {
	c, err := readConfig(cmd.Config)
	if err != nil {
		return nil, nil, err
	}
	log := slog.New(slog.NewTextHandler(con.stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	aws, err := provisioner.New(ctx, provisioner.Options{Deployment: c.Deployment, Accounts: convert(c.AWS, awsConfig.account), Logger: log})
	if err != nil {
		return nil, nil, err
	}
	var (
		wg   sync.WaitGroup
		mu   sync.Mutex
		all  []inAWS
		errs []error
	)
	for _, a := range c.AWS {
		wg.Go(func() {
			survey, err := aws.Survey(ctx, a.Name, nil)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				errs = append(errs, fmt.Errorf("account %s: %w", a.Name, err))
				return
			}
			for _, f := range survey.Found {
				all = append(all, describeFound(f, survey.At))
			}
		})
	}
	wg.Wait()
	slices.SortFunc(all, func(a, b inAWS) int { return a.Expires.Compare(b.Expires) })
	return aws, all, errors.Join(errs...)
}

func describeFound(f sshforward.Found, now time.Time) inAWS {
	l := inAWS{
		Lease: f.Lease.ID, Account: f.Lease.Instance.Account, Instance: f.Lease.Instance.ID, Owner: f.Lease.Owner,
		Expires: f.Lease.ExpiresAt, Overdue: !f.Lease.ExpiresAt.IsZero() && !now.Before(f.Lease.ExpiresAt), Sources: sshforward.FormatSources(f.Lease.Sources),
		Resources: []string{}, found: f,
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
	fmt.Fprintln(table, "LEASE\tACCOUNT\tINSTANCE\tOWNER\tFROM\tENDS\tHAS")
	for _, l := range all {
		ends := l.Expires.Local().Format("2006-01-02 15:04:05 MST")
		switch {
		case l.Expires.IsZero():
			ends = "not known" // what carries the end is not visible yet
		case l.Overdue:
			ends += " (overdue)"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", l.Lease, l.Account, l.Instance, l.Owner, l.Sources, ends, strings.Join(l.Resources, ", "))
	}
	return table.Flush()
}

// removeAll removes leases side by side; one that fails does not hold up the
// others.
func removeAll(ctx context.Context, aws *provisioner.Provisioner, all []inAWS, timeout time.Duration, w io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var (
		wg   sync.WaitGroup
		mu   sync.Mutex
		errs []error
	)
	say := func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprintf(w, format+"\n", args...)
	}
	for _, l := range all {
		wg.Go(func() {
			if err := remove(ctx, aws, l, say); err != nil {
				mu.Lock()
				defer mu.Unlock()
				errs = append(errs, fmt.Errorf("lease %s: %w", l.Lease, err))
			}
		})
	}
	wg.Wait()
	if len(all) == 0 {
		say("nothing to remove")
	}
	return errors.Join(errs...)
}

// remove repeats the teardown until a read-back shows that nothing is left.
func remove(ctx context.Context, aws *provisioner.Provisioner, f inAWS, say func(string, ...any)) error {
	l := f.found.Lease.Clone()
	l.State, l.ClosingAt = sshforward.Closing, time.Now()
	ended := false
	for {
		step, err := aws.Close(ctx, l)
		l.Resources = step.Resources
		if l.Resources.BalancerGone && !ended {
			ended = true
			say("%s: access to %s has ended", l.ID, l.Instance.ID)
		}
		wait := step.Wait
		switch {
		case err != nil && ctx.Err() != nil:
			return err
		case err != nil:
			l.Attempts++
			wait = sshforward.Backoff(l.Attempts, 0)
			say("%s: %s; trying again in %s", l.ID, strings.TrimSuffix(sshforward.ErrorMessage(err).String(), "."), wait.Round(time.Second))
		case wait == 0:
			say("%s: nothing is left", l.ID)
			return nil
		default:
			l.Attempts = 0
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return fmt.Errorf("not everything is gone yet: %w", ctx.Err())
		}
	}
}
