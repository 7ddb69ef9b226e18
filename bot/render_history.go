package bot

import "github.com/sshforward/sshforward"

// history answers the history command.
func (v render) history(_ sshforward.Caller, r sshforward.Reply) message {
	if len(r.Past) == 0 {
		return just(v.say("None of your leases is over yet. %s shows what is there now.", code(Slash+" list", 50)))
	}
	return just(v.month(r.Month) + "\n" + v.past(r.Past, homePast))
}
