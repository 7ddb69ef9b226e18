package sshforward

import "time"

// What people do. Looking at things is not recorded, being refused is.
const (
	ActOpen    Act = "open"    // asked for a forward
	ActConfirm Act = "confirm" // the requester's yes
	ActCancel  Act = "cancel"  // the requester's no
	ActApprove Act = "approve"
	ActDeny    Act = "deny"
	ActClaim   Act = "claim" // an approver looks at it
	ActExtend  Act = "extend"
	ActFrom    Act = "from" // lets themselves in from another address
	ActClose   Act = "close"
	ActAbandon Act = "abandon" // an admin gave up what can never be proved closed
	ActSource  Act = "source"  // saved or forgot a source address
	ActLook    Act = "look"    // list, show, history …
	ActUnknown Act = "unknown" // a payload that no command could be made of
)

// What the bot does, or finds.
const (
	ActOpened      Act = "opened"       // the forward is ready, the clock has started
	ActEnding      Act = "ending"       // its end was decided, Reason says why
	ActAccessEnded Act = "access_ended" // the load balancer was seen gone
	ActClosed      Act = "closed"       // a read-back showed that nothing is left
	ActStuck       Act = "stuck"
	ActFreed       Act = "freed"
	ActMended      Act = "mended"
	ActNarrowed    Act = "narrowed"
	ActRetagged    Act = "retagged"  // tags that somebody had changed were put right
	ActMoved       Act = "moved"     // another address is let in, and the former one is not any more
	ActUnmoved     Act = "unmoved"   // AWS did not let in another address, so it stays as it was
	ActShortened   Act = "shortened" // policy allows less time than it had
	ActUnjudged    Act = "unjudged"  // whether policy would still let it in cannot be told
	ActElsewhere   Act = "elsewhere" // another bot of this deployment has it, in a store of its own
	ActRebuilt     Act = "rebuilt"   // taken over from its tags, the store had lost it
	ActReopened    Act = "reopened"  // something of a closed lease was found
)

// ResultOK is the Result of what was done.
const ResultOK = "ok"

// Act is what an [Event] is about.
type Act string

// Event is one line of the audit record: who did or tried what, when, from
// where, and what came of it. Its JSON is the export format.
type Event struct {
	At     time.Time `json:"time"`
	Act    Act       `json:"act"`
	Result string    `json:"result"` // ResultOK, or the code of an Error
	Detail string    `json:"detail,omitempty"`

	// Who, and where: empty for what the bot does by itself.
	Actor   string `json:"actor,omitempty"` // Slack user id
	Team    string `json:"team,omitempty"`
	Channel string `json:"channel,omitempty"`
	Message string `json:"message,omitempty"` // Slack's ts of the message with the button

	// The lease as it is afterwards.
	Lease    string   `json:"lease,omitempty"`
	Owner    string   `json:"owner,omitempty"`
	Account  string   `json:"account,omitempty"`
	Region   string   `json:"region,omitempty"`
	Instance string   `json:"instance,omitempty"`
	Name     string   `json:"name,omitempty"` // the instance's Name tag
	Sources  []string `json:"sources,omitempty"`
	Rule     string   `json:"rule,omitempty"`
	Urgent   bool     `json:"urgent,omitempty"`
	State    State    `json:"state,omitempty"`
	Reason   Reason   `json:"reason,omitempty"`
	Because  string   `json:"because,omitempty"` // in the requester's or denier's words

	Tags      map[string]string `json:"tags,omitempty"`             // of the instance, as far as rules go by them
	Lacks     []string          `json:"tags_missing,omitempty"`     // keys that rules go by and the instance does not have
	Port      int               `json:"port,omitempty"`             // on the instance
	Duration  float64           `json:"duration_seconds,omitempty"` // that was asked for
	Approvers []string          `json:"approvers,omitempty"`        // who have said yes

	Opened   time.Time `json:"opened,omitzero"`
	Expires  time.Time `json:"expires,omitzero"`
	Ended    time.Time `json:"access_ended,omitzero"`
	Overstay float64   `json:"overstay_seconds"`   // beyond Expires
	Cost     float64   `json:"cost_usd,omitempty"` // about, once it has ended

	// Seq is the store's number of the event: in the order of writing, with
	// gaps, never given twice. It is set where events are read; it belongs to
	// the store and not to what happened, so it is not exported.
	Seq uint64 `json:"-"`
}

// by says who did or tried it, and from where.
func (e *Event) by(c Caller) {
	e.Actor, e.Team, e.Channel, e.Message = c.User, c.Team, c.Channel, c.Message
}
