package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"net/netip"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/sshforward/sshforward"
)

type replayOptions struct {
	config, since, export, people string
	asJSON                        bool
}

func newPolicyReplay(con console) *cobra.Command {
	var (
		o    replayOptions
		from time.Time
	)
	c := &cobra.Command{
		Use:   "replay",
		Short: "Print each request of the audit record that would end differently under a configuration",
		Args:  noArguments,
		PreRunE: func(*cobra.Command, []string) (err error) {
			from, err = parseSince(o.since, time.Now())
			return err
		},
		RunE: func(c *cobra.Command, _ []string) error { return o.run(c.Context(), from, con) },
	}
	configFlag(c, &o.config)
	c.Flags().StringVar(&o.since, "since", "30d", "only requests from `WHEN` on: 30d, 2026-11-01 (UTC) or 2026-11-01T09:00:00Z")
	c.Flags().StringVar(&o.export, "audit", "", "read this `EXPORT` (sshforward audit, JSON lines; - for stdin) and not the store")
	c.Flags().StringVar(&o.people, "people", "", "a policy table `FILE` that says who is in which user group; Slack is asked without it")
	c.Flags().BoolVar(&o.asJSON, "json", false, "one JSON object a line")
	return c
}

// past is a request of the record, and what became of it.
type past struct {
	open  sshforward.Event
	state sshforward.State // after it was confirmed; "" if it was not
	said  int              // how many said yes before it opened
	begun bool             // it was opened, so that all have said yes
}

// replayed is one line of the answer.
type replayed struct {
	Time   time.Time `json:"time"`
	Lease  string    `json:"lease,omitempty"`
	Who    string    `json:"who"`
	Asks   string    `json:"asks"`
	Was    string    `json:"was"`
	Now    string    `json:"now,omitempty"`
	Rule   string    `json:"rule,omitempty"`
	Judged bool      `json:"judged"`
	Why    string    `json:"why,omitempty"` // it cannot be judged
}

func (o *replayOptions) run(ctx context.Context, since time.Time, con console) error {
	c, err := readConfig(o.config)
	if err != nil {
		return err
	}
	dir := directoryOf(con)
	if o.people != "" {
		table, err := readTable(o.people, c)
		if err != nil {
			return fmt.Errorf("%s: %w", o.people, err)
		}
		dir = table.people()
	}
	events, closing, err := o.events(ctx, c, since)
	if err != nil {
		return err
	}
	all, err := requestsIn(events, since)
	if err := errors.Join(err, closing()); err != nil {
		return err
	}
	var out []replayed
	differ, unjudged := 0, 0
	for _, p := range all {
		r, differs := p.replay(ctx, c, dir)
		switch {
		case !r.Judged:
			unjudged++
		case !differs:
			continue
		default:
			differ++
		}
		out = append(out, r)
	}
	if o.asJSON {
		err = writeJSON(con.stdout, out)
	} else {
		err = printReplayed(con.stdout, out)
	}
	if err == nil {
		_, err = fmt.Fprintf(con.stderr, "%s since %s: %d would end differently, %d cannot be judged\n",
			count(len(all), "request"), since.UTC().Format(time.RFC3339), differ, unjudged)
	}
	return err
}

// events are those of an export, or of the store.
func (o *replayOptions) events(ctx context.Context, c *config, since time.Time) (iter.Seq2[sshforward.Event, error], func() error, error) {
	switch o.export {
	case "":
		log, err := readAuditLog(ctx, c.Store, eventsFrom{since: since})
		return log.events, log.close, err
	case "-":
		return decodeEvents(os.Stdin), func() error { return nil }, nil
	}
	f, err := os.Open(o.export)
	if err != nil {
		return nil, nil, err
	}
	return decodeEvents(f), f.Close, nil
}

// requestsIn gathers from the events what was asked for and what became of it.
func requestsIn(events iter.Seq2[sshforward.Event, error], since time.Time) (all []*past, err error) {
	leases := make(map[string]*past)
	for e, err := range events {
		if err != nil {
			return all, err
		}
		if e.Act == sshforward.ActOpen && !e.At.Before(since) {
			p := &past{open: e}
			all = append(all, p)
			if e.Lease != "" {
				leases[e.Lease] = p
			}
			continue
		}
		p := leases[e.Lease]
		if p == nil || e.Result != sshforward.ResultOK {
			continue
		}
		switch {
		case e.Act == sshforward.ActConfirm:
			p.state = e.State
		case e.Act == sshforward.ActOpened, e.Act == sshforward.ActApprove && e.State == sshforward.Opening:
			p.said, p.begun = len(e.Approvers), true
		}
	}
	return all, nil
}

// was is what became of the request, as far as the record says.
func (p *past) was() string {
	switch {
	case p.open.Result != sshforward.ResultOK:
		return "deny because " + p.open.Detail
	case p.state == sshforward.Pending && p.begun:
		return fmt.Sprintf("approve %d", p.said)
	case p.state == sshforward.Pending:
		return "approve"
	case p.state == "":
		return "let in, not confirmed"
	}
	return "allow"
}

// replay rules about a request anew, and reports whether it would end otherwise.
func (p *past) replay(ctx context.Context, c *config, dir sshforward.Directory) (r replayed, differs bool) {
	e := p.open
	l, why := p.request(c)
	r = replayed{Time: e.At, Lease: e.Lease, Who: e.Actor, Asks: asks(l), Was: p.was()}
	if in := cmp.Or(e.Name, e.Instance); in != "" {
		r.Asks = in + " " + r.Asks
	}
	policy := c.Policy.policy(c.Slack.Admins)
	if why == "" {
		known := append(slices.Collect(maps.Keys(e.Tags)), e.Lacks...)
		if key, rule := policy.Undecidable(l.Instance, known); key != "" {
			why = fmt.Sprintf("the record does not say what the instance has as %s, which the rule %s goes by", key, rule)
		}
	}
	if why != "" {
		r.Why = why
		return r, false
	}
	ruling := policy.Rule(ctx, dir, l, c.Timing.timing())
	if ruling.Unknown() {
		r.Why = sshforward.ErrorMessage(ruling.Refused).String()
		return r, false
	}
	r.Judged, r.Now, r.Rule = true, ruling.String(), ruling.Rule
	switch {
	case ruling.Refused != nil:
		return r, true
	case p.state == "":
		return r, false // nobody knows whether it would have been approved
	case p.state == sshforward.Pending && !p.begun:
		return r, ruling.Approvals == 0
	}
	return r, r.Now != r.Was
}

// request is what was asked for, and why it cannot be judged; "" if it can.
func (p *past) request(c *config) (l *sshforward.Lease, why string) {
	e := p.open
	l = c.asking(e.Actor, sshforward.Instance{Account: e.Account, Region: e.Region, ID: e.Instance, Name: e.Name, Tags: e.Tags, Running: true})
	l.Because, l.Urgent, l.Sources = e.Because, e.Urgent, nil
	for _, s := range e.Sources {
		if from, err := netip.ParsePrefix(s); err == nil {
			l.Sources = append(l.Sources, from)
		}
	}
	l.TargetPort = cmp.Or(e.Port, l.TargetPort)
	if e.Duration > 0 {
		l.Duration = time.Duration(e.Duration * float64(time.Second))
	}
	switch {
	case e.Result != sshforward.ResultOK:
		why = "it was refused, and the record does not say what the instance was"
	case e.Duration == 0:
		why = "the record is of a version that did not say for how long it was asked"
	}
	return l, why
}

func printReplayed(w io.Writer, all []replayed) error {
	for _, r := range all {
		text := fmt.Sprintf("%s %s %s %s: was %s, ", r.Time.UTC().Format(time.RFC3339), cmp.Or(r.Lease, "-"), r.Who, r.Asks, r.Was)
		switch {
		case !r.Judged:
			text += "cannot be judged: " + r.Why
		case r.Rule != "":
			text += "would be " + r.Now + " (rule " + r.Rule + ")"
		default:
			text += "would be " + r.Now
		}
		if _, err := fmt.Fprintln(w, printable(text)); err != nil {
			return err
		}
	}
	return nil
}
