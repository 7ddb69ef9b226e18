package bot

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/slack-go/slack"

	"github.com/sshforward/sshforward"
)

// savedWait is how long a form may wait for what was saved: a trigger_id lives
// for 3 s, of which views.open needs its part.
const savedWait = 300 * time.Millisecond

// openForm shows the form for a lease, filled in with what was typed already. It
// waits for the saved address as long as the trigger allows; one that comes
// later is added to the form that is open.
func (h *handler) openForm(in *inbound, to recipient, trigger string, asked sshforward.Request) {
	c, open := to.caller, asked.Open
	if trigger == "" { // a server that stands in for Slack may know no modals
		in.answer(to, h.renderWithin(in, c.User).typeInstead(open))
		return
	}
	in.acknowledge(nil)
	v := h.renderWithin(in, c.User)
	v.threaded = to.thread != ""
	f, m := h.typedIn(asked), metaOf(c)
	m.Port, m.Urgent, m.Thread = open.Port, open.Urgent, to.thread
	saved := h.start(c, showSource{})
	late := false
	select {
	case o := <-saved:
		f = f.withSaved(o.reply.Sources)
	case <-time.After(savedWait):
		late = true
	}
	id, hash, err := h.client.openView(c, trigger, v.form(f, m, ""))
	if err != nil {
		h.client.log.Warn("the form did not open", "user", c.User, "err", h.client.clean(err))
		h.client.answer(to, v.typeInstead(open), false)
		return
	}
	if !late {
		return
	}
	o := <-saved
	if f = f.withSaved(o.reply.Sources); f.saved == "" {
		return
	}
	ctx, cancel := context.WithTimeout(h.ctx, viewWait)
	defer cancel()
	// With the hash it is refused if the form was submitted meanwhile. Inputs
	// that keep their ids keep what was typed, and a new initial value may not
	// show in them (bolt-python issue 1064): then the hint has the address, and
	// the keeper takes it for an input that is left empty.
	if _, err := h.client.api.UpdateViewContext(ctx, v.form(f, m, ""), "", hash, id); err != nil {
		h.client.suspectToken(err)
		h.client.log.Info("the saved address came too late for the form", "user", c.User, "err", h.client.clean(err))
	}
}

// typedIn is the form with what was typed before it came.
func (h *handler) typedIn(asked sshforward.Request) formFields {
	open := asked.Open
	f := formFields{source: sshforward.FormatSources(open.Sources), reason: open.Because}
	if asked.Instance.ID != "" {
		f.instance = option(asked.Instance.ID, instanceLabel(asked.Instance))
	}
	switch {
	case open.Duration > 0:
		f.duration = sshforward.FormatDuration(open.Duration)
	case h.duration > 0:
		f.duration = sshforward.FormatDuration(h.duration)
	}
	return f
}

func (h *handler) submitOpen(in *inbound, p clickPayload, v render) {
	f, m := filledIn(p.View), p.View.meta()
	cmd, wrong := v.read(f, m)
	if len(wrong) > 0 {
		in.acknowledge(slack.NewErrorsViewSubmissionResponse(wrong))
		return
	}
	refused := func(field, why string, late bool) modalResult {
		if late {
			view := v.form(f, m, why)
			return modalResult{view: &view, message: paragraph(escape(why))}
		}
		return modalResult{errors: map[string]string{field: why}}
	}
	h.resolveModal(in, p, submission{
		cmd:  cmd,
		wait: v.pleaseWait(),
		result: func(o outcome, late bool) modalResult {
			l := o.reply.Lease
			switch {
			case o.err != nil:
				return refused(fieldOf(o.err), v.inForm(o.err), late)
			case l == nil:
				return refused(sshforward.FieldInstance, v.say("That could be several instances. Choose one from the list."), late)
			}
			if l.State != sshforward.Requested {
				has := v.openAlready(p.caller(), l)
				view := v.noteOf(has)
				return modalResult{view: &view, message: has}
			}
			view := v.confirmForm(l, p.View.meta())
			return modalResult{view: &view, message: v.lease(p.caller(), l)}
		},
		// Closing the modal instead of confirming cancels the request.
		abandoned: func(o outcome) {
			if l := o.reply.Lease; l != nil && l.State == sshforward.Requested {
				h.cancelLease(p.caller(), l.ID)
			}
		},
	})
}

// fieldOf is the input that an error is shown under.
func fieldOf(err error) string {
	if e, ok := errors.AsType[*sshforward.Error](err); ok && slices.Contains([]string{sshforward.FieldInstance,
		sshforward.FieldDuration, sshforward.FieldSource, sshforward.FieldReason}, e.Field) {
		return e.Field
	}
	return sshforward.FieldInstance
}
