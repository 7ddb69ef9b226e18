package main

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/spf13/cobra"
)

type sweepOptions struct {
	config  string
	dryRun  bool
	timeout time.Duration
}

func newSweep(con console) *cobra.Command {
	var o sweepOptions
	c := &cobra.Command{
		Use:     "sweep",
		Short:   "Remove what is past its end",
		GroupID: groupLeases,
		Args:    noArguments,
		RunE:    func(c *cobra.Command, _ []string) error { return o.run(c.Context(), con) },
	}
	configFlag(c, &o.config)
	timeoutFlag(c, &o.timeout)
	c.Flags().BoolVar(&o.dryRun, "dry-run", false, "only say what would be removed")
	return c
}

// run removes what is past the end that its tags give it.
func (o *sweepOptions) run(ctx context.Context, con console) error {
	aws, all, err := surveyAll(ctx, o.config, con)
	overdue := slices.DeleteFunc(all, func(l inAWS) bool { return !l.Overdue })
	if err != nil && len(overdue) == 0 {
		return err // to say "nothing" would be too much
	}
	if o.dryRun {
		return errors.Join(err, printLeases(con.stdout, overdue, false))
	}
	return errors.Join(err, removeAll(ctx, aws, overdue, o.timeout, con.stdout))
}
