// Command sshforward is the bot: `sshforward serve --config FILE` connects
// Slack, AWS and the store, and keeps the promises until it is told to stop.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/sshforward/sshforward"
)

// version is set by the linker for releases.
var version = ""

// Exit codes, for scripts.
const (
	exitOK    = 0
	exitError = 1 // it was understood and failed; one line on stderr says why
	exitUsage = 2 // it was not understood
)

type cli struct {
	Serve      serveCmd      `cmd:"" help:"Run the bot."`
	Playground playgroundCmd `cmd:"" help:"Try it on this machine: the bot, a workspace, a cloud and SSH servers, all in one."`
	Leases     leasesCmd     `cmd:"" help:"List leases from the tags in AWS alone, without Slack, store or bot."`
	Close      closeCmd      `cmd:"" help:"Close leases from the tags in AWS alone."`
	Sweep      sweepCmd      `cmd:"" help:"Remove what is past its end, from the tags in AWS alone."`
	Doctor     doctorCmd     `cmd:"" help:"Look at all that the bot depends on and say what to mend; changes nothing."`
	Version    versionCmd    `cmd:"" help:"Print the version."`
}

// console is where a command writes, and what it reads from the environment;
// tests give it their own.
type console struct {
	stdout, stderr io.Writer
	env            func(string) string
}

func main() {
	os.Exit(run(context.Background(), os.Args[1:], console{os.Stdout, os.Stderr, os.Getenv}))
}

// run is the whole program but for the process around it.
func run(ctx context.Context, args []string, con console) int {
	exit := -1
	parser, err := kong.New(&cli{},
		kong.Name("sshforward"),
		kong.Description("Opens SSH to one private EC2 instance, for one person, for a limited time, from Slack."),
		kong.Writers(con.stdout, con.stderr),
		kong.Exit(func(code int) { exit = code }),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(con),
	)
	if err != nil {
		panic(err) // the commands above are declared wrongly
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	command, err := parser.Parse(args)
	if exit >= 0 {
		return exit // --help
	}
	if err != nil {
		fmt.Fprintf(con.stderr, "sshforward: %v (sshforward --help shows the usage)\n", err)
		return exitUsage
	}
	if err := command.Run(); err != nil {
		fmt.Fprintln(con.stderr, "sshforward: "+oneLine(err))
		return exitError
	}
	return exitOK
}

// oneLine makes the line an operator reads: the sentence, and the cause where
// there is one, since an operator is who can do something about it.
func oneLine(err error) string {
	text := err.Error()
	if e, ok := errors.AsType[*sshforward.Error](err); ok && e.Err == nil {
		text = e.Message.String()
	}
	return strings.Join(strings.Fields(text), " ")
}

type versionCmd struct{}

// Run prints the version.
func (versionCmd) Run(con console) error {
	_, err := fmt.Fprintln(con.stdout, "sshforward "+versionString())
	return err
}

func versionString() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}
