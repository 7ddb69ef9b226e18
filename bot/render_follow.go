package bot

import (
	"strings"

	"github.com/sshforward/sshforward"
)

// followed is what the answer to somebody's yes says now. Live, it is the last
// step of the form, which has the command too.
func (v render) followed(l *sshforward.Lease, live bool) message {
	what, id := instance(l.Instance), code(l.ID, 20)
	switch l.State {
	case sshforward.Open:
		m := paragraph(v.sentences(v.say("%s is open, lease %s.", what, id), v.ends(l), v.cardPlace(l)))
		if live {
			m.Blocks = append(m.Blocks, section(commandBlock(l)))
			if hint := strings.TrimSpace(v.nameHint(l)); hint != "" {
				m.Blocks = append(m.Blocks, small(hint))
			}
		}
		return m
	case sshforward.Closing, sshforward.Closed:
		return paragraph(v.sentences(v.say("Access to %s is over, lease %s.", what, id), v.endReason(l), v.cardPlace(l)))
	}
	m := v.replyConfirm(l)
	if live && l.State == sshforward.Opening {
		m.Blocks = append(m.Blocks, small(v.progress(l)))
	}
	return m
}
