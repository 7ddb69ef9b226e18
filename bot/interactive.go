package bot

import (
	"cmp"
	"encoding/json"
	"slices"

	"github.com/sshforward/sshforward"
)

// interactive takes what people do other than typing a command.
func (h *handler) interactive(in *inbound) {
	var p clickPayload
	if err := json.Unmarshal(in.payload, &p); err != nil {
		h.client.log.Error("interaction not understood", "envelope", in.id, "err", h.client.clean(err))
		h.recordUnknown(sshforward.Caller{}, "interaction that cannot be read")
		in.acknowledge(nil)
		return
	}
	p.envelope = in.id
	c := p.caller()
	// In an organisation the person's own team may be another one than the one
	// where the bot is installed.
	installed := cmp.Or(p.Team.ID, p.User.TeamID)
	if !h.people.installedIn(installed) || !h.serves(in, installed, c.User) {
		h.client.log.Warn("interaction from another workspace refused", "team", c.Team, "user", c.User)
		h.recordUnknown(c, "another workspace")
		in.acknowledge(nil)
		h.client.answer(p.recipient(), h.renderFor(h.ctx, c.User).otherTeam(), false)
		return
	}
	switch p.Type {
	case "block_actions":
		h.click(in, p)
	case "block_suggestion":
		h.suggest(in, p)
	case "view_submission":
		h.submitted(in, p)
	case "view_closed":
		h.closed(in, p)
	default:
		h.recordUnknown(c, "interaction "+p.Type)
		in.acknowledge(nil)
	}
}

// submitted handles the submission of a modal.
func (h *handler) submitted(in *inbound, p clickPayload) {
	m, v := p.View.meta(), h.renderWithin(in, p.User.ID)
	id, isLease := sshforward.ParseID(m.Lease)
	if p.View.Type != "modal" && p.View.Type != "" {
		h.unreadable(in, p, "submission of a view of type "+p.View.Type)
		return
	}
	switch p.View.CallbackID {
	case formOpen:
		h.submitOpen(in, p, v)
	case formSource:
		h.submitSource(in, p, v)
	case formConfirm:
		if isLease {
			h.submitConfirm(in, p, v, sshforward.ConfirmLease{ID: id, Urgent: m.Urgent})
			return
		}
		h.unreadable(in, p, "lease of "+formConfirm)
	case formFrom:
		if isLease {
			h.submitFrom(in, p, v, id)
			return
		}
		h.unreadable(in, p, "lease of "+formFrom)
	case formDeny:
		by, ok := extensionOf(m.Extend)
		if isLease && ok {
			h.submitDeny(in, p, v, sshforward.DenyLease{ID: id, Extend: by})
			return
		}
		h.unreadable(in, p, "lease of "+formDeny)
	default:
		h.unreadable(in, p, "modal "+p.View.CallbackID)
	}
}

// closed handles that somebody closed a modal. Closing the prompt cancels the
// request.
func (h *handler) closed(in *inbound, p clickPayload) {
	in.acknowledge(nil)
	m := p.View.meta()
	id, ok := sshforward.ParseID(m.Lease)
	switch {
	case p.View.CallbackID == formConfirm && ok:
		h.cancelLease(p.caller(), id)
	case p.View.CallbackID == formConfirm:
		h.recordUnknown(p.caller(), "lease of "+formConfirm)
	case !slices.Contains([]string{formOpen, formDeny, formFrom, formSource, formNote}, p.View.CallbackID):
		h.recordUnknown(p.caller(), "modal "+p.View.CallbackID)
	}
}

// unreadable answers the submission of a form that the bot did not make.
func (h *handler) unreadable(in *inbound, p clickPayload, what string) {
	v := h.renderWithin(in, p.User.ID)
	h.recordUnknown(p.caller(), what)
	in.acknowledge(updateView(v.note(v.say("I cannot read this form. Open it anew."))))
}
