package bot

import (
	"strings"

	"github.com/slack-go/slack"

	"github.com/sshforward/sshforward"
)

// askReason opens the modal for the reason of a denial. The click alone changes
// nothing.
func (h *handler) askReason(in *inbound, pr press, cmd sshforward.DenyLease) {
	in.acknowledge(nil)
	c, v := pr.to.caller, h.renderWithin(in, pr.to.caller.User)
	m := metaOf(c)
	m.Lease, m.Click, m.Thread = cmd.ID, in.id, pr.to.thread
	if cmd.Extend > 0 {
		m.Extend = sshforward.FormatDuration(cmd.Extend)
	}
	h.denials.Add(m.Click, pr)
	if _, _, err := h.client.openView(c, pr.payload.TriggerID, v.denyForm(m, "", "")); err != nil {
		h.client.log.Warn("the form for a denial did not open", "user", c.User, "lease", cmd.ID, "err", h.client.clean(err))
		h.client.answer(pr.to, paragraph(v.say("The form for your reason did not open, and nothing was denied. Press Deny again.")), false)
	}
}

// submitDeny denies with the reason that was given. The message with the button
// then changes as if the button alone had done it.
func (h *handler) submitDeny(in *inbound, p clickPayload, v render, cmd sshforward.DenyLease) {
	m := p.View.meta()
	was, ok := h.denials.Get(m.Click)
	ok = ok && was.to.caller.User == p.User.ID && was.cmd == sshforward.Command(cmd) // the form may say anything
	cmd.Because = strings.TrimSpace(p.View.input(sshforward.FieldReason).Value)
	wrong := v.text(tooLongReason(cmd.Because))
	if cmd.Because == "" {
		wrong = v.say("Say why; the requester is told.")
	}
	if wrong != "" {
		in.acknowledge(slack.NewErrorsViewSubmissionResponse(map[string]string{sshforward.FieldReason: wrong}))
		return
	}
	var last outcome
	h.resolveModal(in, p, submission{
		cmd:  cmd,
		wait: v.pleaseWait(),
		result: func(o outcome, late bool) modalResult {
			last = o
			switch {
			case o.err != nil && !late:
				return modalResult{errors: map[string]string{sshforward.FieldReason: v.inForm(o.err)}}
			case o.err != nil:
				view := v.denyForm(m, cmd.Because, v.inForm(o.err))
				return modalResult{view: &view, message: v.failure(o.err)}
			}
			if !late {
				return modalResult{} // it closes, and the card shows it
			}
			view := v.note(v.say("Denied."))
			return modalResult{view: &view, message: paragraph(v.say("Denied."))}
		},
	})
	switch {
	case !ok:
	case last.err != nil:
		h.stale(was, last.err)
	default:
		h.afterClick(was, last.reply)
	}
}
