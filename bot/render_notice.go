package bot

import (
	"fmt"
	"time"

	"github.com/sshforward/sshforward"
)

// notice is a message in the card's thread; an empty one if there is nothing
// left to say: what a late notice would announce is over.
func (v render) notice(l *sshforward.Lease, n sshforward.Notice, now time.Time) message {
	what := instance(l.Instance)
	id := small("Lease " + code(l.ID, 20))
	switch n.Kind {
	case sshforward.NoticeReady:
		if l.State != sshforward.Open {
			return message{}
		}
		return message{
			Text: user(l.Owner) + " " + what + " is open: " + trim(escape(l.SSHCommand()), 1500) + " Lease " + escape(l.ID),
			Blocks: fill(section(user(l.Owner)+" "+what+" is open. Paste this into your terminal:\n"+v.body(l)),
				id),
		}
	case sshforward.NoticeReminder:
		if l.State != sshforward.Open {
			return message{}
		}
		says := user(l.Owner) + " access to " + what + " ends " + left(l.ExpiresAt.Sub(now)) + ", " + date(l.ExpiresAt) + "."
		if l.Max > 0 && extendable(l) == 0 {
			says += " That is the longest the rule allows."
		}
		return message{
			Text:   says + " Lease " + escape(l.ID),
			Blocks: fill(section(says), rowOf(fromReminder, l), id),
		}
	case sshforward.NoticeEnded:
		says := user(l.Owner) + " access to " + what + " has ended. " + reasonWords(l)
		return message{Text: says + " Lease " + escape(l.ID), Blocks: fill(section(says+v.receipt(l)), id)}
	case sshforward.NoticeFailed:
		says := user(l.Owner) + " " + what + " could not be opened. " + line(l.Why.String(), 1500)
		rest := "What was made of it is being removed."
		if l.State == sshforward.Closed {
			rest = "Nothing of it is left."
		}
		return message{
			Text: says + " Lease " + escape(l.ID),
			Blocks: fill(section(says),
				section(rest+" To try again: "+code(Slash+" "+formatCommand(again(l)), 2500)+". If it says the same, ask the operator."), id),
		}
	case sshforward.NoticeApproval:
		if l.State != sshforward.Pending {
			return message{}
		}
		says := who(l.Approvers, 10, "or") + " " + user(l.Owner) + " asks for access to " + what + " for " +
			sshforward.FormatDuration(l.Duration) + " and waits for your decision" + until(l.ApproveBy) + ". The buttons are on the card."
		return message{Text: says + " Lease " + escape(l.ID), Blocks: fill(section(says), because(l), id)}
	case sshforward.NoticeRebuilt:
		says := user(l.Owner) + " I lost my records and found your access to " + what + " in AWS. It goes on as promised. " + ends(l)
		return message{Text: says + " Lease " + escape(l.ID), Blocks: fill(section(says), rowOf(fromReminder, l), id)}
	case sshforward.NoticeMended:
		return told(l, ":wrench: "+user(l.Owner)+" somebody removed a rule that access to "+what+" needs. I have put it back once; if it goes again, I close.")
	case sshforward.NoticeNarrowed:
		return told(l, ":rotating_light: Somebody had widened the security group of lease "+code(l.ID, 20)+" ("+what+", "+user(l.Owner)+"). It lets in "+sources(l)+" alone again.")
	case sshforward.NoticeStuck:
		return told(l, ":rotating_light: Lease "+code(l.ID, 20)+" ("+what+", "+user(l.Owner)+") is stuck while "+string(l.State)+": the work on it keeps failing. It costs money and may be an open door. I keep trying. "+line(l.LastError.String(), 1500))
	case sshforward.NoticeFreed:
		return told(l, ":white_check_mark: Lease "+code(l.ID, 20)+" ("+what+", "+user(l.Owner)+") is not stuck any more. It is "+string(l.State)+".")
	}
	return message{}
}

// told is a notice of one sentence.
func told(l *sshforward.Lease, says string) message {
	return message{Text: says, Blocks: fill(section(says), small("Lease "+code(l.ID, 20)))}
}

// again is the command that asks for the same once more.
func again(l *sshforward.Lease) sshforward.OpenLease {
	c := sshforward.OpenLease{Instance: l.Instance.ID, Duration: l.Duration, Sources: l.Sources, Because: l.Because}
	if l.TargetPort != 22 {
		c.Port = l.TargetPort
	}
	return c
}

// left is the time that is left, for a sentence.
func left(d time.Duration) string {
	switch m := int((d + 30*time.Second) / time.Minute); {
	case d <= 0:
		return "now"
	case d < time.Minute:
		return fmt.Sprintf("in %d seconds", max(1, int(d.Round(time.Second)/time.Second)))
	case m == 1:
		return "in 1 minute"
	default:
		return fmt.Sprintf("in %d minutes", m)
	}
}

// overtaken takes the place of a reminder whose buttons were not pressed, once
// the lease is not any more as it says.
func (v render) overtaken(l *sshforward.Lease) message {
	what := "access to " + instance(l.Instance)
	says := "The end of " + what + " has moved. "
	switch {
	case l.State == sshforward.Open && l.Extended.User != "":
		says = user(l.Extended.User) + " extended " + what + ". " + ends(l)
	case l.State == sshforward.Open:
		says += ends(l)
	case l.State == sshforward.Closing && l.AccessEndedAt.IsZero():
		says = "Ending " + what + ". " + reasonWords(l)
	default:
		says = "Over: " + what + " has ended. " + reasonWords(l)
	}
	return message{Text: says, Blocks: fill(section(says), small("Lease "+code(l.ID, 20)))}
}

// reminded takes the reminder's place once a button in it was pressed.
func (v render) reminded(c sshforward.Caller, cmd sshforward.Command, l *sshforward.Lease) message {
	id := small("Lease " + code(l.ID, 20))
	if _, ok := cmd.(sshforward.ExtendLease); ok && l.State == sshforward.Open {
		says := user(c.User) + " extended access to " + instance(l.Instance) + ". " + ends(l)
		return message{Text: says, Blocks: fill(section(says), id)}
	}
	says := user(c.User) + " ends access to " + instance(l.Instance) + "."
	return message{Text: says, Blocks: fill(section(says), id)}
}
