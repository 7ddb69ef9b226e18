// Command sshforward is the bot: `sshforward serve --config FILE` connects
// Slack, AWS and the store, and keeps the promises until it is told to stop.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sshforward/sshforward"
)

// Exit codes, for scripts.
const (
	exitOK    = 0
	exitError = 1 // it was understood and failed; one line on stderr says why
	exitUsage = 2 // it was not understood
)

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
	root := newRoot(con)
	root.SetArgs(args)
	// What fails before a command begins is wrong usage: a flag that is not
	// there, an argument too many.
	begun := false
	var watch func(*cobra.Command)
	watch = func(parent *cobra.Command) {
		for _, c := range parent.Commands() {
			watch(c)
			if runE := c.RunE; runE != nil {
				c.RunE = func(c *cobra.Command, args []string) error {
					begun = true
					return runE(c, args)
				}
			}
		}
	}
	watch(root)
	switch err := root.ExecuteContext(ctx); {
	case err == nil:
		return exitOK
	case begun:
		con.lastWord("sshforward: " + oneLine(err))
		return exitError
	default:
		con.lastWord(fmt.Sprintf("sshforward: %s (sshforward --help shows the usage)", oneLine(err)))
		return exitUsage
	}
}

// lastWord writes a line to stderr. The process ends also when nobody reads it.
func (c console) lastWord(line string) {
	q := newLogQueue(c.stderr, "text")
	fmt.Fprintln(q, line)
	q.Stop()
}

// The commands as --help groups them.
const (
	groupBot    = "bot"
	groupLeases = "leases"
	groupStore  = "store"
)

// newRoot makes the command line. Each command is in the file of its name.
func newRoot(con console) *cobra.Command {
	root := &cobra.Command{
		Use:           "sshforward",
		Long:          "Opens SSH to one private EC2 instance, for one person, for a limited time, from Slack.",
		SilenceErrors: true, // run writes them
		SilenceUsage:  true,
	}
	root.SetOut(con.stdout)
	root.SetErr(con.stderr)
	root.AddGroup(
		&cobra.Group{ID: groupBot, Title: "The bot:"},
		&cobra.Group{ID: groupLeases, Title: "Leases, from the tags in AWS alone, when Slack or the bot is down:"},
		&cobra.Group{ID: groupStore, Title: "The store, of a bot that runs or does not:"},
	)
	root.AddCommand(
		newInit(con), newServe(con), newPlayground(con), newDoctor(con), newHealth(con), newDrill(con), newPolicy(con),
		newLeases(con), newClose(con), newSweep(con), newAbandon(con),
		newAudit(con), newBackup(con), newRestore(con),
		newVersion(con),
	)
	return root
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
