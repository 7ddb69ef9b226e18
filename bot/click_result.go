package bot

import (
	"github.com/sshforward/sshforward"
)

// refuse tells somebody why their click did nothing. Home has neither a channel
// nor a response URL, so there it is a modal or, when the trigger is spent, a
// direct message.
func (h *handler) refuse(to recipient, p clickPayload, m message) {
	if p.home() {
		if _, _, err := h.client.openView(to.caller, p.TriggerID, h.renderFor(h.ctx, to.caller.User).noteOf(m)); err == nil {
			return
		}
	}
	h.client.answer(to, m, false)
}

// afterClick replaces the message that the button was in by the outcome. Cards
// are left alone: the keeper's outbox updates them.
func (h *handler) afterClick(pr press, r sshforward.Reply) {
	if pr.payload.home() {
		h.afterHome(pr, r)
		return
	}
	to, cmd := pr.to, pr.cmd
	_, claim := cmd.(sshforward.ClaimLease)
	if claim || r.Lease != nil && r.Lease.Keeps(sshforward.Place{Channel: to.caller.Channel, TS: to.caller.Message}) {
		return // the keeper has the message edited
	}
	from, own := pr.payload.source(pr.action)
	show := h.renderTo(to)
	switch {
	case own && (from == fromMine || from == fromAll):
		if !h.listAgain(to, from, show) {
			h.client.answer(to, show.reply(to.caller, cmd, outcome{reply: r}), false)
		}
	case own && from == fromShow && r.Lease != nil:
		h.client.answer(to, show.lease(to.caller, r.Lease), true)
	case own && from == fromReminder && r.Lease != nil:
		h.client.answer(to, h.renderForButton(to.caller, show).reminderPressed(to.caller, cmd, r.Lease), true)
	case r.Unrecorded && (from == fromCard || from == fromReminder):
		h.client.answer(to, show.reply(to.caller, cmd, outcome{reply: r}), false)
	case from == fromCard || from == fromReminder:
		// the card's next update shows it, and takes a reminder's buttons away
		h.retireCopy(pr, r.Lease)
	default:
		h.client.answer(to, show.reply(to.caller, cmd, outcome{reply: r}), own)
		if _, confirmed := cmd.(sshforward.ConfirmLease); confirmed && own {
			h.follow.begin(r.Lease, to, "")
		}
	}
}

// afterHome follows a click in Home. Its outcome shows in Home itself, which is
// published anew after every command; only the second confirmation of an urgent
// lease has to be asked for.
func (h *handler) afterHome(pr press, r sshforward.Reply) {
	c := pr.to.caller
	v := h.renderFor(h.ctx, c.User)
	if r.Unrecorded {
		h.client.answer(recipient{caller: c}, v.reply(c, pr.cmd, outcome{reply: r}), false)
	}
	confirm, ok := pr.cmd.(sshforward.ConfirmLease)
	if !ok || !asksAgain(confirm, r.Lease) {
		return
	}
	if _, _, err := h.client.openView(c, pr.payload.TriggerID, v.urgentForm(r.Lease, metaOf(c))); err != nil {
		h.client.answer(recipient{caller: c}, v.confirmUrgent(r.Lease), false)
	}
}

// stale replaces the message of a click that was refused because the lease had
// moved on, so that it shows how the lease stands and no dead button. It does so
// only where nobody else updates the message. Such messages are those posted
// before a restart, and ephemeral ones, which only a click can change.
func (h *handler) stale(pr press, err error) {
	if sshforward.ErrorCode(err) != sshforward.ECONFLICT || pr.payload.home() {
		return
	}
	from, own := pr.payload.source(pr.action)
	if from == fromCard {
		if o := <-h.start(pr.to.caller, showLease{ID: leaseOfValue(pr.action.Value)}); o.err == nil {
			h.retireCopy(pr, o.reply.Lease)
		}
	}
	if !own {
		return
	}
	to := pr.to
	show := h.renderTo(to)
	switch from {
	case fromMine, fromAll:
		h.listAgain(to, from, show)
	case fromPrompt, fromShow, fromReminder:
		o := <-h.start(to.caller, showLease{ID: leaseOfValue(pr.action.Value)})
		if l := o.reply.Lease; o.err == nil && l != nil {
			if from == fromReminder {
				show = h.renderForButton(to.caller, show)
			}
			h.client.answer(to, show.replaceStale(from, to.caller, pr.cmd, l), true)
		}
	}
}

// retireCopy takes the buttons from a card that is not the lease's card any more:
// Slack had it although the answer was lost, so it was posted once more. Nobody
// updates it, and without a scope to read messages it is found only by a click.
func (h *handler) retireCopy(pr press, l *sshforward.Lease) {
	c := pr.to.caller
	from, _ := pr.payload.source(pr.action)
	if l == nil || from != fromCard || l.Card.TS == "" || c.Message == "" || c.Message == l.Card.TS ||
		l.ID != leaseOfValue(pr.action.Value) || !pr.payload.Message.has(pr.action) {
		return
	}
	m := h.renderForChannel(h.ctx, c.Channel, l.Owner).copyOf(l)
	if err := h.client.update(h.ctx, c.Channel, c.Message, m, edit); err != nil {
		h.client.log.Info("a copy of a card keeps its buttons", "lease", l.ID, "err", h.client.clean(err))
	}
}

// listAgain replaces the list that a button was in by a new one.
func (h *handler) listAgain(to recipient, from origin, show render) bool {
	list := listLeases{All: from == fromAll}
	o := <-h.start(to.caller, list)
	if o.err == nil {
		h.client.answer(to, show.reply(to.caller, list, o), true)
	}
	return o.err == nil
}
