package main

import (
	"bufio"
	"context"
	"errors"
	"iter"
	"os"
	"os/signal"
	"time"

	"github.com/spf13/cobra"

	"github.com/sshforward/sshforward"
)

// The audit record and the store's copy are read through the bot's socket if it
// runs, since it has the file to itself then, and from the file if it does not.

type auditOptions struct {
	config, format string
	since          time.Time // zero: all
}

func newAudit(con console) *cobra.Command {
	var (
		o     auditOptions
		since string
	)
	c := &cobra.Command{
		Use:     "audit",
		Short:   "Export the audit record",
		GroupID: groupStore,
		Args:    noArguments,
		PreRunE: func(*cobra.Command, []string) (err error) {
			o.since, err = parseSince(since, time.Now())
			return err
		},
		RunE: func(c *cobra.Command, _ []string) error { return o.run(c.Context(), con) },
	}
	configFlag(c, &o.config)
	c.Flags().StringVar(&since, "since", "", "only from `WHEN` on: 24h, 2026-11-01 (UTC) or 2026-11-01T09:00:00Z; all if not given")
	choiceFlag(c, &o.format, "format", "what to write", "jsonl", "csv")
	return c
}

// run exports the audit record.
func (o *auditOptions) run(ctx context.Context, con console) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt)
	defer stop()
	c, err := readConfig(o.config)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(con.stdout)
	events, done, err := readAuditLog(ctx, c.Store.Bolt, o.since)
	if err != nil {
		return err
	}
	err = writeEvents(out, o.format, events)
	return errors.Join(err, out.Flush(), done())
}

// readAuditLog finds the audit record, wherever it can be read now. done gives
// back what was taken for it.
func readAuditLog(ctx context.Context, path string, since time.Time) (
	events iter.Seq2[sshforward.Event, error], done func() error, err error,
) {
	body, socketErr := askSocket(ctx, path, auditPath(since))
	if socketErr == nil {
		return decodeEvents(body), body.Close, nil
	}
	s, err := openCopy(ctx, path)
	if err != nil {
		return nil, nil, neither(socketErr, err)
	}
	return s.Events(ctx, since), s.Close, nil
}
