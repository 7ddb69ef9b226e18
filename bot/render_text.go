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
}

func (render) help() message {
	command := func(usage, says string) string { return "`" + Slash + " " + escape(usage) + "`\n" + says }
	return message{
		Text: "How to use " + Slash,
		Blocks: fill(
			section("*A plain SSH connection to one private instance, for a while, from your address only.*"),
			section(strings.Join([]string{
				command("open <instance> [<duration>] [from <address>] [port <n>] [urgent] [because <reason>]",
					"Ask for it. The instance is an id or a Name tag; a duration looks like 45s, 90m, 2h, 1h30m or 1d. Without an instance, or with nothing at all, I show you a form. `urgent` asks to go without approval, where the rules allow that."),
				command("list [all]", "Your leases, or everybody's."),
				command("extend <lease or instance> <duration>", "More time; the session goes on."),
				command("close [<lease or instance> | all]", "End it now."),
				command("show <lease>", "Everything about one lease, also a closed one."),
				command("ip [<address> | clear]", "Remember the address you connect from, so that you need not type it."),
				command("history", "Your leases that are over, and what they cost."),
			}, "\n")),
			small("For example "+inCode(Slash+" open i-0123456789abcdef0 2h from "+exampleSource+" because disk is full")),
		),
	}
}

func (v render) restarting() message {
	return just(v.say("I am just restarting. Try again in a few seconds."))
}

func (render) otherTeam() message {
	return just("I only take commands from people of the workspace I am installed in.")
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
func (render) address(c sshforward.SetSource, r sshforward.Reply) message {
	saved := escape(sshforward.FormatSources(r.Sources))
	switch {
	case c.Clear:
		return just("Your source address is forgotten. Give it with each command: `" + Slash + " open i-0123456789abcdef0 1h from " + exampleSource + "`.")
	case len(c.Sources) > 0:
		return just("Saved. Your leases are for " + saved + " unless you say otherwise with `from`.")
	case len(r.Sources) > 0:
		return just("Your saved source address is " + saved + ". `" + Slash + " ip clear` forgets it.")
	}
	return just("You have saved no source address. Save the public one you connect from: `" + Slash + " ip " + exampleSource + "`.")
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
	case sshforward.ShowHistory:
		return v.history(c, r)
	case sshforward.ConfirmLease:
		if asksAgain(cmd, l) {
			return v.confirmUrgent(l)
		}
		if l != nil {
			return v.confirmed(l)
		}
	case sshforward.CancelLease:
		if l != nil {
			return just("Cancelled. Nothing was opened. Lease " + code(l.ID, 20) + ".")
		}
		return just("Cancelled.")
	case sshforward.ExtendLease:
		if l != nil {
			return v.extended(l)
		}
	}
	return just("Done.")
}
