package bot

import "github.com/sshforward/sshforward"

func parseClose(args []word) (operation, error) {
	switch {
	case len(args) == 0:
		return sshforward.CloseLease{}, nil
	case len(args) == 1 && args[0].is("all"):
		return sshforward.CloseLease{All: true}, nil
	}
	ref := refOf(args) // there is nothing else it could be than a name with spaces
	if problem := badName(ref); !problem.IsZero() {
		return nil, invalid("close", "%s", problem)
	}
	return sshforward.CloseLease{Ref: ref}, nil
}
