package bot

import (
	"strings"

	"github.com/sshforward/sshforward"
)

// parseAbandon reads what follows "abandon": <lease> because <reason>.
func parseAbandon(text string, args []word) (operation, error) {
	if len(args) == 0 {
		return nil, invalid("list all", "Say which lease to give up, and why.")
	}
	id, ok := sshforward.ParseID(sshforward.Typed(args[0].text))
	if !ok {
		return nil, invalid("list all", "%s is not the id of a lease.", inCode(args[0].text))
	}
	args = trimCommas(args[1:]) // "abandon k7m2q3x, because …" reads well too
	cmd, because := sshforward.AbandonLease{ID: id}, ""
	if len(args) > 0 && args[0].is("because") {
		because = strings.TrimSpace(text[args[0].rest:])
	}
	switch problem := tooLongReason(because); {
	case len(args) > 0 && !args[0].is("because"):
		cmd.Because = strings.TrimSpace(cut(joinWords(args), maxReason))
		return nil, better(cmd, "After the lease comes %s and the reason.", inCode("because"))
	case sshforward.Blank(because):
		cmd.Because = "the account is closed"
		return nil, better(cmd, "Say why you give it up; it is recorded.")
	case !problem.IsZero():
		cmd.Because = strings.TrimSpace(cut(because, maxReason))
		return nil, better(cmd, "%s", problem)
	}
	// A button carries it, and a button's value is one line.
	cmd.Because = strings.Join(strings.Fields(because), " ")
	return cmd, nil
}
