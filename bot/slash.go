package bot

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/sshforward/sshforward"
)

// slash acknowledges at once, with the answer where it needs nobody else, and
// then lets the keeper work.
func (d *dispatcher) slash(h *handling) {
	var p slashPayload
	if err := json.Unmarshal(h.envelope.payload, &p); err != nil {
		d.b.log.Error("slash command not understood", "envelope", h.envelope.id, "err", d.b.clean(err))
		h.acknowledge(nil)
		d.unknown(sshforward.Caller{}, "command that cannot be read")
		return
	}
	c := p.caller()
	to := recipient{caller: c, responseURL: p.ResponseURL}
	if !d.ours(c.Team) {
		d.b.log.Warn("command from another workspace refused", "team", c.Team, "user", c.User)
		h.answer(to, d.b.in(d.ctx, c.User).otherTeam())
		d.unknown(c, "another workspace")
		return
	}
	req, err := parse(p.Text)
	switch {
	case err != nil:
		h.answer(to, d.b.in(d.ctx, c.User).failure(err))
		return
	case req.topic == topicHelp:
		h.answer(to, d.b.in(d.ctx, c.User).help())
		return
	case req.topic == topicForm:
		open, _ := req.command.(sshforward.OpenLease)
		d.openForm(h, to, p.TriggerID, open)
		return
	}
	h.acknowledge(nil)
	d.b.learn(c.User) // while the keeper works
	o := <-d.start(c, req.command)
	if o.err != nil {
		d.logRefusal(c, req.command, o.err)
		d.b.answer(to, d.b.in(d.ctx, c.User).failure(o.err), false)
		return
	}
	d.b.answer(to, d.b.in(d.ctx, c.User).reply(c, req.command, o.reply), false)
}

// commandName is for logs: OpenLease, CloseLease …
func commandName(cmd sshforward.Command) string {
	return strings.TrimPrefix(fmt.Sprintf("%T", cmd), "sshforward.")
}
