package bot

import (
	"encoding/json"
	"time"

	"github.com/sshforward/sshforward"
)

// interactive takes what people do other than typing a command.
func (d *dispatcher) interactive(h *handling) {
	var p clickPayload
	if err := json.Unmarshal(h.envelope.payload, &p); err != nil {
		d.b.log.Error("interaction not understood", "envelope", h.envelope.id, "err", d.b.clean(err))
		d.unknown(sshforward.Caller{}, "interaction that cannot be read")
		h.acknowledge(nil)
		return
	}
	c := p.caller()
	if p.Team.ID != "" && p.Team.ID != c.Team || !d.ours(c.Team) {
		d.b.log.Warn("interaction from another workspace refused", "team", c.Team, "user", c.User)
		d.unknown(c, "another workspace")
		h.acknowledge(nil)
		d.b.answer(recipient{caller: c, responseURL: p.ResponseURL}, d.b.in(d.ctx, c.User).otherTeam(), false)
		return
	}
	switch p.Type {
	case "block_actions":
		d.click(h, p)
	case "block_suggestion":
		d.suggest(h, p)
	case "view_submission":
		d.submitted(h, p)
	case "view_closed":
		d.closed(h, p)
	default:
		d.unknown(c, "interaction "+p.Type)
		h.acknowledge(nil)
	}
}

// click records a click and then acknowledges it, so that no approval is shown
// that was not recorded. If recording takes too long, the click is
// acknowledged all the same and the outcome told when it is there.
func (d *dispatcher) click(h *handling, p clickPayload) {
	c := p.caller()
	to := recipient{caller: c, responseURL: p.ResponseURL}
	if len(p.Actions) == 0 {
		d.unknown(c, "click on nothing")
		h.acknowledge(nil)
		return
	}
	if p.View.Type != "" && !p.home() { // the modals have no buttons but their own two
		d.unknown(c, "click in a view of type "+p.View.Type)
		h.acknowledge(nil)
		d.refuse(to, p, d.voice(h, c.User).failure(notALease(false)))
		return
	}
	a := p.Actions[0] // a click is one action
	if p.home() {
		d.b.homes.saw(c) // who clicks in it has it before their eyes
	}
	switch a.ActionID {
	case actionForm:
		d.openForm(h, to, p.TriggerID, sshforward.OpenLease{})
		return
	case actionSource:
		d.openSource(h, p, to, a)
		return
	}
	cmd, known, err := commandOf(a)
	if err != nil {
		what := "button " + a.ActionID
		if known {
			what = "value of " + a.ActionID
		}
		d.unknown(c, what)
		h.acknowledge(nil)
		d.refuse(to, p, d.b.in(d.ctx, c.User).failure(err))
		return
	}
	if deny, ok := cmd.(sshforward.DenyLease); ok && p.TriggerID != "" {
		d.askWhy(h, p, to, a, deny)
		return
	}

	d.b.learn(c.User) // while the keeper works
	result := d.start(c, cmd)
	var o outcome
	select {
	case o = <-result:
	case <-time.After(d.b.opt.ClickBudget - time.Since(h.envelope.at)):
		d.b.log.Warn("click acknowledged before it was recorded", "user", c.User, "step", commandName(cmd))
		h.acknowledge(nil)
		o = <-result
	}
	h.acknowledge(nil)
	if o.err != nil {
		d.logRefusal(c, cmd, o.err)
		d.stale(to, p, a, cmd, o.err)
		d.refuse(to, p, d.b.in(d.ctx, c.User).failure(o.err))
		return
	}
	d.afterClick(to, p, a, cmd, o.reply)
}

// afterClick changes the message that the button was in, where it is one that
// nobody else changes: cards belong to the keeper's outbox.
func (d *dispatcher) afterClick(to recipient, p clickPayload, a action, cmd sshforward.Command, r sshforward.Reply) {
	if p.home() {
		d.afterHome(p, cmd, r)
		return
	}
	from, own := p.source(a)
	show := d.b.in(d.ctx, to.caller.User) // but what a channel sees is in its language
	switch {
	case own && (from == fromMine || from == fromAll):
		if !d.listAgain(to, from, show) {
			d.b.answer(to, show.reply(to.caller, cmd, r), false)
		}
	case own && from == fromShow && r.Lease != nil:
		d.b.answer(to, show.lease(to.caller, r.Lease), true)
	case own && from == fromReminder && r.Lease != nil:
		d.b.answer(to, d.b.publicly(to.caller, show).reminded(to.caller, cmd, r.Lease), true)
	case from == fromCard || from == fromReminder:
		// the card's next update shows it, and takes a reminder's buttons away
	default:
		d.b.answer(to, show.reply(to.caller, cmd, r), own)
	}
}
