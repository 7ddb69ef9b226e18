package playground

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Run is the command: it starts a playground, says where it is and stays until
// ctx ends; with a script it plays that instead and returns how it went.
func Run(ctx context.Context, o Options, scriptFile string, out io.Writer) error {
	var text *os.File
	if scriptFile != "" {
		f, err := os.Open(scriptFile)
		if err != nil {
			return err
		}
		defer f.Close()
		o.Fast = true // nobody looks
		if text = f; o.Listen == "" {
			o.Listen = "127.0.0.1:0" // nobody has to know it
		}
	}
	p, err := Start(ctx, o)
	if err != nil {
		if ctx.Err() != nil {
			return nil // told to stop
		}
		return err
	}
	defer p.Close()
	fmt.Fprintf(out, "sshforward playground: %s\n", p.URL())
	if o.Speed > 1 {
		fmt.Fprintf(out, "  at speed %g an hour of a lease's configured time is %s; the clock itself is the real one\n", o.Speed,
			scaled(leaseDefault, o.Speed))
	}
	if text != nil {
		if err := p.Play(ctx, scriptFile, text, out); err != nil {
			return err
		}
		fmt.Fprintln(out, "all as written")
		return nil
	}
	fmt.Fprintf(out, "  type there   %s\n  bot's log    %s\n  Ctrl-C       ends it, and everything with it\n", p.hint(),
		filepath.Join(p.Dir(), logFile))
	<-ctx.Done()
	return nil
}
