package bot

import (
	"strings"

	"github.com/sshforward/sshforward"
)

// render makes messages. Its methods are pure; everything people read is in
// the render_*.go files and nowhere else, which is where another language
// goes.
type render struct {
	*language
	prices  sshforward.Prices
	channel string // where cards go that cannot go where they were asked for
	reader  string // the one person who sees it; empty: a channel does
}

func (v render) help() message {
	command := func(usage, says string) string { return "`" + Slash + " " + escape(usage) + "`\n" + says }
	return message{
		Text: v.say("How to use %s", Slash),
		Blocks: fill(
			section(v.say("*A plain SSH connection to one private instance, for a while, from your address only.*")),
			section(strings.Join([]string{
				command(v.say("open <instance> [<duration>] [from <address>] [port <n>] [urgent] [because <reason>]"),
					v.say("Ask for it. The instance is an id or a Name tag; a duration looks like 45s, 90m, 2h, 1h30m or 1d. Without an instance, or with nothing at all, I show you a form. %s asks to go without approval, where the rules allow that.", "`urgent`")),
				command("list [all]", v.say("Your leases, or everybody's.")),
				command(v.say("extend <lease or instance> <duration>"), v.say("More time; the session goes on.")),
				command(v.say("close [<lease or instance> | all]"), v.say("End it now.")),
				command(v.say("show <lease>"), v.say("Everything about one lease, also a closed one.")),
				command(v.say("ip [<address> | clear]"), v.say("Remember the address you connect from, so that you need not type it.")),
				command("history", v.say("Your past leases, and what they cost this month.")),
			}, "\n")),
			small(v.say("For example %s", inCode(Slash+" open i-0123456789abcdef0 2h from "+exampleSource+" "+v.say("because disk is full")))),
		),
	}
}

func (v render) restarting() message {
	return just(v.say("I am restarting. Try again in a few seconds."))
}

func (v render) otherTeam() message {
	return just(v.say("I only take commands from people of the workspace I am installed in."))
}

// failure is an error as its cause is told to people: the sentence alone.
func (v render) failure(err error) message {
	return just(trim(escape(v.text(sshforward.ErrorMessage(err))), 2900))
}

// tooLong is the error for a command that was given up.
func (render) tooLong(cause error) error {
	return &sshforward.Error{Code: sshforward.EUNAVAILABLE, Err: cause,
		Message: sshforward.Textf("That took too long, and I do not know whether it was done. Look with `/sshforward list`.")}
}

// notALease is the error for a button whose value nobody of us wrote.
func notALease(ok bool) error {
	if ok {
		return nil
	}
	return &sshforward.Error{Code: sshforward.EINVALID,
		Message: sshforward.Textf("I cannot read this button. Look with `/sshforward list` for what there is.")}
}

// address answers the ip command.
func (v render) address(c sshforward.SetSource, r sshforward.Reply) message {
	saved := escape(sshforward.FormatSources(r.Sources))
	switch {
	case c.Clear:
		return just(v.say("Your source address is forgotten. Give it with each command: %s.", "`"+Slash+" open i-0123456789abcdef0 1h from "+exampleSource+"`"))
	case len(c.Sources) > 0:
		return just(v.say("Saved. Your leases are for %s unless you say otherwise with %s.", saved, "`from`"))
	case len(r.Sources) > 0:
		return just(v.say("Your saved source address is %s. %s forgets it.", saved, "`"+Slash+" ip clear`"))
	}
	return just(v.say("You have saved no source address. Save the public one you connect from: %s.", "`"+Slash+" ip "+exampleSource+"`"))
}

// reply answers a command that was not refused.
func (v render) reply(c sshforward.Caller, cmd sshforward.Command, r sshforward.Reply) message {
	switch {
	case r.Choose && len(r.Instances) > 0:
		open, _ := cmd.(sshforward.OpenLease)
		return v.chooseInstance(open, r.Instances)
	case r.Choose:
		return v.chooseLease(cmd, r.Leases)
	}
	l := r.Lease
	switch cmd := cmd.(type) {
	case sshforward.SetSource:
		return v.address(cmd, r)
	case sshforward.ShowHistory:
		return v.history(r.Past, r.Month)
	case sshforward.ListLeases:
		return v.list(c, cmd.All, r.Leases)
	case sshforward.CloseLease:
		if l == nil {
			return v.closedAll(r.Leases)
		}
		return v.closing(l)
	case sshforward.OpenLease, sshforward.ShowLease:
		if l != nil {
			return v.lease(c, l)
		}
	case sshforward.ConfirmLease:
		if l != nil {
			return v.confirmed(l)
		}
	case sshforward.CancelLease:
		if l != nil {
			return just(v.say("Cancelled. Nothing was opened. Lease %s.", code(l.ID, 20)))
		}
		return just(v.say("Cancelled."))
	case sshforward.ExtendLease:
		if l != nil {
			return v.extended(l)
		}
	}
	return just(v.say("Done."))
}
