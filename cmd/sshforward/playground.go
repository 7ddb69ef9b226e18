package main

import (
	"context"
	"os/signal"
	"syscall"
	"time"

	"github.com/sshforward/sshforward/cmd/sshforward/playground"
)

type playgroundCmd struct {
	Dir      string  `type:"path" placeholder:"DIR" help:"Keep the state here: configuration, leases, log and host keys. A temporary directory, removed at the end, if not given."`
	Listen   string  `placeholder:"ADDRESS" help:"Where the page is; loopback only. 127.0.0.1:8022 if not given, with --script any free port."`
	Speed    float64 `default:"1" placeholder:"N" help:"Make the configured lengths of leases and reminders, and the durations in a script, N times shorter: at 60, an hour passes in a minute."`
	Language string  `enum:"en,ja" default:"en" help:"What the bot speaks in channels: ${enum}. One person alone is spoken to in their own."`
	Script   string  `type:"existingfile" placeholder:"FILE" help:"Play a written scenario and exit, with 1 if it does not go as written."`
}

// secondSignal is how long after a signal another one counts.
const secondSignal = 2 * time.Second

// Run starts everything and stays until a signal, or to the end of the script.
func (cmd *playgroundCmd) Run(ctx context.Context, con console) error {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	// A second signal ends the process at once, and leaves behind what is
	// there; not within a moment, since some senders (timeout) send two.
	context.AfterFunc(ctx, func() { time.AfterFunc(secondSignal, stop) })
	return playground.Run(ctx, playground.Options{
		Dir: cmd.Dir, Listen: cmd.Listen, Speed: cmd.Speed, Language: cmd.Language, Logger: newLogger(con.stderr, "text", "warn"),
	}, cmd.Script, con.stdout)
}
