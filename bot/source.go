package bot

import (
	"strings"

	"github.com/slack-go/slack"
	"github.com/sshforward/sshforward"
)

// openSource shows the form for the source address. The button's value is the
// one that Home shows, so nobody has to be asked for it.
func (h *handler) openSource(in *inbound, p clickPayload, to recipient, a action) {
	saved := ""
	if a.Value != "" {
		sources, err := sshforward.ParseSources(a.Value)
		if err != nil {
			h.recordUnknown(to.caller, "value of "+a.ActionID)
			in.acknowledge(nil)
			h.refuse(to, p, h.renderWithin(in, to.caller.User).failure(notALease(false)))
			return
		}
		saved = sshforward.FormatSources(sources)
	}
	in.acknowledge(nil)
	v := h.renderWithin(in, to.caller.User)
	if _, _, err := h.client.openView(p.TriggerID, v.sourceForm(saved, "")); err != nil {
		h.client.log.Warn("the form for the source address did not open", "user", to.caller.User, "err", h.client.clean(err))
		h.client.answer(to, v.address(sshforward.SetSource{}, sshforward.Reply{}), false)
	}
}

func (h *handler) submitSource(in *inbound, p clickPayload, v render) {
	typed := strings.TrimSpace(p.View.input(sshforward.FieldSource).Value)
	cmd := sshforward.SetSource{Clear: typed == ""}
	var err error
	if typed != "" {
		if cmd.Sources, err = sshforward.ParseSources(sourceText(typed)); err != nil {
			in.acknowledge(slack.NewErrorsViewSubmissionResponse(map[string]string{sshforward.FieldSource: v.inForm(err)}))
			return
		}
	}
	h.resolveModal(in, p, submission{
		cmd:  cmd,
		wait: v.looking(),
		ended: func(o outcome, late bool) shown {
			view := v.noteOf(v.address(cmd, o.reply))
			if o.err != nil {
				if !late {
					return shown{errors: map[string]string{sshforward.FieldSource: v.inForm(o.err)}}
				}
				view = v.sourceForm(typed, v.inForm(o.err))
				return shown{view: &view, says: v.failure(o.err)}
			}
			if !late {
				return shown{} // it closes, and Home shows the address
			}
			return shown{view: &view, says: v.address(cmd, o.reply)}
		},
	})
}
