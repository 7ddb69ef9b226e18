package bot

import (
	"strings"

	"github.com/slack-go/slack"

	"github.com/sshforward/sshforward"
)

// confirmAbandon says what is known of a lease before it is given up, and asks.
func (v render) confirmAbandon(cmd sshforward.AbandonLease, l *sshforward.Lease, r sshforward.Remains) message {
	title := v.say("Give up lease %s (%s, %s)?", code(l.ID, 20), instance(l.Instance), mention(l.Owner))
	return message{
		Text: title,
		Blocks: withoutNil(
			section("*"+title+"*"),
			section(":warning: "+v.line(l.Unproved(r), 2500)),
			section(v.say("Nothing of that is removed by giving it up. I record that it ended without proof, tell the operators' channel, "+
				"and stop trying. Look into the AWS account yourself. If I see something of it again, I close it again.")),
			small(v.say("Reason: %s", line(cmd.Because, 600))),
			buttons(fromChoice.blockID(l.ID), button(actionAbandon, l.ID+" "+cmd.Because, v.label("Give it up"), v.about(l)).
				WithStyle(slack.StyleDanger)),
		),
	}
}

// abandoned answers who gave a lease up.
func (v render) abandoned(l *sshforward.Lease) message {
	return paragraph(v.say("Given up: lease %s (%s). It is recorded as lost, and nothing was proved.", code(l.ID, 20), instance(l.Instance)))
}

// abandonedBy says who gave a lease up and what became of it.
func (v render) abandonedBy(l *sshforward.Lease) string {
	a := l.Abandoned
	who := v.say("An operator gave it up with the store at hand, %s.", date(a.At))
	if a.By != "" {
		who = v.say("%s gave it up as an admin, %s.", mention(a.By), date(a.At))
	}
	if !a.FoundAt.IsZero() {
		who = v.sentences(who, v.say("Something of it was found in AWS %s, and is removed.", date(a.FoundAt)))
	}
	return who + "\n" + v.say("Reason: %s", line(a.Because, 600))
}

// unproved is what stands in the place of a receipt.
func (v render) unproved(l *sshforward.Lease) string {
	out := []string{v.say("*Nothing was proved*: access may still exist, and it may cost money.")}
	if says := v.line(l.Abandoned.Unseen, 1500); says != "" {
		out = append(out, says)
	}
	if !l.OpenedAt.IsZero() {
		out = append(out, v.say("Opened %s", date(l.OpenedAt)))
	}
	if !l.AccessEndedAt.IsZero() {
		out = append(out, v.say("Access ended %s", date(l.AccessEndedAt)))
	}
	return "\n• " + strings.Join(out, "\n• ")
}

// abandonAlarm tells whoever is on call that a lease was given up, or that
// something of it was found after all.
func (v render) abandonAlarm(l *sshforward.Lease, kind sshforward.NoticeKind) message {
	id, what, owner := code(l.ID, 20), instance(l.Instance), mention(l.Owner)
	if kind == sshforward.NoticeFound {
		return v.leaseMessage(l, v.say(":rotating_light: I see something of lease %s (%s, %s) again, which was given up. I close it.",
			id, what, owner))
	}
	says := v.sentences(v.say(":rotating_light: Lease %s (%s, %s) was given up without proof that access has ended.", id, what, owner),
		v.abandonedBy(l))
	m := v.leaseMessage(l, says)
	m.Blocks[0] = section(says + v.unproved(l))
	return m
}
