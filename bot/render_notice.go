package bot

import (
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/slack-go/slack"

	"github.com/sshforward/sshforward"
)

// notice is a message in the card's thread; an empty one if there is nothing
// left to say: what a late notice would announce is over.
func (v render) notice(l *sshforward.Lease, n sshforward.Notice, now time.Time) message {
	what, owner := instance(l.Instance), mention(l.Owner)
	switch n.Kind {
	case sshforward.NoticeReady:
		if l.State == sshforward.Open {
			return v.ready(l)
		}
		return message{}
	case sshforward.NoticeCommand:
		if l.State == sshforward.Open {
			return v.command(l)
		}
		return message{}
	case sshforward.NoticeReminder:
		if l.State == sshforward.Open {
			says := v.say("%s: access to %s ends %s, %s.", owner, what, v.timeLeft(l.ExpiresAt.Sub(now)), date(l.ExpiresAt))
			if l.Max > 0 && extendable(l) == 0 {
				says = v.sentences(says, v.say("That is the longest the rule allows."))
			}
			return v.leaseMessage(l, says, v.rowOf(fromReminder, l))
		}
	case sshforward.NoticeEnded:
		says := v.say("%s: access to %s has ended.", owner, what)
		if l.Abandoned.Standing() {
			says = v.say("%s: your access to %s was given up.", owner, what)
		}
		if l.OpenedAt.IsZero() {
			says = v.say("%s: your request for access to %s is over.", owner, what)
		}
		says = v.sentences(says, v.endReason(l))
		m := v.leaseMessage(l, says)
		m.Blocks[0] = section(says + v.receipt(l))
		return m
	case sshforward.NoticeFailed:
		return v.unopened(l)
	case sshforward.NoticeApproval, sshforward.NoticeNudge, sshforward.NoticeAsked:
		return v.askApprovers(l, n, now)
	case sshforward.NoticeRefused:
		if l.State == sshforward.Open && l.Asked.DeniedBy != "" {
			return v.refused(l, true)
		}
	case sshforward.NoticeRebuilt:
		says := v.say("%s: I lost my records and found your access to %s in AWS. It goes on as promised.", owner, what)
		return v.leaseMessage(l, v.sentences(says, v.ends(l)), v.rowOf(fromReminder, l))
	case sshforward.NoticeMended:
		return v.leaseMessage(l, v.say(":wrench: %s: somebody removed a rule that access to %s needs. "+
			"I have put it back once; if it is removed again, I close this access.", owner, what))
	case sshforward.NoticeShortened:
		if l.State == sshforward.Open {
			says := v.say("%s: policy allows less time now than your access to %s had.", owner, what)
			return v.leaseMessage(l, v.sentences(says, v.ends(l)), v.rowOf(fromReminder, l))
		}
	case sshforward.NoticeOutage:
		return v.outageNotice(l)
	case sshforward.NoticeMoved:
		return v.moved(l)
	case sshforward.NoticeBack:
		if l.State == sshforward.Open {
			return v.leaseMessage(l, v.say(":white_check_mark: %s: %s can be reached again.", owner, what))
		}
		return message{}
	case sshforward.NoticeReview:
		return v.review(l)
	}
	return v.alarm(l, n)
}

// refused tells the requester that there is no extension and, while that is so,
// when access ends.
func (v render) refused(l *sshforward.Lease, open bool) message {
	a, end := l.Asked, ""
	if open {
		end = v.ends(l)
	}
	says := v.say("%s: the extension of your access to %s by %s was denied by %s.",
		mention(a.User), instance(l.Instance), v.span(a.By), mention(a.DeniedBy))
	return v.leaseMessage(l, v.sentences(says, end, v.denierReason(a.DeniedFor)))
}

// alarm is a notice for whoever is on call.
func (v render) alarm(l *sshforward.Lease, n sshforward.Notice) message {
	id, what, owner := code(l.ID, 20), instance(l.Instance), mention(l.Owner)
	switch n.Kind {
	case sshforward.NoticeNarrowed:
		if l.OpenedAt.IsZero() {
			return v.leaseMessage(l, v.say(":rotating_light: Somebody had opened the security group of lease %s (%s, %s), "+
				"of which a yes is missing. "+
				"It lets in nobody again, and whoever came in was cut off.", id, what, owner))
		}
		return v.leaseMessage(l, v.say(":rotating_light: Somebody had widened lease %s (%s, %s): its security group let in more, "+
			"or its load balancer led to other instances too. It leads from %s to its own instance alone again.",
			id, what, owner, sources(l)))
	case sshforward.NoticeReshaped:
		return v.leaseMessage(l, v.say(":rotating_light: Somebody gave the load balancer of lease %s (%s, %s) other security groups "+
			"or listeners, or put another in its place. Who got in through it is not known. I close the lease.", id, what, owner))
	case sshforward.NoticeRetagged:
		return v.leaseMessage(l, v.say(":rotating_light: Somebody had changed the tags of lease %s (%s, %s) in AWS. "+
			"They say again what my records say.", id, what, owner))
	case sshforward.NoticeStuck:
		says := v.say(":rotating_light: Lease %s (%s, %s) is stuck while %s: the work on it keeps failing. "+
			"It costs money and may be an open door. I keep trying.", id, what, owner, v.stateWord(l.State))
		return v.leaseMessage(l, v.sentences(says, v.line(l.LastError, 1500)))
	case sshforward.NoticeFreed:
		return v.leaseMessage(l, v.say(":white_check_mark: Lease %s (%s, %s) is not stuck any more. It is %s.",
			id, what, owner, v.stateWord(l.State)))
	case sshforward.NoticeRejected:
		says := v.say(":rotating_light: I end lease %s (%s, %s): policy would not let it in any more.", id, what, owner)
		return v.leaseMessage(l, v.sentences(says, v.line(l.Why, 1500)))
	case sshforward.NoticeAbandoned, sshforward.NoticeFound:
		return v.abandonAlarm(l, n.Kind)
	case sshforward.NoticeUnjudged:
		return v.leaseMessage(l, v.sentences(v.say(":rotating_light: I cannot tell whether policy would still let in lease %s (%s, %s): "+
			"Slack or AWS does not answer. It runs to its end, and I keep asking.", id, what, owner), v.ends(l)))
	case sshforward.NoticeUrgent:
		says := v.say(":rotating_light: Urgent: %s opens %s for %s without approval.", owner, what, v.span(l.Duration))
		if len(l.Approvers) > 0 {
			says = v.say(":rotating_light: Urgent: %s opens %s for %s without the approval of %s.",
				owner, what, v.span(l.Duration), v.anyOf(l.Approvers))
		}
		return v.leaseMessage(l, v.sentences(says, v.say("It will be reviewed when it has ended.")), v.because(l), v.facts(l))
	}
	return message{}
}

// review asks whether an urgent lease that is over was right.
func (v render) review(l *sshforward.Lease) message {
	says := v.say("Please review this: %s had access to %s without approval.", mention(l.Owner), instance(l.Instance))
	if len(l.Approvers) > 0 {
		says = v.say("%s: please review this: %s had access to %s without approval.",
			v.allOf(l.Approvers), mention(l.Owner), instance(l.Instance))
	}
	m := v.leaseMessage(l, says, v.because(l), v.facts(l))
	if over := v.endReason(l) + v.receipt(l); over != "" {
		m.Blocks = slices.Insert(m.Blocks, 1, section(over))
	}
	return m
}

// ready says that it is open. The command is in the message after it.
func (v render) ready(l *sshforward.Lease) message {
	says := v.say("%s: %s is open.", mention(l.Owner), instance(l.Instance))
	hint := v.say("Paste this into your terminal:") + v.nameHint(l)
	return v.leaseMessage(l, v.sentences(says, v.ends(l)), v.knownHosts(l), section(hint))
}

// command is the ssh command alone, so that a phone copies nothing else.
func (v render) command(l *sshforward.Lease) message {
	return message{Text: trim(escape(l.SSHCommand()), 1500), Blocks: []slack.Block{section(commandBlock(l))}}
}

const (
	maxHostKeys    = 5
	maxHostKeyText = 1500 // runes
)

// hostKey is a line that may be pasted into known_hosts: who can write to an
// instance's console could put anything there.
var hostKey = regexp.MustCompile(`^[a-z0-9@.-]{3,60} [A-Za-z0-9+/]{16,}={0,3}$`)

// knownHosts offers the instance's host keys; nil if they are not known.
func (v render) knownHosts(l *sshforward.Lease) slack.Block {
	var out []string
	length := 0
	for key := range strings.Lines(l.Resources.HostKeys) {
		key = strings.Join(strings.Fields(key), " ")
		all := line(l.KeyAlias(), 253) + " " + key
		if length += utf8.RuneCountInString(all) + 1; !hostKey.MatchString(key) || len(out) == maxHostKeys || length > maxHostKeyText {
			continue
		}
		out = append(out, all)
	}
	if len(out) == 0 {
		return nil
	}
	says := v.say("The instance's host keys, for %s: HostKeyAlias in the command makes ssh look for exactly this name.",
		"`~/.ssh/known_hosts`")
	return section(says + "\n```" + strings.Join(out, "\n") + "```")
}

func (v render) unopened(l *sshforward.Lease) message {
	rest := v.say("What was made of it is being removed.")
	if l.State == sshforward.Closed {
		rest = v.say("Nothing of it is left.")
	}
	says := v.say("%s: %s could not be opened.", mention(l.Owner), instance(l.Instance))
	again := v.say("If it fails again for the same reason, ask the operator.")
	return v.leaseMessage(l, v.sentences(says, v.line(l.Why, 1500)), section(v.sentences(rest, again)),
		buttons(fromReminder.blockID(l.ID), button(actionAgain, l.ID, v.label("Try again"), v.about(l))))
}
