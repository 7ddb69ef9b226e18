package bot

import "github.com/sshforward/sshforward"

// parseWhy reads what follows "why": <instance>.
func parseWhy(args []word) (operation, error) {
	if len(args) == 0 {
		return nil, better(sshforward.OpenLease{}, "Say which instance. The form shows those that you may open.")
	}
	ref := refOf(args)
	if problem := badName(ref); !problem.IsZero() {
		return nil, better(sshforward.OpenLease{}, "%s", problem)
	}
	return showWhy{Ref: ref}, nil
}
