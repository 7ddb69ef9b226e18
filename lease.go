package sshforward

import (
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Lease is one promise of access: who may reach which instance from where,
// until when, and how far the work for it has come.
type Lease struct {
	ID       string
	Revision uint64 // see Leases.Put
	State    State
	Reason   Reason `json:",omitempty"`

	// Worker is the replica that works on it, see [Replicas]; empty: any.
	Worker string `json:",omitempty"`
	// Stragglers are others that may not have ended their work on it yet.
	Stragglers []Straggler `json:",omitempty"`
	// Envelopes are those of Slack's whose commands changed it, the last ones.
	Envelopes []string `json:",omitempty"`

	// Who asked, and where. Channel is where the words were typed; the card
	// may be elsewhere, see Card.
	Team    string
	Owner   string // Slack user id
	Channel string
	Direct  bool `json:",omitempty"` // typed in a direct message

	Terms

	// Deadlines and events. Every wait of the machine is one of these times.
	RequestedAt   time.Time
	ConfirmBy     time.Time
	ApproveBy     time.Time        `json:",omitzero"`
	ConfirmedAt   time.Time        `json:",omitzero"`
	Approved      []Approval       `json:",omitempty"`
	OpenBy        time.Time        `json:",omitzero"`  // ready by then, or rolled back
	OpenedAt      time.Time        `json:",omitzero"`  // the clock started
	ReadyIn       time.Duration    `json:",omitempty"` // from the last yes until people were let in
	ExpiresAt     time.Time        `json:",omitzero"`  // the promised end
	RemindedAt    time.Time        `json:",omitzero"`  // the last reminder that was decided
	Extended      Extension        `json:",omitzero"`  // the last one
	Moved         SourceChange     `json:",omitzero"`  // the last one
	Asked         ExtensionRequest `json:",omitzero"`  // the last extension that needed approval
	Nudges        int              `json:",omitempty"` // how often approvers were reminded
	Claim         Claim            `json:",omitzero"`  // who said last that they look at it
	ClosingAt     time.Time        `json:",omitzero"`
	AccessEndedAt time.Time        `json:",omitzero"` // see Resources.EndSeenAt
	ClosedAt      time.Time        `json:",omitzero"` // last resource seen gone
	KeepUntil     time.Time        `json:",omitzero"`
	ClosedBy      string           `json:",omitempty"` // Slack user id, if a person ended it
	DeniedFor     string           `json:",omitempty"` // the denier's words
	Why           Text             `json:",omitzero"`  // a sentence for people on why it failed or was closed
	Abandoned     Abandonment      `json:",omitzero"`  // the last time that it was given up

	Work
	Outbox

	// Alleged is what its tags say of a lease that was found without a proof.
	Alleged []TagWord `json:",omitempty"`

	// Prepared is what was built of it while a yes was missing.
	Prepared Preparation `json:",omitzero"`

	// DueAt is the earliest time at which anything above needs attention;
	// zero for never. The ledger sets it before each write.
	DueAt time.Time `json:",omitzero"`
}

// Straggler is a replica from which a lease was taken over while it made something
// of it. It may be asleep and go on when it wakes up, so the lease is not closed
// before it has said that it let go, or Until.
type Straggler struct {
	Worker string
	Until  time.Time
}

// Terms are what was asked for, and what policy said to it.
type Terms struct {
	Instance     Instance
	Placement    Placement
	ListenerPort int // what ssh dials
	TargetPort   int // where sshd listens on the instance
	SSHUser      string
	HostKeyAlias string `json:",omitempty"` // empty: the instance's id
	Sources      []netip.Prefix
	// Former are sources that are to be let in no more, as soon as Sources are.
	Former   []netip.Prefix `json:",omitempty"`
	Duration time.Duration
	Because  string `json:",omitempty"`
	Urgent   bool   `json:",omitempty"` // without approval

	Rule      string
	Max       time.Duration // total, extensions included
	Reminders []time.Duration
	Approvers []string `json:",omitempty"` // users and user groups
	Approvals int      `json:",omitempty"` // how many are needed
	// RuleLacks are the keys of tags that rules go by and the instance does not have.
	RuleLacks []string `json:",omitempty"`
	// RuleTags are the tags of the instance that rules go by, as they were
	// when it was last looked at.
	RuleTags map[string]string `json:",omitempty"`
	// ExtendApprovals is how many of the Approvers an extension needs.
	ExtendApprovals int `json:",omitempty"`
	// Needs and ExtendNeeds say of whom the approvals have to be; none: of any
	// of the Approvers.
	Needs       []Need `json:",omitempty"`
	ExtendNeeds []Need `json:",omitempty"`
	// Notify are who is asked for approval; empty: all Approvers.
	Notify []string `json:",omitempty"`
	// Prepare is when it is built ahead, as far as there is room. Empty: not at
	// all.
	Prepare Prepare `json:",omitempty"`
}

// Work is how far the work in AWS has come.
type Work struct {
	Stage      Stage     `json:",omitempty"`
	StageSince time.Time `json:",omitzero"`
	Resources  Resources
	Retry
	LastError Text   `json:",omitzero"`  // of the last of the Attempts, a sentence for people
	Detail    Text   `json:",omitzero"`  // what a waiting stage waits for
	InLine    bool   `json:",omitempty"` // Detail is about others, who go first
	Hint      Text   `json:",omitzero"`  // what to know about the open forward
	Notes     []Text `json:",omitempty"` // what could not be checked
	Alarmed   bool   `json:",omitempty"` // the work keeps failing, see Stuck
	Drift     Drift  `json:",omitzero"`  // what a sweep has found changed
	Mended    bool   `json:",omitempty"` // rules were put back once
	Unjudged  bool   `json:",omitempty"` // whether policy would still let it in cannot be told
	Outage    Outage `json:",omitzero"`  // the instance cannot be reached just now
}

// restart forgets failures; the next try is at the given time.
func (w *Work) restart(at time.Time) {
	w.Retry, w.LastError, w.Detail, w.InLine = Retry{NextTryAt: at}, Text{}, Text{}, false
}

// Outbox is what people see, and what they have still to be told.
type Outbox struct {
	Card      Card
	Broadcast Place    `json:",omitzero"` // where NoticeUrgent was posted
	Owed      []Notice `json:",omitempty"`
	Posted    []Posted `json:",omitempty"` // what has buttons beside the card
}

// Approval is one approver's yes.
type Approval struct {
	User string
	At   time.Time
	// From are the Needs, by their From, which the user could answer then.
	From []string `json:",omitempty"`
}

// Need is how many approvals have to come from a user or the members of a user
// group. Each yes counts for one need.
type Need struct {
	From string
	N    int
}

// Claim says who looks at what is to be decided, for the others who may.
type Claim struct {
	User string
	At   time.Time
}

// Drift is what somebody else changed on an open lease, to be put right.
type Drift struct {
	Missing bool `json:",omitempty"` // a rule or the registration is gone
	Widened bool `json:",omitempty"` // its group lets in more than was leased
	Unarmed bool `json:",omitempty"` // its dead-man switch is gone
	// Retagged: what its tags say was changed. Unsigned: it is right, but the
	// proof of that is missing, or by an older key.
	Retagged bool `json:",omitempty"`
	Unsigned bool `json:",omitempty"`
}

// Outage is a time in which nobody gets through to the instance of an open
// lease, though all that the lease has in AWS is as it should be.
type Outage struct {
	Since time.Time // about; zero for none
	State string    `json:",omitempty"` // EC2's word, if the instance does not run: "stopped"
	Why   Text      `json:",omitzero"`  // AWS's reason
	// CloseAt is when the lease is closed if the instance does not run by then.
	CloseAt time.Time `json:",omitzero"`
}

// Extension is one move of the end.
type Extension struct {
	User string
	By   time.Duration
	At   time.Time
}

// SourceChange is that somebody comes from another address from now on.
type SourceChange struct {
	User string
	At   time.Time
	To   netip.Prefix
	From []netip.Prefix
	// Refused says why AWS did not let in the new address; it is let in From
	// again then. Zero if it did, or may still.
	Refused Text `json:",omitzero"`
}

// ExtensionRequest is a wish for an extension that needs approval.
type ExtensionRequest struct {
	User     string
	By       time.Duration
	At       time.Time
	Approved []Approval `json:",omitempty"`
	// Decided: it was granted, denied, or taken back by a newer one.
	Decided   bool      `json:"Over,omitempty"`
	DeniedBy  string    `json:",omitempty"`
	DeniedAt  time.Time `json:",omitzero"`
	DeniedFor string    `json:",omitempty"` // the denier's words
}

// Pending reports whether approvers have still to decide.
func (a ExtensionRequest) Pending() bool { return a.By > 0 && !a.Decided }

// Abandonment is that somebody gave a lease up of which nobody can tell whether
// it has ended.
type Abandonment struct {
	By      string    `json:",omitempty"` // Slack user id; empty: whoever has the store
	At      time.Time `json:",omitzero"`
	Because string    `json:",omitempty"` // in their words
	Was     Reason    `json:",omitempty"` // why it was closing
	Unseen  Text      `json:",omitzero"`  // what was not proved, see Lease.unproved
	// FoundAt is when something of it was found after all; it is closed then.
	FoundAt time.Time `json:",omitzero"`
}

// Standing reports whether it was given up and not found since.
func (a Abandonment) Standing() bool { return !a.At.IsZero() && a.FoundAt.IsZero() }

// Overstay is how long access lasted beyond the promised end; zero if it ended
// in time or has not ended.
func (l *Lease) Overstay() time.Duration {
	if l.AccessEndedAt.IsZero() || l.ExpiresAt.IsZero() {
		return 0
	}
	return max(0, l.AccessEndedAt.Sub(l.ExpiresAt))
}

// EndOnlyAccepted reports whether AccessEndedAt is when AWS accepted the end of
// access, since nobody saw the moment itself.
func (l *Lease) EndOnlyAccepted() bool {
	return l.Resources.EndSeenAt.IsZero() && !l.Resources.EndAcceptedAt.IsZero()
}

// End is the latest moment at which access may still exist: ExpiresAt once the
// clock has started, before that the opening time-out plus the duration, and
// while a yes is missing the time-outs for that as well. It is what the tags in
// AWS say, so that whoever finds them knows when to remove what carries them.
// Zero before opening.
func (l *Lease) End() time.Time {
	switch {
	case !l.ExpiresAt.IsZero():
		return l.ExpiresAt
	case l.OpenBy.IsZero():
		return l.Prepared.Until
	}
	return later(l.OpenBy.Add(l.Duration), l.Prepared.Until)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// Moving reports whether the sources are being changed.
func (l *Lease) Moving() bool { return len(l.Former) > 0 }

// Admitted are the sources that may be let in just now: those of the lease, and
// those that they take the place of.
func (l *Lease) Admitted() []netip.Prefix { return slices.Concat(l.Sources, l.Former) }

// sameMove reports whether a wish for another source is still the last one.
func (l *Lease) sameMove(wish SourceChange) bool {
	return l.Moved.At.Equal(wish.At) && l.Moved.Refused.IsZero() == wish.Refused.IsZero()
}

// StuckAfter is how many failures in a row make a lease stuck.
const StuckAfter = 5

// Stuck reports whether the work on the lease keeps failing. It is retried for
// ever, but an operator should look: it costs money and may be an open door.
// It stays stuck until the work is done, not just until one try succeeds.
func (l *Lease) Stuck() bool { return l.Alarmed }

// CardHidden reports whether the card is where approvers do not see it: in the
// requester's direct messages.
func (l *Lease) CardHidden() bool { return strings.HasPrefix(l.Card.Channel, "D") }

// Clone returns a copy that shares nothing with l.
func (l *Lease) Clone() *Lease {
	c := *l
	c.Stragglers = append([]Straggler(nil), l.Stragglers...)
	c.Envelopes = append([]string(nil), l.Envelopes...)
	c.Instance = l.Instance.clone()
	c.Placement.Notes = append([]Text(nil), l.Placement.Notes...)
	c.Placement.Warnings = append([]Text(nil), l.Placement.Warnings...)
	c.Sources = append([]netip.Prefix(nil), l.Sources...)
	c.Former = append([]netip.Prefix(nil), l.Former...)
	c.Moved.From = append([]netip.Prefix(nil), l.Moved.From...)
	c.Reminders = append([]time.Duration(nil), l.Reminders...)
	c.RuleTags = maps.Clone(l.RuleTags)
	c.RuleLacks = append([]string(nil), l.RuleLacks...)
	c.Approvers = append([]string(nil), l.Approvers...)
	c.Notify = append([]string(nil), l.Notify...)
	c.Needs = append([]Need(nil), l.Needs...)
	c.ExtendNeeds = append([]Need(nil), l.ExtendNeeds...)
	c.Approved = append([]Approval(nil), l.Approved...)
	c.Asked.Approved = append([]Approval(nil), l.Asked.Approved...)
	c.Notes = append([]Text(nil), l.Notes...)
	c.Alleged = append([]TagWord(nil), l.Alleged...)
	c.Owed = append([]Notice(nil), l.Owed...)
	c.Posted = append([]Posted(nil), l.Posted...)
	return &c
}
