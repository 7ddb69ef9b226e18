package bot

import (
	"strings"

	"github.com/slack-go/slack"

	"github.com/sshforward/sshforward"
)

func (v render) helpButton(l *sshforward.Lease) *slack.ButtonBlockElement {
	return button(actionHelp, l.ID, v.label("Cannot get in?"), v.about(l))
}

// cannotGetIn says what AWS sees, and what it cannot see, the likeliest first.
func (v render) cannotGetIn(h sshforward.Help) message {
	title := v.say("What I can see of %s", instance(h.Lease.Instance))
	sees := []string{v.seesHealth(h), v.seesChange(h), v.seesSource(h)}
	var causes []string
	for i, cause := range v.causes(h) {
		causes = append(causes, v.say("%d. %s", i+1, cause))
	}
	return message{
		Text: v.ofLease(title, h.Lease),
		Blocks: withoutNil(
			section("*"+title+"*\n• "+strings.Join(sees, "\n• ")),
			section("*"+v.say("What it most likely is")+"*\n"+strings.Join(causes, "\n")),
			v.cannotRow(h.Lease),
			v.leaseID(h.Lease),
		),
	}
}

// cannotRow offers its owner to come from another address, and others to ask for
// the same from theirs.
func (v render) cannotRow(l *sshforward.Lease) slack.Block {
	if l.State == sshforward.Open && v.reader == l.Owner {
		return buttons(fromNowhere.blockID(l.ID), v.fromButton(l))
	}
	return buttons(fromNowhere.blockID(l.ID), button(actionAgain, l.ID, v.label("From another address"), v.about(l)))
}

func (v render) seesHealth(h sshforward.Help) string {
	switch {
	case h.Health == nil:
		return v.say("I could not ask for the health of the instance just now.")
	case h.Health.InService:
		return v.say(":large_green_circle: The load balancer gets through to port %d of the instance.", h.Lease.TargetPort)
	case h.Health.State != "" && h.Health.State != "running":
		return v.say(":warning: The instance is %s.", line(h.Health.State, 40))
	}
	return v.sentences(v.say(":warning: The load balancer does not get through to the instance."), v.line(h.Health.Why, 600))
}

func (v render) seesChange(h sshforward.Help) string {
	f := h.Found
	switch {
	case f == nil:
		return v.say("I could not list what the lease has in AWS just now.")
	case !h.Changed():
		return v.say("Nothing has changed of what I made in AWS.")
	case !f.Balancer || !f.Group:
		return v.say(":warning: Somebody deleted its load balancer or its security group; I close this access at the next look.")
	case f.Widened:
		return v.say(":warning: Somebody widened its security group; I narrow it at the next look.")
	}
	return v.say(":warning: Somebody removed a rule or the registration; I put it back at the next look.")
}

func (v render) seesSource(h sshforward.Help) string {
	in := sources(h.Lease)
	if h.Found != nil {
		in = line(sshforward.FormatSources(h.Found.Ingress), 500)
	}
	switch {
	case in == "":
		return v.say(":warning: It lets nobody in.")
	case h.Elsewhere():
		return v.say(":warning: It lets in %s, and your saved address is %s.", in, line(sshforward.FormatSources(h.Sources), 500))
	}
	return v.say("It lets in %s and nobody else.", in)
}

// causes are three, the likeliest first: by what was seen, and else in the order
// in which they happen.
func (v render) causes(h sshforward.Help) []string {
	l := h.Lease
	host := v.say("*The host does not answer*: sshd does not listen on port %d, "+
		"or a firewall of the host or a network ACL keeps the public subnet out.", l.TargetPort)
	elsewhere := v.say("*ssh times out*: you come from another address than %s, or your network lets nothing out to port %d. "+
		"%s shows your address, and the button below is for another one.",
		sources(l), l.ListenerPort, "`curl https://checkip.amazonaws.com`")
	closed := v.say("*ssh is closed at once*: sshd turns away whoever comes through the load balancer, " +
		"after failed logins (fail2ban, PerSourcePenalties) or with too many at a time (MaxStartups).")
	denied := v.say("*Permission denied*: %s is not the user, or the host does not know your key. It is not the load balancer then.",
		code(l.SSHUser, 40))
	if h.Health != nil && !h.Health.InService {
		return []string{host, elsewhere, closed}
	}
	return []string{elsewhere, closed, denied}
}
