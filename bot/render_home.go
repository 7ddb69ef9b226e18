package bot

import (
	"time"

	"github.com/slack-go/slack"

	"github.com/sshforward/sshforward"
)

// What Home has room for; a view takes 100 blocks. Each lease takes two, each past
// one takes one, and eighteen are left for the rest.
const (
	homeWaiting = 18
	homeMine    = 18
	homePast    = 10
)

// home is a person's home tab.
func (v render) home(c sshforward.Caller, o sshforward.Overview, now time.Time) []slack.Block {
	out := v.homeTop()
	if len(o.Waiting) > 0 {
		out = append(out, header(v.say("Waiting for your decision: %d", len(o.Waiting))))
		out = append(out, v.homeLeases(o.Waiting, homeWaiting, true, v.decisionRow)...)
	}
	out = append(out, header(v.say("Your leases: %d", len(o.Leases))))
	if len(o.Leases) == 0 {
		out = append(out, section(v.say("You have no lease.")))
	}
	out = append(out, v.homeLeases(o.Leases, homeMine, false, func(l *sshforward.Lease) slack.Block { return v.rowOf(fromHome, l) })...)
	out = append(out, header(v.say("Your source address")), v.homeSource(o.Sources))
	if len(o.Past) > 0 || o.Month.Leases > 0 {
		out = append(out, header(v.say("Past leases")), section(v.month(o.Month)))
		out = append(out, v.past(o.Past, homePast)...)
	}
	return append(out, small(v.say("As of %s.", date(now))))
}

func (v render) homeTop() []slack.Block {
	return []slack.Block{
		section(v.say("*A plain SSH connection to one private instance, for a while, from your address only.*")),
		buttons("home.top", button(actionForm, "", v.label("Open SSH access"), v.say("shows a form")).WithStyle(slack.StylePrimary)),
		small(v.say("I read no messages: only the command %s and the buttons here and on cards work.", code(Slash, 50))),
	}
}

// homeUnavailable is Home when the keeper does not say what is in it.
func (v render) homeUnavailable(err error) []slack.Block {
	return append(v.homeTop(), section(":warning: "+v.failure(err).Text))
}

func header(s string) slack.Block { return slack.NewHeaderBlock(plain(s, 150)) }

// homeLeases shows leases, most of them at most, and says how many it leaves out.
func (v render) homeLeases(leases []*sshforward.Lease, most int, owners bool, row func(*sshforward.Lease) slack.Block) []slack.Block {
	var out []slack.Block
	seen := map[string]bool{} // two rows of the same name would cost the whole view
	for i, l := range leases {
		if i == most {
			out = append(out, small(v.say("%d more are not shown here; %s has all.", len(leases)-i, code(Slash+" list all", 50))))
			break
		}
		out = append(out, section(v.homeLease(l, owners)))
		if !seen[l.ID] {
			seen[l.ID] = true
			out = append(out, withoutNil(row(l))...)
		}
	}
	return out
}

// homeLease is a lease in a few lines, with what is asked for.
func (v render) homeLease(l *sshforward.Lease, owners bool) string {
	s := v.summary(l, owners)
	if l.Asked.Pending() {
		s += "\n" + v.sentences(v.say("%s asks for %s more.", mention(l.Asked.User), v.span(l.Asked.By)), v.extensionCost(l))
	}
	if !owners && l.State == sshforward.Open {
		s += "\n" + commandBlock(l)
	}
	if owners && l.Claimed() {
		s += "\n" + v.say(":eyes: %s is looking at it since %s.", mention(l.Claim.User), date(l.Claim.At))
	}
	if owners && l.Because != "" {
		s += "\n" + v.say("Reason: %s", line(l.Because, 500))
	}
	return s
}

// decisionRow is the row of buttons for whoever may decide about the lease or
// about the extension that is asked for.
func (v render) decisionRow(l *sshforward.Lease) slack.Block {
	switch {
	case l.Asked.Pending():
		return buttons(fromWaiting.blockID(l.ID), v.decision(l, l.Asked.By)...)
	case l.State == sshforward.Pending:
		return buttons(fromWaiting.blockID(l.ID), v.decision(l, 0)...)
	}
	return nil
}
