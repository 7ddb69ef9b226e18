package bot

import (
	"strings"

	"github.com/slack-go/slack"

	"github.com/sshforward/sshforward"
)

// openFrom shows the owner of an open lease the form for another address, filled
// in with the saved one if that is not let in yet.
func (h *handler) openFrom(in *inbound, p clickPayload, to recipient, a action) {
	c := to.caller
	in.acknowledge(nil)
	id, ok := sshforward.ParseID(a.Value)
	if !ok {
		h.recordUnknown(c, "value of "+a.ActionID)
		h.refuse(to, p, h.renderTo(to).failure(checkButton(false)))
		return
	}
	h.fetchLocale(c.User) // while the keeper works
	lease, saved := h.start(c, showLease{ID: id}), h.start(c, showSource{})
	o := <-lease
	l := o.reply.Lease
	switch {
	case o.err != nil:
	case l == nil || l.State != sshforward.Open:
		o.err = sshforward.Errorf(sshforward.ECONFLICT, "Lease %s is not open.", id)
	case l.Owner != c.User:
		o.err = sshforward.Errorf(sshforward.EFORBIDDEN, "Only the person whose access it is may change from where.")
	}
	v := h.renderWithin(in, c.User)
	v.threaded = to.thread != ""
	if o.err != nil {
		h.logRefusal(c, showLease{ID: id}, o.err)
		h.refuse(to, p, v.failure(o.err))
		return
	}
	typed := ""
	if s := (<-saved).reply.Sources; len(s) == 1 && s[0].IsSingleIP() && (len(l.Sources) != 1 || l.Sources[0] != s[0]) {
		typed = sshforward.FormatSources(s)
	}
	if _, _, err := h.client.openView(c, p.TriggerID, v.fromForm(l, metaOf(c), typed, "")); err != nil {
		h.client.log.Warn("the form for another address did not open", "user", c.User, "lease", id, "err", h.client.clean(err))
		h.refuse(to, p, v.fromInstead(id))
	}
}

func (h *handler) submitFrom(in *inbound, p clickPayload, v render, id string) {
	typed := strings.TrimSpace(p.View.input(sshforward.FieldSource).Value)
	sources, err := sshforward.ParseSources(sourceText(typed))
	if err == nil && len(sources) > 1 {
		err = sshforward.Errorf(sshforward.EINVALID, "%s is more than a single address.", typed)
	}
	if err != nil {
		in.acknowledge(slack.NewErrorsViewSubmissionResponse(map[string]string{sshforward.FieldSource: v.inForm(err)}))
		return
	}
	cmd := sshforward.ChangeSource{Ref: id, To: sources[0]}
	h.resolveModal(in, p, submission{
		cmd:  cmd,
		wait: v.pleaseWait(),
		result: func(o outcome, late bool) modalResult {
			switch {
			case o.err != nil && !late:
				return modalResult{errors: map[string]string{sshforward.FieldSource: v.inForm(o.err)}}
			case o.err != nil:
				view := v.noteOf(v.failure(o.err))
				return modalResult{view: &view, message: v.failure(o.err)}
			case !late:
				return modalResult{} // it closes, and the card and its thread show it
			}
			m := v.reply(p.caller(), cmd, o)
			view := v.noteOf(m)
			return modalResult{view: &view, message: m}
		},
	})
}
