package bot

import (
	"strings"
	"time"

	"github.com/sshforward/sshforward"
)

// unknown has a payload that no command can be made of put into the audit
// record. what never has anything in it that works as a key: no response URL,
// no trigger, no token. Like a click it is recorded before it is acknowledged,
// unless that takes too long.
func (d *dispatcher) unknown(c sshforward.Caller, what string) {
	what = cut(strings.Join(strings.Fields(what), " "), 100)
	d.b.log.Warn("not understood", "user", c.User, "what", what)
	cmd := sshforward.Unknown{What: what}
	select {
	case o := <-d.start(c, cmd):
		switch sshforward.ErrorCode(o.err) {
		case sshforward.EINTERNAL, sshforward.EUNAVAILABLE: // it may not be in the record
			d.logRefusal(c, cmd, o.err)
		}
	case <-time.After(d.b.opt.ClickBudget):
	}
}
