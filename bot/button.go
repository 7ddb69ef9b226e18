package bot

import (
	"slices"
	"strings"
	"time"

	"github.com/sshforward/sshforward"
)

// Action ids of buttons. Others rely on them, and so do messages that were
// posted before an upgrade; the value is the lease's id, for extend the id and
// the duration.
const (
	actionConfirm = "lease.confirm"
	actionCancel  = "lease.cancel"
	actionApprove = "lease.approve"
	actionDeny    = "lease.deny"
	actionClaim   = "lease.claim" // an approver looks at it
	actionExtend  = "lease.extend"
	actionClose   = "lease.close"
	actionHelp    = "lease.help"
	actionFrom    = "lease.from"    // shows the form for the address that a lease lets in
	actionAgain   = "lease.again"   // shows the form, filled in with what the lease was asked for
	actionAbandon = "lease.abandon" // the value is the lease's id and the reason
	actionForm    = "home.open"     // shows the form for a lease
	actionSource  = "home.source"   // shows the one for the source address, which is the value
)

// origin is the kind of message a button was in. It is the first part of the
// block's id, since the payload of a click on an ephemeral message carries
// nothing of the message itself.
type origin string

const (
	fromPrompt   origin = "prompt"
	fromCard     origin = "card"
	fromReminder origin = "reminder"
	fromShow     origin = "show"
	fromChoice   origin = "choice"
	fromMine     origin = "mine" // the list of one's own leases
	fromAll      origin = "all"  // the list of all leases
	fromHome     origin = "home" // one's own leases in the home tab
	fromWaiting  origin = "wait" // the requests of others in there
	fromHistory  origin = "past" // leases that are over, in the history or in the home tab
	fromNowhere  origin = ""     // a block without an id of ours
)

// blockID makes an id that is unique in a message with one row of buttons a
// lease.
func (o origin) blockID(lease string) string { return string(o) + "." + lease }

func originOf(blockID string) origin {
	kind, _, _ := strings.Cut(blockID, ".")
	return origin(kind)
}

// urgentWord stands after the lease's id in the value of the second Open
// button of an urgent lease.
const urgentWord = "urgent"

// confirmValue is the value of a button that confirms a lease or, if it is
// urgent, confirms that it opens without approval.
func confirmValue(id string, urgent bool) string {
	if urgent {
		return id + " " + urgentWord
	}
	return id
}

// durationValue is the value of a button about a lease and a duration: of one
// that extends it, or decides about an extension. A decision about the lease
// itself has the duration 0.
func durationValue(id string, by time.Duration) string {
	if by == 0 {
		return id
	}
	return id + " " + sshforward.FormatDuration(by)
}

// leaseOfValue is the lease that a value is about, once commandOf has read it.
func leaseOfValue(value string) string {
	id, _, _ := strings.Cut(value, " ")
	return id
}

// commandOf reads a button. The error says that its value cannot be read or,
// where known is false, that the bot has no button of that id.
func commandOf(a action) (cmd sshforward.Command, known bool, err error) {
	value, rest, more := strings.Cut(a.Value, " ")
	id, ok := sshforward.ParseID(value)
	switch a.ActionID {
	case actionConfirm:
		urgent := rest == urgentWord
		return sshforward.ConfirmLease{ID: id, Urgent: urgent}, true, checkButton(ok && (urgent || !more))
	case actionCancel:
		return sshforward.CancelLease{ID: id}, true, checkButton(ok && !more)
	case actionClose:
		return sshforward.CloseLease{Ref: id}, true, checkButton(ok && !more)
	case actionApprove:
		by, right := extensionOf(rest)
		return sshforward.ApproveLease{ID: id, Extend: by}, true, checkButton(ok && right)
	case actionDeny:
		by, right := extensionOf(rest)
		return sshforward.DenyLease{ID: id, Extend: by}, true, checkButton(ok && right)
	case actionAbandon:
		return sshforward.AbandonLease{ID: id, Because: rest, Sure: true}, true, checkButton(ok && rest != "")
	case actionClaim:
		by, right := extensionOf(rest)
		return sshforward.ClaimLease{ID: id, Extend: by}, true, checkButton(ok && right)
	case actionExtend:
		by, err := sshforward.ParseDuration(rest)
		return sshforward.ExtendLease{Ref: id, Duration: by}, true, checkButton(ok && err == nil)
	}
	return nil, false, checkButton(false)
}

// extensionOf reads the extension that a decision is about; 0 if the decision is
// about the lease itself.
func extensionOf(s string) (by time.Duration, ok bool) {
	if s == "" {
		return 0, true
	}
	by, err := sshforward.ParseDuration(s)
	return by, err == nil
}

// checkButton is the error for a button with a value that the bot does not write.
func checkButton(ok bool) error {
	if ok {
		return nil
	}
	return &sshforward.Error{Code: sshforward.EINVALID, Message: sshforward.Textf("I cannot read this button."),
		Try: sshforward.Suggestion{Verb: "list"}}
}

// source tells in which kind of message a button was, and whether the answer may
// replace that message (own). A card must not be replaced, not even by a forged
// click that claims another origin, so the claim is checked against the content
// of the message, which Slack sends along unless the message is ephemeral.
// Other servers than Slack's may leave out container, message and block id.
func (p clickPayload) source(a action) (from origin, own bool) {
	from = originOf(a.BlockID)
	alone := p.Container.IsEphemeral || !p.Message.present || p.Message.has(a)
	switch from {
	case fromReminder, fromShow, fromChoice, fromMine, fromAll:
		return from, alone
	}
	if p.prompted(a) {
		return fromPrompt, alone || len(p.Message.rows) == 0
	}
	if from != fromCard {
		from = fromNowhere
	}
	// Where nothing tells, it may have been a card.
	return from, p.Container.IsEphemeral
}

// prompted reports whether the button was in a prompt. Only a prompt has the
// button that confirms. A card has the one that cancels too, but next to the one
// that approves.
func (p clickPayload) prompted(a action) bool {
	switch a.ActionID {
	case actionConfirm:
		return true
	case actionCancel:
		if originOf(a.BlockID) == fromCard {
			return false
		}
		return !slices.ContainsFunc(p.Message.rows, func(r row) bool {
			return slices.ContainsFunc(r.Elements, func(e action) bool { return e.ActionID == actionApprove })
		})
	}
	return false
}
