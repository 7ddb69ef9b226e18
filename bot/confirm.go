package bot

import "github.com/sshforward/sshforward"

func (h *handler) submitConfirm(in *inbound, p clickPayload, v render, cmd sshforward.ConfirmLease) {
	h.resolveModal(in, p, submission{
		cmd:  cmd,
		wait: v.pleaseWait(),
		result: func(o outcome, _ bool) modalResult {
			l, view := o.reply.Lease, v.note(v.say("Done."))
			switch {
			case o.err != nil:
				view = v.confirmFailed(o.err, p.View.meta())
				return modalResult{view: &view, message: v.failure(o.err)}
			case asksAgain(cmd, l):
				view = v.urgentForm(l, p.View.meta())
			case l != nil:
				view = v.noteOf(v.followed(l, true))
				h.follow.begin(l, p.recipient(), p.View.ID)
			}
			return modalResult{view: &view, message: v.reply(p.caller(), cmd, o)}
		},
	})
}

// asksAgain reports whether an urgent lease waits for the second confirmation,
// which its requester gives after reading what urgent means.
func asksAgain(cmd sshforward.ConfirmLease, l *sshforward.Lease) bool {
	return l != nil && l.Urgent && !cmd.Urgent && l.State == sshforward.Requested
}
