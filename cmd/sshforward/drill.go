package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/sshforward/sshforward"
)

type drillOptions struct {
	config, instance, connect string
	from                      []string
	kill, json                bool
}

func newDrill(con console) *cobra.Command {
	var o drillOptions
	c := &cobra.Command{
		Use:   "drill",
		Short: "Open, use and close a forward to a canary instance for real, and say how long each part took",
		Long: "Opens a forward to an instance of one's own for real: it is built, approved, connected to, extended and closed, and read back.\n" +
			"What it makes it removes, whatever goes wrong. " +
			"A rule with drill: true has to cover the instance. It needs no Slack, and a store of its own.",
		GroupID: groupBot,
		Args:    noArguments,
		RunE:    func(c *cobra.Command, _ []string) error { return o.run(c.Context(), con) },
	}
	configFlag(c, &o.config)
	c.Flags().StringVar(&o.instance, "instance", "", "the `ID` of the canary instance")
	declared(c.MarkFlagRequired("instance"))
	c.Flags().StringSliceVar(&o.from, "from", nil, "the public `ADDRESS` that this machine connects from; policy.sources.default if left out")
	c.Flags().StringVar(&o.connect, "connect", "", "connect to this `HOST` and not to the load balancer's own name")
	c.Flags().BoolVar(&o.kill, "kill", false, "have the bot die while it is open, and see the dead-man switch end it")
	c.Flags().BoolVar(&o.json, "json", false, "print JSON")
	return c
}

// drillReport is what came of a drill.
type drillReport struct {
	Instance string       `json:"instance"`
	Lease    string       `json:"lease,omitempty"`
	Stages   []drillStage `json:"stages"`
	Overstay float64      `json:"overstay_seconds"`
	Error    string       `json:"error,omitempty"`
}

// drillStage is one part of it.
type drillStage struct {
	Stage   string  `json:"stage"`
	Seconds float64 `json:"seconds"`
}

func (o *drillOptions) run(ctx context.Context, con console) error {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	c, err := readConfig(o.config)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "sshforward-drill-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	d, err := o.newDrill(ctx, c, dir, con.stderr)
	if err != nil {
		return err
	}
	err = d.whole(ctx)
	if err != nil {
		d.report.Error = oneLine(err)
	}
	if o.json {
		return errors.Join(err, json.NewEncoder(con.stdout).Encode(d.report))
	}
	return errors.Join(err, d.report.print(con.stdout))
}

func (r *drillReport) print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', tabwriter.AlignRight)
	for _, s := range r.Stages {
		fmt.Fprintf(t, "%s\t%.2f s\t\n", s.Stage, s.Seconds)
	}
	fmt.Fprintf(t, "overstay\t%.2f s\t\n", r.Overstay)
	return t.Flush()
}

// drillRule is the rule that lets an instance be drilled on, and the instance. What
// no rule with drill: true covers is somebody's own.
func (o *drillOptions) drillRule(ctx context.Context, c *config, aws sshforward.Finder) (in sshforward.Instance, err error) {
	found, err := aws.Find(ctx, o.instance, nil)
	switch {
	case len(found) == 0:
		return in, err
	case len(found) != 1:
		return in, fmt.Errorf("%d instances are called %s; give the id of one", len(found), o.instance)
	}
	policy := c.Policy.policy(nil)
	rule, ok := policy.Match(found[0])
	if !ok || !slices.ContainsFunc(c.Policy.Rules, func(r ruleConfig) bool { return r.Name == rule.Name && r.Drill }) {
		return in, fmt.Errorf("no rule with drill: true covers %s, so it is left alone; "+
			"give an instance of your own a tag, and a rule for it", o.instance)
	}
	return found[0], nil
}

func (o *drillOptions) sources(c *config) (out []netip.Prefix, err error) {
	for _, s := range o.from {
		more, err := sshforward.ParseSources(s)
		if err != nil {
			return nil, errors.New(sshforward.ErrorMessage(err).String())
		}
		out = append(out, more...)
	}
	if out == nil {
		out = c.Policy.policy(nil).Sources.Default
	}
	if len(out) == 0 {
		return nil, errors.New("which public address does this machine connect from? Give it: --from 203.0.113.7")
	}
	return out, nil
}

// drillLasts is how long a forward of a drill is asked for at least; timing.min may
// be more.
const drillLasts = 10 * time.Second
