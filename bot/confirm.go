package bot

import "github.com/sshforward/sshforward"

func (h *handler) submitConfirm(in *inbound, p clickPayload, v render, cmd sshforward.ConfirmLease) {
	h.resolveModal(in, p, submission{
		cmd:  cmd,
		wait: v.looking(),
		ended: func(o outcome, _ bool) shown {
			l, view := o.reply.Lease, v.note(v.say("Done."))
			switch {
			case o.err != nil:
				view = v.confirmFailed(o.err, p.View.meta())
				return shown{view: &view, says: v.failure(o.err)}
			case asksAgain(cmd, l):
				view = v.urgentForm(l, p.View.meta())
			case l != nil:
				view = v.noteOf(v.confirmed(l))
			}
			return shown{view: &view, says: v.reply(p.caller(), cmd, o.reply)}
		},
	})
}

// asksAgain reports whether an urgent lease waits for the second confirmation,
// which its requester gives after reading what urgent means.
func asksAgain(cmd sshforward.ConfirmLease, l *sshforward.Lease) bool {
	return l != nil && l.Urgent && !cmd.Urgent && l.State == sshforward.Requested
}
