package bot

import (
	"encoding/json"

	"github.com/sshforward/sshforward"
)

// event handles an envelope of the Events API. Slack delivers it again unless
// it is acknowledged, so that comes first.
func (h *handler) event(in *inbound) {
	in.acknowledge(nil)
	var p eventPayload
	if err := json.Unmarshal(in.payload, &p); err != nil {
		h.client.log.Error("event not understood", "envelope", in.id, "err", h.client.clean(err))
		return
	}
	e := p.Event
	if e.Type != "app_home_opened" || e.Tab != "home" || e.User == "" {
		return // the tab with the messages, or an event nobody asked for
	}
	c := sshforward.Caller{Team: p.TeamID, User: e.User, Direct: true}
	if !h.serves(in, c.Team, c.User) {
		h.client.log.Warn("Home of another workspace refused", "team", c.Team, "user", c.User)
		h.recordUnknown(c, "another workspace")
		return
	}
	h.homes.viewed(c)
	h.homes.refresh(c.User)
}
