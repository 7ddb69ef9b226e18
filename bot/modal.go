package bot

import (
	"context"
	"time"

	"github.com/slack-go/slack"

	"github.com/sshforward/sshforward"
)

// viewRenderDelay is how long after an acknowledgement with a view the view is
// taken to be on the screen: a views.update that overtakes it would be lost.
const viewRenderDelay = 500 * time.Millisecond

// modalResult is what becomes of a modal that was submitted: errors under its
// inputs, another view in its place or, without either, it closes.
type modalResult struct {
	errors map[string]string // by block id
	view   *slack.ModalViewRequest
	// message says the same, for when the modal cannot be reached.
	message message
}

// submission is a command from a modal.
type submission struct {
	cmd  sshforward.Command
	wait slack.ModalViewRequest // shown when it takes longer than an acknowledgement may
	// result is what becomes of the modal. After the acknowledgement (late) it
	// cannot have errors nor close, so it has to be a view then.
	result func(o outcome, late bool) modalResult
	// abandoned, if set, is called if the person closed the modal meanwhile.
	abandoned func(o outcome)
}

// resolveModal hands the command of a modal to the keeper and answers in the
// acknowledgement, if that is early enough: Slack waits for 3 s. Otherwise the
// modal says that it takes a moment, and the outcome takes its place.
func (h *handler) resolveModal(in *inbound, p clickPayload, s submission) {
	c := p.caller()
	result := h.start(c, s.cmd)
	var o outcome
	ended := false
	select {
	case o = <-result:
		ended = true
		h.logRefusal(c, s.cmd, o.err)
		if a := ackOf(s.result(o, false)); fitsAck(a) {
			in.acknowledge(a)
			return
		}
	case <-time.After(h.budget - time.Since(in.at)):
	}
	in.acknowledge(updateView(s.wait))
	acked := time.Now()
	if !ended {
		o = <-result
		h.logRefusal(c, s.cmd, o.err)
	}
	time.Sleep(time.Until(acked.Add(viewRenderDelay)))
	end := s.result(o, true)
	if h.replaceView(p.recipient(), p.View.ID, end) {
		return
	}
	switch {
	case o.err != nil: // the person may think that it was done
		h.client.answer(p.recipient(), end.message, false)
	case s.abandoned != nil:
		s.abandoned(o)
	}
}

// ackOf is the payload of the acknowledgement; nil closes the modal.
func ackOf(s modalResult) any {
	switch {
	case len(s.errors) > 0:
		return slack.NewErrorsViewSubmissionResponse(s.errors)
	case s.view != nil:
		return updateView(*s.view)
	}
	return nil
}

// updateView answers a submission with the view that comes next.
func updateView(v slack.ModalViewRequest) *slack.ViewSubmissionResponse {
	return slack.NewUpdateViewSubmissionResponse(&v)
}

// replaceView shows the outcome of a modal that was told to wait. It reports
// false if the person has closed the modal; if it cannot be reached for any
// other reason, the outcome goes to them as a message.
func (h *handler) replaceView(to recipient, id string, s modalResult) bool {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	missing := false
	for attempt := 1; ; attempt++ {
		_, err := h.client.api.UpdateViewContext(ctx, *s.view, "", "", id)
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
		h.client.suspectToken(err)
		h.client.explain("a modal", err)
		wait := max(pause(attempt), retryAfter(err))
		if end, _ := ctx.Deadline(); !temporary(err) || time.Now().Add(wait).After(end) || !sleep(ctx, wait) {
			h.client.log.Warn("a modal does not show its outcome", "user", to.caller.User, "err", h.client.clean(err))
			h.client.answer(to, s.message, false)
			return true
		}
	}
}
