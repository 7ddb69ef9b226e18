package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	berrors "go.etcd.io/bbolt/errors"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/bot"
	"github.com/sshforward/sshforward/provisioner"
	"github.com/sshforward/sshforward/store/bolt"
)

// doctorCmd looks at all that the bot depends on, before or while it runs. It
// changes nothing, in Slack or in AWS.
type doctorCmd struct {
	shellCmd
	JSON bool `help:"One JSON object a line."`
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

// Run looks, says what it found and fails if anything has to be mended.
func (cmd *doctorCmd) Run(ctx context.Context, con console) error {
	c, err := readConfig(cmd.Config)
	if err != nil {
		return err // it has line, column and what to write
	}
	ctx, cancel := context.WithTimeout(ctx, doctorWithin)
	defer cancel()
	looks := []func() []finding{
		func() []finding { return lookAtStore(c.Store.Bolt) },
		func() []finding { return lookAtSlack(ctx, c, con) },
		func() []finding { return lookAtAWS(ctx, c) },
	}
	found := make([][]finding, len(looks))
	var all sync.WaitGroup
	for i, look := range looks {
		all.Go(func() { found[i] = look() })
	}
	all.Wait()
	findings := slices.Concat(found...)
	if err := printFindings(con.stdout, findings, cmd.JSON); err != nil {
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

// lookAtStore opens the database as the bot would, unless the bot has it. It
// makes none: made by root, the bot could not open it.
func lookAtStore(path string) []finding {
	a := &about{what: "store"}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		if info, err := os.Stat(filepath.Dir(path)); err != nil || !info.IsDir() {
			a.mend("the folder of %s does not exist", path)
		} else {
			a.ok("%s does not exist yet; the first start makes it", path)
		}
		return a.found
	}
	store, err := bolt.Open(path, bolt.Options{})
	switch {
	case errors.Is(err, berrors.ErrTimeout):
		a.ok("%s is in use by a running bot", path)
		return a.found
	case err != nil:
		a.mend("%s", oneLine(err))
		return a.found
	}
	defer func() { _ = store.Close() }() // nothing was written
	active, err := store.Active(context.Background())
	if err != nil {
		a.mend("%s", oneLine(err))
		return a.found
	}
	a.ok("%s can be written, %d leases are not closed", path, len(active))
	return a.found
}

// lookAtSlack tries both tokens, and every user group that the configuration
// names.
func lookAtSlack(ctx context.Context, c *config, con console) []finding {
	a := &about{what: "Slack"}
	secrets, err := readTokens(con.env)
	if err != nil {
		a.mend("%s", oneLine(err))
		return a.found
	}
	b := bot.New(bot.Options{Token: secrets.bot, AppToken: secrets.app, APIURL: con.env("SLACK_API_URL"), Channel: c.Slack.Channel})
	switch who, err := b.Identity(ctx); {
	case err != nil:
		a.mend("%s", oneLine(err))
		return a.found
	case len(who.Missing) > 0:
		a.mend("the bot token lacks %s; add them under OAuth & Permissions and install the app anew", strings.Join(who.Missing, ", "))
	default:
		a.ok("the bot is %s (%s) in %s (%s)", who.User, who.UserID, who.Team, who.TeamID)
	}
	if err := b.TrySocketMode(ctx); err != nil {
		a.mend("%s", oneLine(err))
	} else {
		a.ok("the app token opens Socket Mode")
	}
	if c.Slack.Channel == "" {
		a.ok("slack.channel is not set, so alarms go to the owner of the lease alone")
	}
	for _, group := range groupsOf(c) {
		if n, err := b.GroupSize(ctx, group); err != nil {
			a.mend("%s", oneLine(err))
		} else {
			a.ok("user group %s has %d people", group, n)
		}
	}
	return a.found
}

// groupsOf lists the user groups in the configuration.
func groupsOf(c *config) []string {
	p := c.Policy.policy(c.Slack.Admins)
	people := slices.Clone(p.Admins)
	for _, r := range p.Rules {
		people = append(append(people, r.Users...), r.Approvers...)
		if r.Urgent != nil {
			people = append(people, r.Urgent.Users...)
		}
	}
	people = slices.DeleteFunc(people, func(id string) bool { return !strings.HasPrefix(id, "S") })
	slices.Sort(people)
	return slices.Compact(people)
}

// lookAtAWS looks at every account at once.
func lookAtAWS(ctx context.Context, c *config) []finding {
	aws, err := provisioner.New(ctx, provisioner.Options{
		Deployment: c.Deployment, Accounts: convert(c.AWS, awsConfig.account), Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return []finding{{"AWS", false, oneLine(err)}}
	}
	policy := c.Policy.policy(c.Slack.Admins)
	found := make([][]finding, len(c.AWS))
	var all sync.WaitGroup
	for i, account := range c.AWS {
		all.Go(func() { found[i] = lookAtAccount(ctx, aws, &policy, account.Name) })
	}
	all.Wait()
	return slices.Concat(found...)
}

// lookAtAccount asks what preflight would, for one instance of each place that
// policy lets people reach. What would be made there is not tried.
func lookAtAccount(ctx context.Context, aws *provisioner.Provisioner, policy *sshforward.Policy, account string) []finding {
	a := &about{what: "AWS " + account}
	who, err := aws.Identity(ctx, account)
	if err != nil {
		a.mend("%s", oneLine(err))
		return a.found
	}
	a.ok("the bot is %s", who)
	instances, err := aws.List(ctx, account)
	if err != nil {
		a.mend("%s", oneLine(err))
		return a.found
	}
	type place struct{ vpc, zone string }
	places := make(map[place][]sshforward.Instance)
	covered := 0
	for _, in := range instances {
		if _, ok := policy.Match(in); ok {
			at := place{in.VPC, in.Zone}
			places[at] = append(places[at], in)
			covered++
		}
	}
	if covered == 0 {
		a.mend("of %d running instances none has the tags of a rule", len(instances))
		return a.found
	}
	a.ok("a rule covers %d of %d running instances", covered, len(instances))
	for _, at := range slices.SortedFunc(maps.Keys(places), func(x, y place) int {
		return cmp.Or(strings.Compare(x.vpc, y.vpc), strings.Compare(x.zone, y.zone))
	}) {
		here := places[at]
		placed, err := aws.Preflight(ctx, here[0])
		if err != nil {
			a.mend("%s in %s (%s): %s", at.vpc, at.zone, count(len(here), "instance"), oneLine(err))
			continue
		}
		a.ok("%s in %s (%s): load balancers go to %s", at.vpc, at.zone, count(len(here), "instance"), placed.Subnet)
		for _, note := range placed.Notes {
			a.ok("%s in %s: %s", at.vpc, at.zone, note)
		}
	}
	if _, err := aws.Survey(ctx, account, nil); err != nil {
		a.mend("%s", oneLine(err))
	} else {
		a.ok("what carries the deployment's tag can be listed")
	}
	return a.found
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
