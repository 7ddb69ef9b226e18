package bot

import "github.com/sshforward/sshforward"

func parseIP(text string, args []word) (operation, error) {
	switch {
	case len(args) == 0:
		return showSource{}, nil
	case len(args) == 1 && args[0].is("clear"):
		return sshforward.SetSource{Clear: true}, nil
	}
	sources, err := sshforward.ParseSources(sourceText(text[args[0].start:]))
	if err != nil {
		sources, _ := sshforward.ParseSources(guessSources(text[args[0].start:]))
		return nil, better(sshforward.SetSource{Sources: sources}, "%s", messageOf(err))
	}
	return sshforward.SetSource{Sources: sources}, nil
}
