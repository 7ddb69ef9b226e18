package bot

import (
	"strings"

	"github.com/slack-go/slack"

	"github.com/sshforward/sshforward"
)

// asking is a click that a modal asks something about. Once that is answered
// it goes on as if the button alone had done it. The response URL in it is a
// secret, which is why it is kept here and not in the view.
type asking struct {
	to     recipient
	click  clickPayload
	action action
	deny   sshforward.DenyLease // without the reason
}

// askWhy opens the modal for the reason of a no. The click alone changes
// nothing.
func (d *dispatcher) askWhy(h *handling, p clickPayload, to recipient, a action, cmd sshforward.DenyLease) {
	h.acknowledge(nil)
	c, v := to.caller, d.voice(h, to.caller.User)
	m := metaOf(c)
	m.Lease, m.Click = cmd.ID, h.envelope.id
	if cmd.Extend > 0 {
		m.Extend = sshforward.FormatDuration(cmd.Extend)
	}
	d.asked.put(m.Click, asking{to, p, a, cmd})
	if _, _, err := d.b.openView(p.TriggerID, v.denyForm(m, "", "")); err != nil {
		d.b.log.Warn("the form for a denial did not open", "user", c.User, "lease", cmd.ID, "err", d.b.clean(err))
		d.b.answer(to, just(v.say("The form for your reason did not open, and nothing was denied. Press Deny again.")), false)
	}
}

func (d *dispatcher) submitDeny(h *handling, p clickPayload, v render, cmd sshforward.DenyLease) {
	m := p.View.meta()
	was, ok := d.asked.get(m.Click)
	ok = ok && was.to.caller.User == p.User.ID && was.deny == cmd // the form may say anything
	cmd.Because = strings.TrimSpace(p.View.input(sshforward.FieldReason).Value)
	wrong := v.text(tooLongReason(cmd.Because))
	if cmd.Because == "" {
		wrong = v.say("Say why; the requester is told.")
	}
	if wrong != "" {
		h.acknowledge(slack.NewErrorsViewSubmissionResponse(map[string]string{sshforward.FieldReason: wrong}))
		return
	}
	var last outcome
	d.settle(h, p, submission{
		cmd:  cmd,
		wait: v.looking(),
		ended: func(o outcome, late bool) shown {
			last = o
			switch {
			case o.err != nil && !late:
				return shown{errors: map[string]string{sshforward.FieldReason: v.inForm(o.err)}}
			case o.err != nil:
				view := v.denyForm(m, cmd.Because, v.inForm(o.err))
				return shown{view: &view, says: v.failure(o.err)}
			}
			if !late {
				return shown{} // it closes, and the card shows it
			}
			view := v.note(v.say("Denied."))
			return shown{view: &view, says: just(v.say("Denied."))}
		},
	})
	switch {
	case !ok:
	case last.err != nil:
		d.stale(was.to, was.click, was.action, cmd, last.err)
	default:
		d.afterClick(was.to, was.click, was.action, cmd, last.reply)
	}
}
