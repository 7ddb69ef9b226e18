package bot

import (
	"github.com/sshforward/sshforward"
)

// changes reports whether a command may change what its giver's Home shows.
func changes(cmd sshforward.Command) bool {
	switch cmd := cmd.(type) {
	case sshforward.ListLeases, sshforward.ShowLease, sshforward.ListInstances, sshforward.Overview, sshforward.ShowHistory, sshforward.Unknown:
		return false
	case sshforward.SetSource:
		return cmd.Clear || len(cmd.Sources) > 0
	}
	return true
}

// afterHome follows a click in Home that was not refused. That it was done
// shows in Home itself, which is published anew after every command.
func (d *dispatcher) afterHome(p clickPayload, cmd sshforward.Command, r sshforward.Reply) {
	confirm, ok := cmd.(sshforward.ConfirmLease)
	if !ok || !asksAgain(confirm, r.Lease) {
		return
	}
	c := p.caller()
	v := d.b.in(d.ctx, c.User)
	if _, _, err := d.b.openView(p.TriggerID, v.urgentForm(r.Lease, metaOf(c))); err != nil {
		d.b.answer(recipient{caller: c}, v.confirmUrgent(r.Lease), false)
	}
}

// refuse tells somebody what a click of theirs came to nothing for. Home has
// neither a channel nor a response URL, so there it is a modal or, when the
// trigger is spent, a direct message.
func (d *dispatcher) refuse(to recipient, p clickPayload, m message) {
	if p.home() {
		if _, _, err := d.b.openView(p.TriggerID, d.b.in(d.ctx, to.caller.User).noteOf(m)); err == nil {
			return
		}
	}
	d.b.answer(to, m, false)
}

// openSource shows the form for the source address. The button's value is the
// one that Home shows, so nobody has to be asked for it.
func (d *dispatcher) openSource(h *handling, p clickPayload, to recipient, a action) {
	saved := ""
	if a.Value != "" {
		sources, err := sshforward.ParseSources(a.Value)
		if err != nil {
			d.unknown(to.caller, "value of "+a.ActionID)
			h.acknowledge(nil)
			d.refuse(to, p, d.voice(h, to.caller.User).failure(notALease(false)))
			return
		}
		saved = sshforward.FormatSources(sources)
	}
	h.acknowledge(nil)
	v := d.voice(h, to.caller.User)
	if _, _, err := d.b.openView(p.TriggerID, v.sourceForm(saved, "")); err != nil {
		d.b.log.Warn("the form for the source address did not open", "user", to.caller.User, "err", d.b.clean(err))
		d.b.answer(to, v.address(sshforward.SetSource{}, sshforward.Reply{}), false)
	}
}
