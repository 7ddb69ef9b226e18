package sshforward

import (
	"math"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
)

// maxDetail bounds what of people's words goes into one event, in runes.
const maxDetail = 300

// actor is who makes a change, and what they do by it; the zero actor is the
// bot itself.
type actor struct {
	act Act
	Caller
}

// eventsOf returns what the audit record has to say about a change. It follows
// from the lease before (new(Lease) if there was none) and after, and from who
// made it: what a person ends has one event, with the person and the reason.
func eventsOf(was, is *Lease, now time.Time, by actor, prices Prices) []Event {
	var events []Event
	add := func(act Act, detail Text) *Event {
		e := eventOf(is, prices)
		e.At, e.Act, e.Detail = now.UTC(), act, plain(detail.String())
		events = append(events, e)
		return &events[len(events)-1]
	}
	if by.act != "" {
		e := add(by.act, by.detail(was, is))
		e.by(by.Caller)
		switch {
		case by.act == ActDeny && is.State == Open: // an extension
			e.Because = plain(is.Asked.DeniedFor)
		case by.act == ActDeny:
			e.Because = plain(is.DeniedFor)
		case by.act == ActAbandon:
			e.Because = plain(is.Abandoned.Because)
		}
	}
	switch {
	case was.State == Closed && is.State == Closing:
		add(ActReopened, Textf("Something of it was found in AWS after it was closed."))
	case was.State == "" && is.State == Open:
		add(ActRebuilt, Textf("It was found in AWS without a record of mine."))
	case was.State == Opening && is.State == Open:
		add(ActOpened, is.Hint)
	case was.Reason == "" && is.Reason != "" && by.act == "":
		add(ActEnding, is.Why).Actor = is.ClosedBy
	}
	if mended := was.Drift; mended != (Drift{}) && is.Drift == (Drift{}) {
		if mended.Missing {
			add(ActMended, Textf("Its rules were removed by somebody else, and were put back."))
		}
		if mended.Unarmed {
			add(ActMended, Textf("Its dead-man switch was removed by somebody else, and was put back."))
		}
		if mended.Widened {
			add(ActNarrowed, Textf("Its security group let in more than was leased, or its load balancer led to other instances too."))
		}
		if mended.Retagged {
			add(ActRetagged, Textf("Its tags were changed by somebody else, and were put right."))
		}
	}
	if by.act == "" && is.ExpiresAt.Before(was.ExpiresAt) {
		add(ActShortened, Textf("Policy allows less time now than it had."))
	}
	if moved := was.Moving() && !is.Moving() && is.State == Open; moved && is.Moved.Refused.IsZero() {
		add(ActMoved, Textf("The former address is not let in any more."))
	} else if moved {
		add(ActUnmoved, is.Moved.Refused)
	}
	if !was.Unjudged && is.Unjudged {
		add(ActUnjudged, Textf("Slack or AWS does not tell whether policy would still let it in."))
	}
	switch {
	case !was.Alarmed && is.Alarmed:
		add(ActStuck, is.LastError)
	case was.Alarmed && !is.Alarmed && !is.Abandoned.Standing():
		add(ActFreed, Text{})
	}
	if was.AccessEndedAt.IsZero() && !is.AccessEndedAt.IsZero() {
		add(ActAccessEnded, Text{})
	}
	if was.State != Closed && is.State == Closed && !is.Abandoned.Standing() {
		add(ActClosed, is.Why)
	}
	return events
}

// toldBy reports whether an event that is in memory here is told by another writer, as
// whose the lease is now: it says that this has happened, or it has taken the lease
// over and brings the same about. Was is what the store had before, as far as is known
// here, and mine what was made of it in memory; mine may be nil.
func (e *Event) toldBy(is, was, mine *Lease) bool {
	moved := mine != nil && is.Worker != mine.Worker
	same := moved && is.ExpiresAt.Equal(mine.ExpiresAt)
	switch e.Act {
	case ActEnding, ActClose: // a person's click came to both, or to each another one's
		return is.Reason != "" || same
	case ActAccessEnded:
		return !is.AccessEndedAt.IsZero() || same
	case ActClosed:
		return is.State == Closed || same
	case ActOpened:
		// What is still to be opened is so by whoever has it: what is in memory
		// here is forgotten. Of what was ended meanwhile ReadyIn says that it was open.
		return is.State == Opening || is.State == Open || is.ReadyIn != 0
	}
	if was == nil {
		was = new(Lease)
	}
	return tells(was, is, e.Act) || moved && tells(is, mine, e.Act)
}

// tells reports whether a change that the bot makes has such an event.
func tells(was, is *Lease, act Act) bool {
	return slices.ContainsFunc(eventsOf(was, is, time.Time{}, actor{}, nil), func(e Event) bool { return e.Act == act })
}

// detail says what of the act is not in the event's other fields.
func (by actor) detail(was, is *Lease) Text {
	switch {
	case by.act == ActOpen:
		return Textf("for %s", is.Duration)
	case by.act == ActAbandon:
		return is.Abandoned.Unseen
	case by.act == ActFrom:
		return Textf("instead of %s", FormatSources(was.Sources))
	case by.act == ActExtend && is.Extended != was.Extended:
		return Textf("by %s", is.Extended.By)
	case by.act == ActExtend:
		return Textf("by %s, if that is approved", is.Asked.By)
	case slices.Contains([]Act{ActApprove, ActDeny, ActClaim}, by.act) && is.State == Open:
		return Textf("the extension by %s", is.Asked.By)
	}
	return Text{}
}

// eventOf is an event about a lease as it is; what happened is still to be filled
// in. All its times are UTC: the record is read far from where it is
// written.
func eventOf(l *Lease, prices Prices) Event {
	e := Event{
		Result: ResultOK, Lease: l.ID, Owner: l.Owner,
		Account: l.Instance.Account, Region: l.Instance.Region, Instance: l.Instance.ID, Name: plain(l.Instance.Name),
		Rule: l.Rule, Urgent: l.Urgent, State: l.State, Reason: l.Reason, Because: plain(l.Because),
		Opened: l.OpenedAt.UTC(), Expires: l.ExpiresAt.UTC(), Ended: l.AccessEndedAt.UTC(),
		Overstay: l.Overstay().Seconds(), Sources: prefixStrings(l.Sources),
		Port: l.TargetPort, Duration: l.Duration.Seconds(), Lacks: l.RuleLacks,
	}
	for key, value := range l.RuleTags {
		if e.Tags == nil {
			e.Tags = make(map[string]string)
		}
		e.Tags[plain(key)] = plain(value)
	}
	for _, a := range l.Approved {
		e.Approvers = append(e.Approvers, a.User)
	}
	if billed := l.Billed(); billed > 0 {
		// A millionth of a dollar is enough, and does not show how floats work.
		e.Cost = math.Round(1e6*prices.Cost(l.Instance.Region, billed)) / 1e6
		if math.IsInf(e.Cost, 0) || math.IsNaN(e.Cost) {
			e.Cost = 0 // JSON has neither, and no price may keep an end from being written
		}
	}
	return e
}

// token is what Slack's and AWS's secrets look like. Nobody should type one,
// but who does should not find it in an export.
var token = regexp.MustCompile(`xox[a-z]-[A-Za-z0-9-]+|xapp-[A-Za-z0-9-]+|xoxe\.[A-Za-z0-9.-]+|hooks\.slack\.com/[^\s"]+`)

// plain makes a line of text of what people or AWS say: no line breaks or other
// control characters, no tokens, and no more than maxDetail runes.
func plain(s string) string {
	s = token.ReplaceAllString(strings.ToValidUTF8(s, "\uFFFD"), "[removed]")
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, s)
	if runes := []rune(s); len(runes) > maxDetail {
		s = string(runes[:maxDetail])
	}
	return strings.TrimSpace(s)
}
