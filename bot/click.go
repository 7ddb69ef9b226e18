package bot

import (
	"time"

	"github.com/sshforward/sshforward"
)

// click has a click recorded and then acknowledges it, so that no approval is
// shown that was not recorded. If recording takes longer than Slack waits, the
// click is acknowledged first, and its outcome follows.
func (h *handler) click(in *inbound, p clickPayload) {
	c := p.caller()
	to := p.recipient()
	if len(p.Actions) == 0 {
		h.recordUnknown(c, "click on nothing")
		in.acknowledge(nil)
		return
	}
	if p.View.Type != "" && !p.home() { // the modals have no buttons but their own two
		h.recordUnknown(c, "click in a view of type "+p.View.Type)
		in.acknowledge(nil)
		h.refuse(to, p, h.renderWithin(in, c.User).failure(checkButton(false)))
		return
	}
	a := p.Actions[0] // a click is one action
	if p.home() {
		h.homes.viewed(c)
	}
	switch a.ActionID {
	case actionForm:
		h.openForm(in, to, p.TriggerID, sshforward.Request{})
		return
	case actionAgain:
		h.again(in, p, to, a)
		return
	case actionSource:
		h.openSource(in, p, to, a)
		return
	case actionHelp:
		h.help(in, p, to, a)
		return
	case actionFrom:
		h.openFrom(in, p, to, a)
		return
	}
	cmd, known, err := commandOf(a)
	if err != nil {
		what := "button " + a.ActionID
		if known {
			what = "value of " + a.ActionID
		}
		h.recordUnknown(c, what)
		in.acknowledge(nil)
		h.refuse(to, p, h.renderTo(to).failure(err))
		return
	}
	pr := press{to, p, a, cmd}
	if deny, ok := cmd.(sshforward.DenyLease); ok && p.TriggerID != "" {
		h.askReason(in, pr, deny)
		return
	}

	h.fetchLocale(c.User) // while the keeper works
	result := h.start(c, cmd)
	var o outcome
	select {
	case o = <-result:
	case <-time.After(h.budget - time.Since(in.at)):
		h.client.log.Warn("click acknowledged before it was recorded", "user", c.User, "step", operationName(cmd))
		in.acknowledge(nil)
		o = <-result
	}
	in.acknowledge(nil)
	if o.err != nil {
		h.logRefusal(c, cmd, o.err)
		h.stale(pr, o.err)
		h.refuse(to, p, h.renderTo(to).failure(o.err))
		return
	}
	h.afterClick(pr, o.reply)
}
