package bot

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/sshforward/sshforward"
)

// ackSettles is how long after an acknowledgement with a view the view is
// taken to be on the screen: a views.update that overtakes it would be lost.
const ackSettles = 500 * time.Millisecond

// shown is what becomes of a modal that was submitted: errors under its
// inputs, another view in its place or, without either, it closes.
type shown struct {
	errors map[string]string // by block id
	view   *slack.ModalViewRequest
	// says is the same as a message, for when the modal cannot be reached.
	says message
}

// submission is a command from a modal.
type submission struct {
	cmd  sshforward.Command
	wait slack.ModalViewRequest // shown when it takes longer than an acknowledgement may
	// ended says what is shown. When it comes too late for errors and for
	// closing, it has to be a view.
	ended func(o outcome, late bool) shown
	// gone, if set, is called when the person closed the modal meanwhile.
	gone func(o outcome)
}

// submitted handles the submission of a modal.
func (d *dispatcher) submitted(h *handling, p clickPayload) {
	m, v := p.View.meta(), d.voice(h, p.User.ID)
	id, isLease := sshforward.ParseID(m.Lease)
	if p.View.Type != "modal" && p.View.Type != "" {
		d.unreadable(h, p, "submission of a view of type "+p.View.Type)
		return
	}
	switch p.View.CallbackID {
	case formOpen:
		d.submitOpen(h, p, v)
	case formSource:
		d.submitSource(h, p, v)
	case formConfirm:
		if isLease {
			d.submitConfirm(h, p, v, sshforward.ConfirmLease{ID: id, Urgent: m.Urgent})
			return
		}
		d.unreadable(h, p, "lease of "+formConfirm)
	case formDeny:
		by, ok := extensionOf(m.Extend)
		if isLease && ok {
			d.submitDeny(h, p, v, sshforward.DenyLease{ID: id, Extend: by})
			return
		}
		d.unreadable(h, p, "lease of "+formDeny)
	default:
		d.unreadable(h, p, "modal "+p.View.CallbackID)
	}
}

// unreadable answers the submission of a form that is not ours.
func (d *dispatcher) unreadable(h *handling, p clickPayload, what string) {
	v := d.voice(h, p.User.ID)
	d.unknown(p.caller(), what)
	h.acknowledge(takesOver(v.note(v.say("I cannot read this form. Look with `/sshforward list` for what there is."))))
}

func (d *dispatcher) submitOpen(h *handling, p clickPayload, v render) {
	f, m := p.View.filledIn(), p.View.meta()
	cmd, wrong := v.read(f, m)
	if len(wrong) > 0 {
		h.acknowledge(slack.NewErrorsViewSubmissionResponse(wrong))
		return
	}
	refused := func(field, why string, late bool) shown {
		if late {
			view := v.form(f, m, why)
			return shown{view: &view, says: just(escape(why))}
		}
		return shown{errors: map[string]string{field: why}}
	}
	d.settle(h, p, submission{
		cmd:  cmd,
		wait: v.looking(),
		ended: func(o outcome, late bool) shown {
			l := o.reply.Lease
			switch {
			case o.err != nil:
				return refused(fieldOf(o.err), v.inForm(o.err), late)
			case l == nil:
				return refused(sshforward.FieldInstance, v.say("That could be several instances. Choose one from the list."), late)
			}
			view := v.confirmForm(l, p.View.meta())
			return shown{view: &view, says: v.lease(p.caller(), l)}
		},
		// Who closes the modal instead of confirming has said no.
		gone: func(o outcome) {
			if l := o.reply.Lease; l != nil {
				d.cancelled(p.caller(), l.ID)
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

func (d *dispatcher) submitConfirm(h *handling, p clickPayload, v render, cmd sshforward.ConfirmLease) {
	d.settle(h, p, submission{
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

func (d *dispatcher) submitSource(h *handling, p clickPayload, v render) {
	typed := strings.TrimSpace(p.View.input(sshforward.FieldSource).Value)
	cmd := sshforward.SetSource{Clear: typed == ""}
	var err error
	if typed != "" {
		if cmd.Sources, err = sshforward.ParseSources(sourceText(typed)); err != nil {
			h.acknowledge(slack.NewErrorsViewSubmissionResponse(map[string]string{sshforward.FieldSource: v.inForm(err)}))
			return
		}
	}
	d.settle(h, p, submission{
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

// settle hands the command of a modal to the keeper and answers in the
// acknowledgement, if that is early enough: Slack waits for 3 s. Otherwise the
// modal says that it takes a moment, and the outcome takes its place.
func (d *dispatcher) settle(h *handling, p clickPayload, s submission) {
	c := p.caller()
	result := d.start(c, s.cmd)
	var o outcome
	ended := false
	select {
	case o = <-result:
		ended = true
		d.noteRefusal(c, s.cmd, o.err)
		if a := answerOf(s.ended(o, false)); fits(a) {
			h.acknowledge(a)
			return
		}
	case <-time.After(d.b.opt.ClickBudget - time.Since(h.envelope.at)):
	}
	h.acknowledge(takesOver(s.wait))
	acked := time.Now()
	if !ended {
		o = <-result
		d.noteRefusal(c, s.cmd, o.err)
	}
	time.Sleep(time.Until(acked.Add(ackSettles)))
	end := s.ended(o, true)
	if d.replaceView(c, p.View.ID, end) {
		return
	}
	switch {
	case o.err != nil: // they may take it for done
		d.b.answer(recipient{caller: c}, end.says, false)
	case s.gone != nil:
		s.gone(o)
	}
}

func (d *dispatcher) noteRefusal(c sshforward.Caller, cmd sshforward.Command, err error) {
	if err != nil {
		d.logRefusal(c, cmd, err)
	}
}

// answerOf is the payload of the acknowledgement; nil closes the modal.
func answerOf(s shown) any {
	switch {
	case len(s.errors) > 0:
		return slack.NewErrorsViewSubmissionResponse(s.errors)
	case s.view != nil:
		return takesOver(*s.view)
	}
	return nil
}

// takesOver answers a submission with the view that comes next.
func takesOver(v slack.ModalViewRequest) *slack.ViewSubmissionResponse {
	return slack.NewUpdateViewSubmissionResponse(&v)
}

// replaceView shows the outcome of a modal that was told to wait. It reports
// false if the person has closed the modal; if it cannot be reached for any
// other reason, the outcome goes to them as a message.
func (d *dispatcher) replaceView(c sshforward.Caller, id string, s shown) bool {
	b := d.b
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	var gap backoff
	missing := false
	for {
		_, err := b.api.UpdateViewContext(ctx, *s.view, "", "", id)
		code := slackCode(err)
		switch {
		case err == nil:
			return true
		case code == "not_found" && missing:
			// What Slack says of a view that was closed (bolt-js issue 1309).
			return false
		case code == "not_found":
			// It was seen of views that are there (java-slack-sdk issue 1220).
			missing = true
			sleep(ctx, time.Second)
			continue
		}
		b.suspectToken(err)
		b.explain("a modal", err)
		wait := max(gap.next(), retryAfter(err))
		passing := code == "" || slices.Contains(passing, code)
		if end, _ := ctx.Deadline(); !passing || time.Now().Add(wait).After(end) || !sleep(ctx, wait) {
			b.log.Warn("a modal does not show its outcome", "user", c.User, "err", b.clean(err))
			b.answer(recipient{caller: c}, s.says, false)
			return true
		}
	}
}

// closed hears that somebody closed a modal. Closing the question is a no.
func (d *dispatcher) closed(h *handling, p clickPayload) {
	h.acknowledge(nil)
	m := p.View.meta()
	id, ok := sshforward.ParseID(m.Lease)
	switch {
	case p.View.CallbackID == formConfirm && ok:
		d.cancelled(p.caller(), id)
	case p.View.CallbackID == formConfirm:
		d.unknown(p.caller(), "lease of "+formConfirm)
	case !slices.Contains([]string{formOpen, formDeny, formSource, formNote}, p.View.CallbackID):
		d.unknown(p.caller(), "modal "+p.View.CallbackID)
	}
}

func (d *dispatcher) cancelled(c sshforward.Caller, id string) {
	cmd := sshforward.CancelLease{ID: id}
	if o := <-d.start(c, cmd); o.err != nil {
		d.logRefusal(c, cmd, o.err) // it lapses by itself
	}
}
