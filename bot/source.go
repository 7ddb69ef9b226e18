package bot

import (
	"strings"

	"github.com/slack-go/slack"
	"github.com/sshforward/sshforward"
)

// openSource shows the form for the source address, filled in with the button's
// value: the address that Home shows.
func (h *handler) openSource(in *inbound, p clickPayload, to recipient, a action) {
	saved := ""
	if a.Value != "" {
		sources, err := sshforward.ParseSources(a.Value)
		if err != nil {
			h.recordUnknown(to.caller, "value of "+a.ActionID)
			in.acknowledge(nil)
			h.refuse(to, p, h.renderWithin(in, to.caller.User).failure(checkButton(false)))
			return
		}
		saved = sshforward.FormatSources(sources)
	}
	in.acknowledge(nil)
	v := h.renderWithin(in, to.caller.User)
	if _, _, err := h.client.openView(to.caller, p.TriggerID, v.sourceForm(saved, "")); err != nil {
		h.client.log.Warn("the form for the source address did not open", "user", to.caller.User, "err", h.client.clean(err))
		h.client.answer(to, paragraph(v.say("The form did not open. Type it instead: %s.", inCode(Slash+" ip "+v.exampleSources()))), false)
	}
}

func (h *handler) submitSource(in *inbound, p clickPayload, v render) {
	typed := strings.TrimSpace(p.View.input(sshforward.FieldSource).Value)
	cmd := sshforward.SetSource{Clear: typed == ""}
	var err error
	if typed != "" {
		if cmd.Sources, err = sshforward.ParseSources(sourceText(typed)); err != nil {
			better, _ := sshforward.ParseSources(guessSources(typed))
			wrong := map[string]string{}
			v.wrongSource(wrong, err, better)
			in.acknowledge(slack.NewErrorsViewSubmissionResponse(wrong))
			return
		}
	}
	h.resolveModal(in, p, submission{
		cmd:  cmd,
		wait: v.pleaseWait(),
		result: func(o outcome, late bool) modalResult {
			view := v.noteOf(v.replySource(cmd, o.reply))
			if o.err != nil {
				if !late {
					return modalResult{errors: map[string]string{sshforward.FieldSource: v.inForm(o.err)}}
				}
				view = v.sourceForm(typed, v.inForm(o.err))
				return modalResult{view: &view, message: v.failure(o.err)}
			}
			if !late {
				return modalResult{} // it closes, and Home shows the address
			}
			return modalResult{view: &view, message: v.replySource(cmd, o.reply)}
		},
	})
}
