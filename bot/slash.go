package bot

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/sshforward/sshforward"
)

// slash answers a slash command in the acknowledgement if the keeper is not
// needed for it. Else it acknowledges at once, and the keeper's answer follows.
func (h *handler) slash(in *inbound) {
	var p slashPayload
	if err := json.Unmarshal(in.payload, &p); err != nil {
		h.client.log.Error("slash command not understood", "envelope", in.id, "err", h.client.clean(err))
		in.acknowledge(nil)
		h.recordUnknown(sshforward.Caller{}, "command that cannot be read")
		return
	}
	c := p.caller()
	c.Envelope = in.id
	to := recipient{caller: c, responseURL: p.ResponseURL}
	req, err := parse(p.Text)
	if err == nil && req.topic == topicCommand {
		in.acknowledge(nil) // what follows may take a while
	}
	if !h.serves(in, c.Team, c.User) {
		h.client.log.Warn("command from another workspace refused", "team", c.Team, "user", c.User)
		in.acknowledge(nil)
		h.client.answer(to, h.renderCached(c.User).otherTeam(), false)
		h.recordUnknown(c, "another workspace")
		return
	}
	switch {
	case err != nil:
		in.answer(to, h.renderCached(c.User).failure(h.amended(in, c, err)))
		return
	case req.topic == topicHelp:
		in.answer(to, h.renderCached(c.User).help())
		return
	case req.topic == topicForm:
		open, _ := req.command.(sshforward.OpenLease)
		h.openForm(in, to, p.TriggerID, sshforward.Request{Open: open})
		return
	}
	h.fetchLocale(c.User) // while the keeper works
	if again, ok := req.command.(askAgain); ok {
		o := <-h.start(c, again)
		if o.err != nil {
			h.logRefusal(c, again, o.err)
			h.client.answer(to, h.renderFor(h.ctx, c.User).failure(o.err), false)
			return
		}
		req.command = o.request.Open
	}
	o := <-h.start(c, req.command)
	if o.err != nil {
		h.logRefusal(c, req.command, o.err)
		h.client.answer(to, h.renderFor(h.ctx, c.User).failure(o.err), false)
		return
	}
	h.client.answer(to, h.renderFor(h.ctx, c.User).reply(c, req.command, o), false)
}

// amendWait is how long the answer to a mistyped command waits for what policy
// would take instead; Slack waits for 3 s.
const amendWait = time.Second

// amended is a mistake in a command with a suggestion that policy would let the
// caller have, as far as that can be told in time.
func (h *handler) amended(in *inbound, c sshforward.Caller, err error) error {
	e, ok := errors.AsType[*sshforward.Error](err)
	if !ok {
		return err
	}
	open, ok := e.Try.Command.(sshforward.OpenLease)
	if !ok {
		return err
	}
	select {
	case o := <-h.start(c, amendOpen{open}):
		if o.err == nil {
			better := *e
			better.Try.Command = o.request.Open
			return &better
		}
	case <-time.After(amendWait - time.Since(in.at)):
	}
	return err
}
