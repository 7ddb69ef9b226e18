package bot

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/sshforward/sshforward"
)

// runner hands commands and queries to the keeper, a bounded number at one time.
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

// start hands an operation to the keeper. The outcome comes in any case, within
// Options.CommandTimeout, even if the keeper hangs or panics.
func (r *runner) start(c sshforward.Caller, op operation) <-chan outcome {
	out := make(chan outcome, 2)
	ctx, cancel := context.WithTimeout(r.ctx, r.timeout)
	go func() {
		defer cancel()
		defer r.client.recovered("keeper", nil)
		select {
		case r.slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		defer func() { <-r.slots }()
		o := r.call(ctx, c, op)
		out <- o
		if changesHome(op) { // also after a refusal: what they saw may be out of date
			r.changed(c.User)
		}
	}()
	context.AfterFunc(ctx, func() { // runs after an outcome too, which comes first then
		defer r.client.recovered("keeper", nil)
		out <- outcome{err: tooLong(context.Cause(ctx))}
	})
	return out
}

func (r *runner) call(ctx context.Context, c sshforward.Caller, op operation) (o outcome) {
	defer r.client.recovered("keeper", func() { o = outcome{err: &sshforward.Error{Code: sshforward.EINTERNAL}} })
	switch op := op.(type) {
	case query:
		o = op.ask(ctx, r.keeper, c)
	case sshforward.Command:
		o.reply, o.err = r.keeper.Do(ctx, c, op)
	}
	if sshforward.ErrorCode(o.err) == sshforward.EINTERNAL && errors.Is(o.err, ctx.Err()) && ctx.Err() != nil {
		o.err = tooLong(o.err)
	}
	return o
}

// tooLong is the error for a command that took longer than it may.
func tooLong(cause error) error {
	return &sshforward.Error{Code: sshforward.EUNAVAILABLE, Err: cause, Message: sshforward.Textf(
		"That took too long, and I do not know whether it was done."), Try: sshforward.Suggestion{Verb: "list"}}
}

// changesHome reports whether an operation may change what the caller's Home shows.
func changesHome(op operation) bool {
	switch op.(type) {
	case query, sshforward.Unknown:
		return false
	}
	return true
}

// logRefusal logs a command that failed; nothing if err is nil. Only what the
// operator can mend is logged as a warning or an error.
func (r *runner) logRefusal(c sshforward.Caller, op operation, err error) {
	if err == nil {
		return
	}
	code := sshforward.ErrorCode(err)
	log := r.client.log.With("user", c.User, "step", operationName(op), "code", code)
	switch code {
	case sshforward.EINTERNAL:
		log.Error("command failed", "err", r.client.clean(err))
	case sshforward.EUNAVAILABLE:
		log.Warn("command failed", "err", r.client.clean(err))
	default:
		log.Info("command refused")
	}
}

// operationName is for logs: OpenLease, CloseLease, listLeases …
func operationName(op operation) string {
	name := fmt.Sprintf("%T", op)
	return name[strings.LastIndexByte(name, '.')+1:]
}

// cancelLease takes back the request of somebody who closed the modal that asks
// for a confirmation. A failure is only logged: the request lapses by itself.
func (r *runner) cancelLease(c sshforward.Caller, id string) {
	cmd := sshforward.CancelLease{ID: id}
	c.Envelope = "" // it may be the one that made the request, which this is no repeat of
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
