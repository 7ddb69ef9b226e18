package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/sshforward/sshforward/bot"
	"github.com/sshforward/sshforward/cmd/sshforward/playground"
)

type playgroundOptions struct {
	playground.Options
	script string
}

func newPlayground(con console) *cobra.Command {
	var o playgroundOptions
	c := &cobra.Command{
		Use:     "playground",
		Short:   "Try it on this machine: the bot, a workspace, a cloud and SSH servers, all in one",
		GroupID: groupBot,
		Args:    noArguments,
		PreRunE: func(*cobra.Command, []string) error {
			if o.script == "" {
				return nil
			}
			if info, err := os.Stat(o.script); err != nil {
				return fmt.Errorf("--script: %w", err)
			} else if info.IsDir() {
				return fmt.Errorf("--script: %s is a directory", o.script)
			}
			return nil
		},
		RunE: func(c *cobra.Command, _ []string) error { return o.run(c.Context(), con) },
	}
	flags := c.Flags()
	flags.Var((*pathFlag)(&o.Dir), "dir", "keep the state in this `DIR`: configuration, leases, log and host keys; "+
		"a temporary one, removed at the end, if not given")
	flags.StringVar(&o.Listen, "listen", "", "the page's `ADDRESS`, loopback only; 127.0.0.1:8022 if not given, with --script any free port")
	flags.Float64Var(&o.Speed, "speed", 1, "make the configured lengths of leases and reminders, and the durations in a script, "+
		"`N` times shorter: at 60, an hour passes in a minute")
	flags.BoolVar(&o.Fast, "fast", false, "let the stand-in for AWS answer at once, as it does with --script; else it takes about as long "+
		"for one thing in proportion to another as AWS does, so that what is made can be seen to appear")
	flags.IntVar(&o.Replicas, "replicas", 1, "run `N` bots that share the work on one table, each of which can be killed, paused and cut off")
	choiceFlag(c, &o.Language, "language", "what the bot speaks in channels; one person alone is spoken to in their own", bot.Languages()...)
	flags.Var((*pathFlag)(&o.script), "script", "play a written scenario from this `FILE` and exit, with 1 if it does not go as written")
	declared(c.MarkFlagDirname("dir"))
	return c
}

// secondSignal is how long after a signal another one counts.
const secondSignal = 2 * time.Second

// run starts everything and stays until a signal, or to the end of the script.
func (o *playgroundOptions) run(ctx context.Context, con console) error {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	// A second signal ends the process at once, and leaves behind what is
	// there; not within a moment, since some senders (timeout) send two.
	context.AfterFunc(ctx, func() { time.AfterFunc(secondSignal, stop) })
	o.Logger = newLogger(con.stderr, "text", "warn")
	return playground.Run(ctx, o.Options, o.script, con.stdout)
}
