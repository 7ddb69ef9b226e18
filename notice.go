package sshforward

import (
	"time"
)

// Card is the one durable message about a lease, and what it last showed.
type Card struct {
	Channel string    `json:",omitempty"` // where it really is
	TS      string    `json:",omitempty"` // Slack's id of the message there
	Shown   string    `json:",omitempty"` // the Lease.CardKey of what it shows
	Firm    string    `json:",omitempty"` // the part of Shown that is not progress
	State   State     `json:",omitempty"` // the lease's state as it shows it
	SentAt  time.Time `json:",omitzero"`
	// RoomAt is when Slack has room for progress again; a change of state does
	// not wait for that.
	RoomAt time.Time `json:",omitzero"`
	Retry
}

// Retry is when to do again what failed.
type Retry struct {
	Attempts  int       `json:",omitempty"` // failures in a row
	NextTryAt time.Time `json:",omitzero"`
}

// failed counts a failure; the next try comes after a pause.
func (r *Retry) failed(now time.Time, pause time.Duration) {
	r.Attempts++
	r.NextTryAt = now.Add(pause)
}

// NoticeKind says what a notice is about.
type NoticeKind string

const (
	NoticeApproval  NoticeKind = "approval"  // approvers are asked
	NoticeReady     NoticeKind = "ready"     // the forward can be used
	NoticeCommand   NoticeKind = "command"   // the ssh command and nothing else, to be copied whole
	NoticeReminder  NoticeKind = "reminder"  // it ends soon
	NoticeEnded     NoticeKind = "ended"     // access has ended
	NoticeFailed    NoticeKind = "failed"    // it could not be opened
	NoticeRebuilt   NoticeKind = "rebuilt"   // the store was lost; it goes on from its tags
	NoticeMended    NoticeKind = "mended"    // a rule somebody removed was put back
	NoticeNudge     NoticeKind = "nudge"     // approvers are asked once more
	NoticeAsked     NoticeKind = "asked"     // approvers are asked for an extension
	NoticeRefused   NoticeKind = "refused"   // the extension was denied, see Lease.Asked
	NoticeShortened NoticeKind = "shortened" // policy allows less time than it had
	NoticeReview    NoticeKind = "review"    // it was urgent: look whether that was right
	NoticeOutage    NoticeKind = "outage"    // its instance cannot be reached, see Lease.Outage
	NoticeBack      NoticeKind = "back"      // it can be reached again
	NoticeMoved     NoticeKind = "moved"     // it lets in another address, or could not, see Lease.Moved

	// These go to the operators' channel as well.
	NoticeStuck     NoticeKind = "stuck"     // the work on it keeps failing
	NoticeFreed     NoticeKind = "freed"     // it is not stuck any more
	NoticeNarrowed  NoticeKind = "narrowed"  // somebody had widened its security group, or put others behind its load balancer
	NoticeReshaped  NoticeKind = "reshaped"  // somebody made another thing of its load balancer: it is closed
	NoticeRetagged  NoticeKind = "retagged"  // somebody had changed its tags
	NoticeUrgent    NoticeKind = "urgent"    // it goes past approval
	NoticeRejected  NoticeKind = "rejected"  // it was ended, since policy would not let it in any more
	NoticeAbandoned NoticeKind = "abandoned" // it was given up, see Lease.Abandoned
	NoticeFound     NoticeKind = "found"     // something of what was given up was found
	NoticeUnjudged  NoticeKind = "unjudged"  // whether policy would still let it in cannot be told
)

// Alarm reports whether the notice is for whoever is on call, and not for the
// people of the lease.
func (k NoticeKind) Alarm() bool {
	switch k {
	case NoticeStuck, NoticeFreed, NoticeNarrowed, NoticeReshaped, NoticeRetagged, NoticeUrgent, NoticeRejected, NoticeUnjudged,
		NoticeAbandoned, NoticeFound:
		return true
	}
	return false
}

// Asks reports whether the notice asks approvers to decide.
func (k NoticeKind) Asks() bool {
	return k == NoticeApproval || k == NoticeNudge || k == NoticeAsked
}

// Notice is something owed to the people of a lease, in the card's thread. It
// is written with the state change that caused it and removed once Slack has
// taken it.
type Notice struct {
	Kind NoticeKind
	At   time.Time // when it came to be owed
	// To is the user whose direct message it is; empty: it stands with the card.
	// With toApprovers it is still to be found out who is asked directly.
	To    string   `json:",omitempty"`
	Asked []string `json:",omitempty"` // with toApprovers: who has a notice of their own already
	Retry
}

// toApprovers stands for everybody who is to be asked directly.
const toApprovers = "approvers"

// AskBy is how those who have to decide are asked.
type AskBy string

const (
	AskBoth    AskBy = "both"    // the default
	AskDirect  AskBy = "dm"      // each in a direct message
	AskChannel AskBy = "channel" // by a mention where the card is
)

// MaxAsked is how many people are asked directly: Slack takes about one such
// message a second, and what everybody is asked nobody feels meant by.
const MaxAsked = 15

// Posted is a message beside the card that says what is so for a while: it has
// buttons that are of no use afterwards.
type Posted struct {
	Place
	Kind NoticeKind
	At   time.Time // of the notice
	To   string    `json:",omitempty"` // whose direct message it is
	// Since is that of the outage that it speaks of, see Lease.Outage.
	Since time.Time `json:",omitzero"`
	Key   string    // what it shows, see Lease.postedKey
	Retry
}

// Place is where a message is.
type Place struct {
	Channel string `json:",omitempty"`
	TS      string `json:",omitempty"` // Slack's id of the message there
}
