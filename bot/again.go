package bot

import (
	"time"

	"github.com/sshforward/sshforward"
)

// againWait is how long the form waits for what a lease was asked for with: its
// trigger lives for 3 s.
const againWait = 1500 * time.Millisecond

// again shows the form for a lease, filled in with what another one was asked for
// with.
func (h *handler) again(in *inbound, p clickPayload, to recipient, a action) {
	c := to.caller
	id, ok := sshforward.ParseID(a.Value)
	if !ok {
		h.recordUnknown(c, "value of "+actionAgain)
		in.acknowledge(nil)
		h.refuse(to, p, h.renderTo(to).failure(checkButton(false)))
		return
	}
	h.fetchLocale(c.User) // while the keeper works
	result := h.start(c, askAgain{ID: id})
	select {
	case o := <-result:
		if o.err != nil {
			h.logRefusal(c, askAgain{ID: id}, o.err)
			in.acknowledge(nil)
			h.refuse(to, p, h.renderTo(to).failure(o.err))
			return
		}
		h.openForm(in, to, p.TriggerID, o.request)
	case <-time.After(againWait - time.Since(in.at)):
		in.acknowledge(nil)
		h.refuse(to, p, h.renderTo(to).failure(tooLong(nil)))
	}
}
