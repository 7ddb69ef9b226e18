package bot

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/sshforward/sshforward"
)

// Keeper takes commands. An error's code and message say what the caller is
// told, see [sshforward.Error].
type Keeper interface {
	Do(ctx context.Context, c sshforward.Caller, cmd sshforward.Command) (sshforward.Reply, error)
}

// runner hands commands to the keeper, a bounded number at one time.
type runner struct {
	client  *client
	keeper  Keeper
	slots   chan struct{}
	timeout time.Duration     // of one command
	budget  time.Duration     // of a click, see Options.ClickBudget
	changed func(user string) // is told whose Home may show something else now

	ctx    context.Context // of running commands
	cancel context.CancelFunc
}

func newRunner(c *client, k Keeper, o Options, changed func(user string)) *runner {
	ctx, cancel := context.WithCancel(context.Background())
	return &runner{client: c, keeper: k, slots: make(chan struct{}, o.Commands), timeout: o.CommandTimeout, budget: o.ClickBudget,
		changed: changed, ctx: ctx, cancel: cancel}
}

// outcome is what the keeper said.
type outcome struct {
	reply sshforward.Reply
	err   error
}

// start hands a command to the keeper. The outcome comes in any case, within
// Options.CommandTimeout, even if the keeper hangs or panics.
func (r *runner) start(c sshforward.Caller, cmd sshforward.Command) <-chan outcome {
	out := make(chan outcome, 2)
	ctx, cancel := context.WithTimeout(r.ctx, r.timeout)
	go func() {
		defer cancel()
		select {
		case r.slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		defer func() { <-r.slots }()
		o := r.call(ctx, c, cmd)
		out <- o
		if changesHome(cmd) { // also after a refusal: what they saw may be out of date
			r.changed(c.User)
		}
	}()
	context.AfterFunc(ctx, func() { // runs after an outcome too, which comes first then
		out <- outcome{err: tooLong(context.Cause(ctx))}
	})
	return out
}

func (r *runner) call(ctx context.Context, c sshforward.Caller, cmd sshforward.Command) (o outcome) {
	defer r.client.recovered("keeper", func() { o = outcome{err: &sshforward.Error{Code: sshforward.EINTERNAL}} })
	reply, err := r.keeper.Do(ctx, c, cmd)
	if err != nil && sshforward.ErrorCode(err) == sshforward.EINTERNAL && errors.Is(err, ctx.Err()) && ctx.Err() != nil {
		err = tooLong(err)
	}
	return outcome{reply, err}
}

// tooLong is the error for a command that took longer than it may.
func tooLong(cause error) error {
	return &sshforward.Error{Code: sshforward.EUNAVAILABLE, Err: cause, Message: sshforward.Textf(
		"That took too long, and I do not know whether it was done. Look with `/sshforward list`.")}
}

// changesHome reports whether a command may change what the caller's Home shows.
func changesHome(cmd sshforward.Command) bool {
	switch cmd := cmd.(type) {
	case sshforward.ListLeases, sshforward.ShowLease, sshforward.ListInstances, sshforward.Overview, sshforward.ShowHistory,
		sshforward.Unknown:
		return false
	case sshforward.SetSource:
		return cmd.Clear || len(cmd.Sources) > 0
	}
	return true
}

// logRefusal logs a command that failed; nothing if err is nil. Only what the
// operator can mend is logged as a warning or an error.
func (r *runner) logRefusal(c sshforward.Caller, cmd sshforward.Command, err error) {
	if err == nil {
		return
	}
	code := sshforward.ErrorCode(err)
	log := r.client.log.With("user", c.User, "step", commandName(cmd), "code", code)
	switch code {
	case sshforward.EINTERNAL:
		log.Error("command failed", "err", r.client.clean(err))
	case sshforward.EUNAVAILABLE:
		log.Warn("command failed", "err", r.client.clean(err))
	default:
		log.Info("command refused")
	}
}

// commandName is for logs: OpenLease, CloseLease …
func commandName(cmd sshforward.Command) string {
	return strings.TrimPrefix(fmt.Sprintf("%T", cmd), "sshforward.")
}

// cancelLease takes back the request of somebody who closed the modal that asks
// for a confirmation. A failure is only logged: the request lapses by itself.
func (r *runner) cancelLease(c sshforward.Caller, id string) {
	cmd := sshforward.CancelLease{ID: id}
	o := <-r.start(c, cmd)
	r.logRefusal(c, cmd, o.err)
}

// recordUnknown has a payload that no command can be made of put into the audit
// record. what must not contain anything that works as a key: no response URL,
// no trigger, no token. It waits until that is recorded, for the time that a
// click may wait at most.
func (r *runner) recordUnknown(c sshforward.Caller, what string) {
	what = cut(strings.Join(strings.Fields(what), " "), 100)
	r.client.log.Warn("not understood", "user", c.User, "what", what)
	cmd := sshforward.Unknown{What: what}
	select {
	case o := <-r.start(c, cmd):
		switch sshforward.ErrorCode(o.err) {
		case sshforward.EINTERNAL, sshforward.EUNAVAILABLE: // it may not be in the record
			r.logRefusal(c, cmd, o.err)
		}
	case <-time.After(r.budget):
	}
}
