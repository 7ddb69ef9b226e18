package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	berrors "go.etcd.io/bbolt/errors"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/store/bolt"
)

type restoreOptions struct {
	config  string
	from    string
	offline bool
}

func newRestore(con console) *cobra.Command {
	var o restoreOptions
	c := &cobra.Command{
		Use:     "restore FILE",
		Short:   "Put a backup in the place of the store of a bot that does not run, or into an empty table; say what AWS has beyond it",
		GroupID: groupStore,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return fmt.Errorf("say which backup, in one argument")
			}
			return (*pathFlag)(&o.from).Set(args[0])
		},
		RunE: func(c *cobra.Command, _ []string) error { return o.run(c.Context(), con) },
	}
	configFlag(c, &o.config)
	c.Flags().BoolVar(&o.offline, "offline", false, "do not ask AWS what the backup does not know")
	return c
}

// run checks the backup before it touches anything, and keeps what was there.
func (o *restoreOptions) run(ctx context.Context, con console) error {
	c, err := readConfig(o.config)
	if err != nil {
		return err
	}
	if c.Store.DynamoDB != nil {
		return o.runTable(ctx, con, c.Store.DynamoDB)
	}
	path := c.Store.Bolt
	release, err := hold(path)
	if err != nil {
		return err
	}
	defer release()
	copied, err := o.copyBeside(path)
	if err != nil {
		return err
	}
	defer os.Remove(copied) // where it is not in its place by then
	b, err := readBackup(ctx, copied)
	if err != nil {
		return fmt.Errorf("%s cannot be restored: %w", o.from, err)
	}
	kept, err := replace(path, copied, time.Now())
	if err != nil {
		return err
	}
	fmt.Fprintf(con.stdout, "%s is in the place of %s: %s\n", o.from, path, b)
	if kept != "" {
		fmt.Fprintf(con.stdout, "what was there is %s\n", kept)
	}
	if o.offline {
		return nil
	}
	return o.compare(ctx, con, b)
}

// hold keeps a bot from starting on the store meanwhile. What cannot be opened
// no bot has open.
func hold(path string) (release func(), err error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return func() {}, nil
	}
	s, err := bolt.Open(path, bolt.Options{AsIs: true})
	switch {
	case errors.Is(err, berrors.ErrTimeout):
		return nil, fmt.Errorf("%s is in use by a running bot; stop it first", path)
	case err != nil:
		return func() {}, nil
	}
	return func() { _ = s.Close() }, nil // nothing was written
}

// copyBeside copies the backup to where it can be put in place in one step.
func (o *restoreOptions) copyBeside(path string) (string, error) {
	if a, errA := os.Stat(o.from); errA == nil {
		if b, errB := os.Stat(path); errB == nil && os.SameFile(a, b) {
			return "", fmt.Errorf("%s is the store itself", o.from)
		}
	}
	from, err := os.Open(o.from)
	if err != nil {
		return "", err
	}
	defer from.Close()
	to := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".restore")
	_, err = writeFile(to, from)
	return to, err
}

// backup is what is known of one.
type backup struct {
	active map[string]*sshforward.Lease // by id
	events int
	last   time.Time // of the events
}

// String says what is in it.
func (b backup) String() string {
	says := fmt.Sprintf("%s not closed, %s", count(len(b.active), "lease"), count(b.events, "event"))
	if !b.last.IsZero() {
		says += ", the last of " + b.last.UTC().Format(time.RFC3339)
	}
	return says
}

// readBackup reads all of it: every page, every lease that is not closed, every
// event.
func readBackup(ctx context.Context, path string) (b backup, err error) {
	if err := bolt.Verify(path); err != nil {
		return b, err
	}
	s, err := bolt.Open(path, bolt.Options{ReadOnly: true})
	if err != nil {
		return b, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	leases, err := s.Active(ctx)
	if err != nil {
		return b, err
	}
	b.active = make(map[string]*sshforward.Lease)
	for _, l := range leases {
		b.active[l.ID] = l
	}
	for e, err := range s.EventsAfter(ctx, 0) {
		if err != nil {
			return b, err
		}
		b.events++
		if e.At.After(b.last) {
			b.last = e.At
		}
	}
	return b, nil
}

// replace puts the copy in place in one step: there is no moment in which a
// start would find no store and make a new one.
func replace(path, copied string, now time.Time) (kept string, err error) {
	if _, err := os.Lstat(path); err == nil {
		kept = path + ".before-restore-" + now.UTC().Format(asideFormat)
		if err := os.Link(path, kept); err != nil {
			if err := os.Rename(path, kept); err != nil { // no links on this file system
				return "", err
			}
		}
	}
	return kept, os.Rename(copied, path)
}

// compare says what AWS has that the backup does not know, and the other way
// round.
func (o *restoreOptions) compare(ctx context.Context, con console, b backup) error {
	_, all, err := surveyAll(ctx, o.config, con)
	if err != nil {
		err = fmt.Errorf("the backup is restored, but what it does not know cannot be told: %w", err)
	}
	var unknown []inAWS
	for _, l := range all {
		if b.active[l.Lease] == nil {
			unknown = append(unknown, l)
		}
	}
	if len(unknown) > 0 {
		fmt.Fprintf(con.stdout, "AWS has %s that the backup does not know as open. At its first sweep the bot takes over those "+
			"whose tags it has signed, and tears down the rest; sshforward close ends any of them now:\n", count(len(unknown), "lease"))
		return errors.Join(printLeases(con.stdout, unknown, false), err)
	}
	if err == nil {
		fmt.Fprintln(con.stdout, "the backup knows every lease that AWS has")
	}
	return err
}
