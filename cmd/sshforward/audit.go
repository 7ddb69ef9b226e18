package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"os/signal"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/sshforward/sshforward"
)

// The audit record and the store's copy are read through the bot's socket if it
// runs, since it has the file to itself then, and from the file if it does not. A
// table is read as it is, whatever runs.

type auditOptions struct {
	config, format string
	from           eventsFrom
}

// eventsFrom is where an export begins: at a time, in the order of times, or
// behind an event, in the order of writing.
type eventsFrom struct {
	since   time.Time // zero: all
	after   uint64
	inOrder bool // after counts
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
		PreRunE: func(c *cobra.Command, _ []string) (err error) {
			o.from.inOrder = c.Flags().Changed("after")
			o.from.since, err = parseSince(since, time.Now())
			return err
		},
		RunE: func(c *cobra.Command, _ []string) error { return o.run(c.Context(), con) },
	}
	configFlag(c, &o.config)
	c.Flags().StringVar(&since, "since", "", "only from `WHEN` on: 24h, 2026-11-01 (UTC) or 2026-11-01T09:00:00Z; all if not given")
	c.Flags().Uint64Var(&o.from.after, "after", 0,
		"only what was written after the event `N`, in the order of writing, 0 for all; it says at its end with which to go on")
	c.MarkFlagsMutuallyExclusive("since", "after")
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
	log, err := readAuditLog(ctx, c.Store, o.from)
	if err != nil {
		return err
	}
	err = writeEvents(out, o.format, log.events)
	if err := errors.Join(err, out.Flush(), log.close()); err != nil || !o.from.inOrder {
		return err
	}
	next, err := log.next()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(con.stderr, "next: --after %d\n", next)
	return err
}

// auditLog is the audit record, wherever it can be read now.
type auditLog struct {
	events iter.Seq2[sshforward.Event, error]
	next   func() (uint64, error) // where to go on, once all events were read
	close  func() error
}

func readAuditLog(ctx context.Context, c storeConfig, from eventsFrom) (auditLog, error) {
	if c.DynamoDB != nil {
		s, err := openTable(ctx, c.DynamoDB)
		if err != nil {
			return auditLog{}, err
		}
		events, next := from.read(ctx, s)
		return auditLog{events, func() (uint64, error) { return next(), nil }, s.Close}, nil
	}
	path := c.Bolt
	resp, socketErr := askSocket(ctx, path, from.path())
	if socketErr == nil {
		next := func() (uint64, error) { return strconv.ParseUint(resp.Trailer.Get(trailerNext), 10, 64) }
		if _, knows := resp.Trailer[trailerNext]; from.inOrder && !knows {
			return auditLog{}, errors.Join(errors.New("the bot that runs is too old to export in the order of writing"), resp.Close())
		}
		return auditLog{decodeEvents(resp), next, resp.Close}, nil
	}
	s, err := openCopy(ctx, path)
	if err != nil {
		return auditLog{}, neither(socketErr, err)
	}
	events, next := from.read(ctx, s)
	return auditLog{events, func() (uint64, error) { return next(), nil }, s.Close}, nil
}

// read reads the events of a store. next is where to go on, in the order of
// writing, once they were read.
func (from eventsFrom) read(ctx context.Context, s sshforward.AuditLog) (events iter.Seq2[sshforward.Event, error], next func() uint64) {
	if !from.inOrder {
		return s.Events(ctx, from.since), func() uint64 { return 0 }
	}
	last := from.after
	events = func(yield func(sshforward.Event, error) bool) {
		for e, err := range s.EventsAfter(ctx, from.after) {
			if err == nil {
				last = e.Seq
			}
			if !yield(e, err) {
				return
			}
		}
	}
	return events, func() uint64 { return last }
}
