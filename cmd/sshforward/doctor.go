package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/sshforward/sshforward/internal/safe"
)

type doctorOptions struct {
	config  string
	asJSON  bool
	offline bool
	probe   bool
}

// newDoctor makes the command that looks at all that the bot depends on, before
// or while it runs. It changes nothing, in Slack or in AWS, unless it is to probe.
func newDoctor(con console) *cobra.Command {
	var o doctorOptions
	c := &cobra.Command{
		Use:     "doctor",
		Short:   "Look at all that the bot depends on and say what to mend",
		GroupID: groupBot,
		Args:    noArguments,
		RunE:    func(c *cobra.Command, _ []string) error { return o.run(c.Context(), con) },
	}
	configFlag(c, &o.config)
	c.Flags().BoolVar(&o.asJSON, "json", false, "one JSON object a line")
	c.Flags().BoolVar(&o.offline, "offline", false, "look at what is on this machine alone, not at Slack and AWS")
	c.Flags().BoolVar(&o.probe, "probe", false, "also make a dead-man switch a year ahead, and remove it again")
	c.MarkFlagsMutuallyExclusive("offline", "probe")
	return c
}

// finding is one thing that was looked at.
type finding struct {
	About string `json:"about"` // "store", "Slack", "AWS main" …
	OK    bool   `json:"ok"`
	Says  string `json:"says"`
}

// doctorWithin bounds all of it: a machine that cannot be reached is found out
// sooner.
const doctorWithin = time.Minute

// run looks, says what it found and fails if anything has to be mended.
func (o *doctorOptions) run(ctx context.Context, con console) error {
	c, err := readConfig(o.config)
	if err != nil {
		return err // it has line, column and what to write
	}
	ctx, cancel := context.WithTimeout(ctx, doctorWithin)
	defer cancel()
	looks := []func() []finding{
		func() []finding { return lookAtRules(c) },
		func() []finding { return lookAtStore(ctx, c.Store, o.offline) },
		func() []finding { return lookAtListen(c, time.Now()) },
	}
	if !o.offline {
		looks = append(looks,
			func() []finding { return lookAtSlack(ctx, c, con) },
			func() []finding { return lookAtAWS(ctx, c, o.probe) },
		)
	}
	found := make([][]finding, len(looks))
	var all sync.WaitGroup
	for i, look := range looks {
		all.Go(func() {
			defer safe.Catch(func(err error) { found[i] = []finding{{About: "doctor", Says: oneLine(err)}} })
			found[i] = look()
		})
	}
	all.Wait()
	findings := slices.Concat(found...)
	if err := printFindings(con.stdout, findings, o.asJSON); err != nil {
		return err
	}
	bad := 0
	for _, f := range findings {
		if !f.OK {
			bad++
		}
	}
	if bad > 0 {
		return fmt.Errorf("%d of %d things have to be mended", bad, len(findings))
	}
	return nil
}

func printFindings(w io.Writer, all []finding, asJSON bool) error {
	for _, f := range all {
		if asJSON {
			if err := json.NewEncoder(w).Encode(f); err != nil {
				return err
			}
			continue
		}
		mark := "ok   "
		if !f.OK {
			mark = "MEND "
		}
		if _, err := fmt.Fprintf(w, "%s %s: %s\n", mark, f.About, f.Says); err != nil {
			return err
		}
	}
	return nil
}

// about collects findings about one thing.
type about struct {
	what  string
	found []finding
}

func (a *about) ok(format string, args ...any) {
	a.found = append(a.found, finding{a.what, true, fmt.Sprintf(format, args...)})
}

func (a *about) mend(format string, args ...any) {
	a.found = append(a.found, finding{a.what, false, fmt.Sprintf(format, args...)})
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
