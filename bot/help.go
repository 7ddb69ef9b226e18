package bot

import (
	"github.com/sshforward/sshforward"
)

// help answers somebody who cannot get in, whom alone it concerns. AWS is asked
// after the click is acknowledged.
func (h *handler) help(in *inbound, p clickPayload, to recipient, a action) {
	c := to.caller
	in.acknowledge(nil)
	id, ok := sshforward.ParseID(a.Value)
	if !ok {
		h.recordUnknown(c, "value of "+actionHelp)
		h.refuse(to, p, h.renderTo(to).failure(checkButton(false)))
		return
	}
	h.fetchLocale(c.User) // while the keeper works
	o := <-h.start(c, helpLease{id})
	v := h.renderTo(to)
	if o.err != nil {
		h.logRefusal(c, helpLease{id}, o.err)
		h.refuse(to, p, v.failure(o.err))
		return
	}
	h.client.answer(to, v.cannotGetIn(o.help), false)
}
