package bot

import (
	"slices"

	"github.com/sshforward/sshforward"
)

// reply answers an operation that was not refused.
func (v render) reply(c sshforward.Caller, cmd operation, o outcome) message {
	r := o.reply
	switch {
	case r.Choose && len(r.Instances) > 0:
		open, _ := cmd.(sshforward.OpenLease)
		return v.chooseInstance(open, r.Instances)
	case r.Choose:
		return v.chooseLease(cmd, r.Leases)
	}
	l := r.Lease
	switch cmd := cmd.(type) {
	case sshforward.SetSource:
		return v.replySource(cmd, r)
	case showSource:
		return v.savedSource(r.Sources)
	case showWhy:
		return v.why(o.why)
	case showHistory:
		return v.history(o.overview.Past, o.overview.Month)
	case listLeases:
		return v.list(c, cmd.All, r.Leases)
	case sshforward.CloseLease:
		m := v.replyCloseAll(r.Leases)
		if l != nil {
			m = v.replyClose(l)
		}
		if r.Unrecorded {
			m = v.unrecorded(m)
		}
		return m
	case sshforward.OpenLease:
		switch {
		case l != nil && l.State != sshforward.Requested:
			return v.openAlready(c, l)
		case l != nil:
			return v.lease(c, l)
		}
	case showLease:
		if l != nil {
			return v.lease(c, l)
		}
	case sshforward.ConfirmLease:
		if l != nil {
			return v.replyConfirm(l)
		}
	case sshforward.CancelLease:
		if l != nil {
			return paragraph(v.say("Cancelled. Nothing was opened. Lease %s.", code(l.ID, 20)))
		}
		return paragraph(v.say("Cancelled."))
	case sshforward.ExtendLease:
		if l != nil {
			return v.replyExtend(l)
		}
	case sshforward.ChangeSource:
		if l != nil {
			return v.replyFrom(l)
		}
	case sshforward.AbandonLease:
		switch {
		case l != nil && r.Remains != nil:
			return v.confirmAbandon(cmd, l, *r.Remains)
		case l != nil:
			return v.abandoned(l)
		}
	}
	return paragraph(v.say("Done."))
}

// unrecorded adds to an answer that the records do not have it yet.
func (v render) unrecorded(m message) message {
	says := v.say(":warning: This is not in my records yet, which cannot be written just now. Access ends all the same, " +
		"and I write it down as soon as I can.")
	return message{Text: cut(m.Text+"\n"+says, maxText), Blocks: append(slices.Clone(m.Blocks), section(says))}
}
