package bot

import "strings"

func (v render) help() message {
	command := func(usage, says string) string { return "`" + Slash + " " + escape(usage) + "`\n" + says }
	return message{
		Text: v.say("How to use %s", Slash),
		Blocks: withoutNil(
			section(v.say("*A plain SSH connection to one private instance, for a while, from your address only.*")),
			section(strings.Join([]string{
				command(v.say("open <instance> [<duration>] [from <address>] [port <n>] [urgent] [because <reason>]"),
					v.say("Ask for it. The instance is an id or a Name tag; a duration looks like 45s, 90m, 2h, 1h30m or 1d. "+
						"Without an instance, or with nothing at all, I show you a form. "+
						"%s asks to go without approval, where the rules allow that.", "`urgent`")),
				command("again [<n>]", v.say("Ask for the same as last time, or as n times ago in your history.")),
				command("list [all]", v.say("Your leases, or everybody's.")),
				command(v.say("extend <lease or instance> <duration>"), v.say("More time; the session goes on.")),
				command(v.say("from <lease or instance> <address>"), v.say("Come from another address; the session goes on.")),
				command(v.say("close [<lease or instance> | all]"), v.say("End it now.")),
				command(v.say("why <instance>"), v.say("Which rule decides about it, who may approve, and what is missing.")),
				command(v.say("show <lease>"), v.say("Everything about one lease, also a closed one.")),
				command(v.say("ip [<address> | clear]"), v.say("Remember the address you connect from, so that you need not type it.")),
				command(v.say("abandon <lease> because <reason>"),
					v.say("For admins: give up a lease whose closing can never be proved, after I have said what I cannot see.")),
				command("history", v.say("Your past leases, and what they cost this month.")),
			}, "\n")),
			small(v.say("For example %s", inCode(Slash+" open i-0123456789abcdef0 2h from "+v.exampleSources()+" "+v.say("because disk is full")))),
		),
	}
}
