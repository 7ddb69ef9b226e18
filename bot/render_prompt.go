package bot

import (
	"fmt"
	"slices"
	"strings"

	"github.com/slack-go/slack"

	"github.com/sshforward/sshforward"
)

// prompt asks the requester, and nobody else, for a yes.
func (v render) prompt(l *sshforward.Lease) message {
	text := fmt.Sprintf("Open SSH to %s for %s? Lease %s", instance(l.Instance), sshforward.FormatDuration(l.Duration), escape(l.ID))
	blocks := fill(
		section("*Open SSH to "+instance(l.Instance)+"?*"),
		fields(
			"Instance", v.place(l),
			"Duration", sshforward.FormatDuration(l.Duration)+", from when it is ready",
			"From", sources(l),
			"Port", ports(l),
			"Cost", dollars(v.prices.Cost(l.Instance.Region, l.Duration)),
			"Approval", approval(l),
		),
		because(l),
		notes(l),
		buttons(fromPrompt.blockID(l.ID),
			button(actionConfirm, l.ID, "Open").WithStyle(slack.StylePrimary),
			button(actionCancel, l.ID, "Cancel")),
		small("Lease "+code(l.ID, 20)+" · asked for by "+user(l.Owner)+confirmBy(l)),
	)
	return message{Text: text, Blocks: blocks}
}

// confirmed takes the prompt's place.
func (v render) confirmed(l *sshforward.Lease) message {
	id := code(l.ID, 20)
	switch l.State {
	case sshforward.Pending:
		return just("Waiting for approval of " + instance(l.Instance) + ", lease " + id + ". " + v.cardIs(l))
	case sshforward.Opening:
		return just("Opening " + instance(l.Instance) + ", lease " + id + ". " + v.cardIs(l))
	}
	return just("Lease " + id + " for " + instance(l.Instance) + " " + stateWords(l) + ". " + v.cardIs(l))
}

// cardIs says where the card is or, as well as it can be known before it is
// posted, will be.
func (v render) cardIs(l *sshforward.Lease) string {
	at := l.Card.Channel
	if at == "" {
		other := "your direct messages with me"
		if v.channel != "" {
			other = "<#" + escape(v.channel) + ">"
		}
		if l.Direct {
			return "The card comes into " + other + "."
		}
		return "The card comes into this channel or, if I may not post here, into " + other + "."
	}
	switch {
	case at == l.Channel:
		return "The card is here in this channel."
	case strings.HasPrefix(at, "D"):
		return "The card is in your direct messages with me."
	}
	return "The card is in <#" + escape(at) + ">."
}

// instance names one, so that nobody takes it for another.
func instance(in sshforward.Instance) string {
	if in.Name == "" {
		return code(in.ID, 40)
	}
	return code(in.Name, 80) + " (" + line(in.ID, 40) + ")"
}

// place says where the instance is.
func (render) place(l *sshforward.Lease) string {
	in := l.Instance
	return line(in.ID, 40) + "\n" + address(in) + " in " + line(in.Zone, 40) + "\n" + account(in)
}

func address(in sshforward.Instance) string {
	if !in.PrivateIP.IsValid() {
		return "no private address"
	}
	return in.PrivateIP.String()
}

func account(in sshforward.Instance) string {
	return line(in.Account, 60) + ", " + line(in.Region, 40)
}

func sources(l *sshforward.Lease) string {
	return line(sshforward.FormatSources(l.Sources), 500)
}

func ports(l *sshforward.Lease) string {
	if l.ListenerPort == l.TargetPort {
		return fmt.Sprint(l.ListenerPort)
	}
	return fmt.Sprintf("%d, which is %d on the instance", l.ListenerPort, l.TargetPort)
}

func approval(l *sshforward.Lease) string {
	if l.Approvals == 0 {
		return "not needed"
	}
	return fmt.Sprintf("%d of %s", l.Approvals, who(l.Approvers, 10, "and"))
}

// because is nil when no reason was given.
func because(l *sshforward.Lease) slack.Block {
	if strings.TrimSpace(l.Because) == "" {
		return nil
	}
	return section("*Reason:* " + line(l.Because, 2900))
}

// notes are what could not be checked; nil if everything was.
func notes(l *sshforward.Lease) slack.Block {
	all := append(append([]sshforward.Text(nil), l.Notes...), l.Placement.Notes...)
	var out []string
	for _, n := range all {
		if s := line(n.String(), 300); s != "" && len(out) < 6 && !slices.Contains(out, "• "+s) {
			out = append(out, "• "+s)
		}
	}
	if len(out) == 0 {
		return nil
	}
	return small("Not checked:\n" + strings.Join(out, "\n"))
}

func confirmBy(l *sshforward.Lease) string {
	if l.ConfirmBy.IsZero() {
		return ""
	}
	return " · good until " + date(l.ConfirmBy)
}
