package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/internal/safe"
	"github.com/sshforward/sshforward/provisioner"
)

// timeoutFlag adds --timeout to a command that removes leases.
func timeoutFlag(c *cobra.Command, timeout *time.Duration) {
	c.Flags().DurationVar(timeout, "timeout", 20*time.Minute, "how long to wait for AWS to let the last resource go")
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
		failed := func(err error) {
			mu.Lock()
			defer mu.Unlock()
			errs = append(errs, fmt.Errorf("lease %s: %w", l.Lease, err))
		}
		wg.Go(func() {
			defer safe.Catch(failed)
			if err := remove(ctx, aws, l, say); err != nil {
				failed(err)
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
	l.StageSince = l.ClosingAt // a bot that runs may just be making it
	ended := false
	for {
		step, err := aws.Close(ctx, l)
		l.Resources = step.Resources
		if l.Resources.BalancerGone && !ended {
			ended = true
			say("%s: access to %s has ended", l.ID, f.Instance)
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
