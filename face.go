package sshforward

import (
	"fmt"
	"time"
)

// CardKey is a short string that changes exactly when what the card shows should
// change. A card is owed whenever Card.Shown differs from it, so nothing has
// to be remembered about which changes were told.
func (l *Lease) CardKey() string {
	face := string(l.State)
	switch l.State {
	case Pending:
		face += fmt.Sprintf(" approved=%d", len(l.Approved))
	case Opening:
		face += " " + string(l.Stage) + " " + l.Detail.String()
	case Open:
		face += " until=" + l.ExpiresAt.UTC().Format(time.RFC3339Nano)
		if a := l.Asked; a.By > 0 {
			face += fmt.Sprintf(" asked=%d %d %t %s", a.At.UnixNano(), len(a.Approved), a.Decided, a.DeniedBy)
		}
	case Closing:
		face += fmt.Sprintf(" ended=%t", !l.AccessEndedAt.IsZero())
	}
	if l.Stuck() {
		face += " stuck"
	}
	return face
}
