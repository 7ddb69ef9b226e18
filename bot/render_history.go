package bot

import (
	"fmt"
	"strings"
	"time"

	"github.com/slack-go/slack"
	"github.com/sshforward/sshforward"
)

// history lists what is over, and what the month has cost.
func (v render) history(past []sshforward.Event, month sshforward.Bill) message {
	if len(past) == 0 {
		return paragraph(v.sentences(v.say("You have had no lease yet that is over."), v.askFor()))
	}
	title := v.say("Your past leases, the newest first")
	blocks := []slack.Block{section("*" + title + "*")}
	room := maxBlockText
	for i, e := range past {
		next := v.withAgain(v.pastLease(e), e, i)
		room -= textIn(next)
		if i == maxBlocks-3 || room < 0 { // for the count and the sum
			blocks = append(blocks, small(v.say("and %d more.", len(past)-i)))
			break
		}
		blocks = append(blocks, next)
	}
	blocks = append(blocks, small(v.month(month)))
	return message{Text: title, Blocks: blocks}
}

// pastLease is one lease that is over, in two lines.
func (v render) pastLease(e sshforward.Event) string {
	s := instance(sshforward.Instance{ID: e.Instance, Name: e.Name}) + " · " + v.say("Lease %s", code(e.Lease, 20))
	if e.Urgent {
		s += " · " + v.say(":rotating_light: urgent")
	}
	var facts []string
	end := endOf(e)
	if e.Opened.IsZero() {
		facts = append(facts, v.say("over %s", date(end)))
	} else {
		facts = append(facts, v.say("from %s to %s", date(e.Opened), date(end)), v.approx(end.Sub(e.Opened)))
	}
	if e.Reason != "" {
		facts = append(facts, v.reasonWord(e.Reason))
	}
	if e.Cost > 0 {
		facts = append(facts, v.dollars(e.Cost))
	}
	s += "\n" + strings.Join(facts, " · ")
	if why := line(e.Because, 200); why != "" {
		s += "\n" + v.say("*Reason:* %s", why)
	}
	return s
}

// endOf is when access ended or, if there never was any, the request.
func endOf(e sshforward.Event) time.Time {
	if e.Ended.IsZero() {
		return e.At
	}
	return e.Ended
}

// month sums up a calendar month.
func (v render) month(m sshforward.Bill) string {
	if m.Leases == 0 {
		return v.say("This month (UTC): none.")
	}
	return v.sayN("This month (UTC): %d lease, %s.", "This month (UTC): %d leases, %s.", m.Leases, m.Leases, v.dollars(m.Cost))
}

// withAgain is a text about a lease that is over, with the button that asks for
// the same once more. A lease that is listed twice has two of them, so the place
// in the list tells them apart.
func (v render) withAgain(says string, e sshforward.Event, place int) slack.Block {
	if _, ok := sshforward.ParseID(e.Lease); !ok {
		return section(says)
	}
	b := slack.NewSectionBlock(mrkdwn(says, maxSection), nil,
		slack.NewAccessory(v.againButton(e.Lease, sshforward.Instance{ID: e.Instance, Name: e.Name})))
	b.BlockID = fmt.Sprintf("%s.%d", fromHistory.blockID(e.Lease), place)
	return b
}

// past lists leases that are over, a line each.
func (v render) past(events []sshforward.Event, most int) []slack.Block {
	var out []slack.Block
	for i, e := range events {
		if i == most {
			out = append(out, small(v.say("and %d more.", len(events)-i)))
			break
		}
		what := instance(sshforward.Instance{ID: e.Instance, Name: e.Name})
		s := v.say("%s until %s, lease %s", what, date(endOf(e)), code(e.Lease, 20))
		if e.Reason != "" {
			s += " · " + v.reasonWord(e.Reason)
		}
		if e.Cost > 0 {
			s += " · " + v.dollars(e.Cost)
		}
		out = append(out, v.withAgain(s, e, i))
	}
	return out
}
