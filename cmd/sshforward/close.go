package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/sshforward/sshforward"
)

type closeOptions struct {
	config  string
	ids     []string
	all     bool
	timeout time.Duration
}

func newClose(con console) *cobra.Command {
	var o closeOptions
	c := &cobra.Command{
		Use:     "close [LEASE…]",
		Short:   "Close them and wait until nothing is left",
		GroupID: groupLeases,
		Args: func(_ *cobra.Command, args []string) error {
			o.ids = args
			if o.all == (len(o.ids) > 0) {
				return errors.New("say which leases to close, or --all")
			}
			return nil
		},
		RunE: func(c *cobra.Command, _ []string) error { return o.run(c.Context(), con) },
	}
	configFlag(c, &o.config)
	timeoutFlag(c, &o.timeout)
	c.Flags().BoolVar(&o.all, "all", false, "close every lease of the deployment")
	return c
}

func (o *closeOptions) run(ctx context.Context, con console) error {
	aws, all, unread := surveyAll(ctx, o.config, con)
	if aws == nil {
		return unread
	}
	var chosen []inAWS
	if o.all {
		chosen = all
	}
	errs := []error{unread}
	for _, typed := range o.ids {
		id, ok := sshforward.ParseID(typed)
		i := slices.IndexFunc(all, func(l inAWS) bool { return l.Lease == id })
		if !ok || i < 0 {
			errs = append(errs, fmt.Errorf("there is nothing of a lease %s in AWS", typed))
			continue
		}
		chosen = append(chosen, all[i])
	}
	if err := errors.Join(errs...); err != nil && len(chosen) == 0 {
		return err // "nothing to remove" would be too much
	}
	return errors.Join(append(errs, removeAll(ctx, aws, chosen, o.timeout, con.stdout))...)
}
