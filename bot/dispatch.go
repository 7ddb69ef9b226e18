package bot

import (
	"context"
	"encoding/json"
	"errors"
	"runtime/debug"
	"sync"
	"time"

	"github.com/sshforward/sshforward"
)

// ackTimeout is how long an acknowledgement may wait for a place in slack-go's
// queue; after 3 s Slack no longer wants it.
const ackTimeout = 3 * time.Second

// acker queues an acknowledgement on the connection the envelope came over.
type acker func(ctx context.Context, envelope string, payload any) error

// dispatcher turns envelopes into commands. Each envelope has a goroutine of
// its own, so that none waits for another.
type dispatcher struct {
	b      *Bot
	keeper Keeper
	seen   dedup
	asked  *memory[asking] // clicks that a modal asks about; see askWhy
	slots  chan struct{}
	ctx    context.Context // of running commands
	cancel context.CancelFunc

	mu       sync.Mutex
	team     string // whose people are served; see ours
	stopping bool
	running  sync.WaitGroup
}

func newDispatcher(b *Bot, keeper Keeper, team string) *dispatcher {
	ctx, cancel := context.WithCancel(context.Background())
	return &dispatcher{b: b, keeper: keeper, team: team, asked: remember[asking](1000), slots: make(chan struct{}, b.opt.Commands), ctx: ctx, cancel: cancel}
}

// ours reports whether people of a team may give commands. If Slack did not say
// at the start whose bot this is, the first team that gives one decides it for
// as long as the process lives.
func (d *dispatcher) ours(team string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.team == "" && team != "" {
		d.team = team
		d.b.log.Info("the workspace of the first command is the one that is served", "team", team)
	}
	return team != "" && team == d.team
}

// deliver handles one envelope; it never blocks.
func (d *dispatcher) deliver(e envelope, ack acker) {
	entry, fresh := d.seen.first(e.id, e.at)
	d.mu.Lock()
	if !d.stopping {
		d.running.Add(1)
	}
	stopping := d.stopping
	d.mu.Unlock()
	if stopping {
		d.turnAway(e, entry, fresh, ack)
		return
	}
	go func() {
		defer d.running.Done()
		h := &handling{d: d, envelope: e, entry: entry, ack: ack}
		defer func() {
			if r := recover(); r != nil {
				d.b.logPanic(e.kind, r)
			}
			h.acknowledge(nil) // whatever happened, once it is handled
		}()
		if !fresh {
			h.repeat()
			return
		}
		switch e.kind {
		case "slash_commands":
			d.slash(h)
		case "interactive":
			d.interactive(h)
		case "events_api":
			d.event(h)
		}
	}()
}

// turnAway answers what comes while the bot stops. A click is not
// acknowledged, since it is not recorded: Slack tells the person.
func (d *dispatcher) turnAway(e envelope, entry *delivery, fresh bool, ack acker) {
	if e.kind != "slash_commands" || !fresh {
		return
	}
	var p slashPayload
	_ = json.Unmarshal(e.payload, &p) // what can be read of it is enough
	h := &handling{d: d, envelope: e, entry: entry, ack: ack}
	go h.answer(recipient{caller: p.caller(), responseURL: p.ResponseURL}, d.b.known(p.UserID).restarting())
}

// stop takes no more commands, waits for the running ones, and after grace
// cancels them.
func (d *dispatcher) stop(grace time.Duration) {
	d.mu.Lock()
	d.stopping = true
	d.mu.Unlock()
	done := make(chan struct{})
	go func() { d.running.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(grace):
		d.b.log.Warn("commands are cut short by the stop")
	}
	d.cancel()
	select { // those that were cut short still tell their caller
	case <-done:
	case <-time.After(time.Second):
	}
}

// handling is one envelope on its way to its acknowledgement.
type handling struct {
	d        *dispatcher
	envelope envelope
	entry    *delivery
	ack      acker
	once     sync.Once
}

// acknowledge does so once; payload is nil or what Slack is to show.
func (h *handling) acknowledge(payload any) {
	h.once.Do(func() {
		select {
		case <-h.entry.done: // a repeat
		default:
			h.entry.ack = payload
			close(h.entry.done)
		}
		ctx, cancel := context.WithTimeout(context.Background(), ackTimeout)
		defer cancel()
		if err := h.ack(ctx, h.envelope.id, payload); err != nil {
			h.d.b.log.Warn("envelope not acknowledged", "envelope", h.envelope.id, "kind", h.envelope.kind, "err", h.d.b.clean(err))
			return
		}
		if h.d.b.opt.OnAck != nil {
			h.d.b.opt.OnAck(time.Since(h.envelope.at))
		}
	})
}

// answer acknowledges with an answer or, where Slack shows none that comes with
// an acknowledgement, lets it follow.
func (h *handling) answer(to recipient, m message) {
	if h.envelope.answerable {
		h.acknowledge(ephemeral(m, false))
		return
	}
	h.acknowledge(nil)
	h.d.b.answer(to, m, false)
}

// repeat acknowledges an envelope that came before just like the first time,
// and not earlier: the first acknowledgement may have been lost with its
// connection.
func (h *handling) repeat() {
	h.d.b.log.Info("envelope came again", "envelope", h.envelope.id, "kind", h.envelope.kind)
	select {
	case <-h.entry.done:
		h.acknowledge(h.entry.ack)
	case <-time.After(ackTimeout):
		h.once.Do(func() {}) // too late anyway, and the first one is still at it
	}
}

// outcome is what the keeper said.
type outcome struct {
	reply sshforward.Reply
	err   error
}

// start hands a command to the keeper. The outcome comes in any case, within
// Options.CommandTimeout, even if the keeper hangs or panics.
func (d *dispatcher) start(c sshforward.Caller, cmd sshforward.Command) <-chan outcome {
	out := make(chan outcome, 2)
	ctx, cancel := context.WithTimeout(d.ctx, d.b.opt.CommandTimeout)
	go func() {
		defer cancel()
		select {
		case d.slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		defer func() { <-d.slots }()
		o := d.call(ctx, c, cmd)
		out <- o
		if changes(cmd) { // also after a refusal: what they saw may not be so any more
			d.b.homes.touch(c.User)
		}
	}()
	context.AfterFunc(ctx, func() { // also after an outcome, which was first then
		out <- outcome{err: d.b.show.tooLong(context.Cause(ctx))}
	})
	return out
}

func (d *dispatcher) call(ctx context.Context, c sshforward.Caller, cmd sshforward.Command) (o outcome) {
	defer func() {
		if r := recover(); r != nil {
			d.b.logPanic("keeper", r)
			o = outcome{err: &sshforward.Error{Code: sshforward.EINTERNAL}}
		}
	}()
	reply, err := d.keeper.Do(ctx, c, cmd)
	if err != nil && sshforward.ErrorCode(err) == sshforward.EINTERNAL && errors.Is(err, ctx.Err()) && ctx.Err() != nil {
		err = d.b.show.tooLong(err)
	}
	return outcome{reply, err}
}

// logRefusal logs what a caller was told no. What people do wrong is theirs;
// what goes wrong here is for the operator.
func (d *dispatcher) logRefusal(c sshforward.Caller, cmd sshforward.Command, err error) {
	code := sshforward.ErrorCode(err)
	log := d.b.log.With("user", c.User, "step", commandName(cmd), "code", code)
	switch code {
	case sshforward.EINTERNAL:
		log.Error("command failed", "err", d.b.clean(err))
	case sshforward.EUNAVAILABLE:
		log.Warn("command failed", "err", d.b.clean(err))
	default:
		log.Info("command refused")
	}
}

func (b *Bot) logPanic(where string, r any) {
	b.log.Error("panic", "step", where, "panic", r, "stack", string(debug.Stack()))
}
