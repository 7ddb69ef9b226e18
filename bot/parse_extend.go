package bot

import "github.com/sshforward/sshforward"

func parseExtend(args []word) (operation, error) {
	// The duration is last, or first if somebody says it that way round.
	at := len(args) - 1
	if at > 0 && !isDuration(args[at]) && isDuration(args[0]) {
		at = 0
	}
	switch {
	case len(args) == 0:
		return nil, invalid("extend k7m2q3x 1h", "Say which lease, or which instance, and by how much.")
	case len(args) == 1 && isDuration(args[0]):
		return nil, invalid("extend k7m2q3x "+args[0].text, "Say which lease, or which instance, to extend; %s shows yours.",
			inCode(Slash+" list"))
	case len(args) == 1:
		return nil, invalid("extend "+quote(args[0].text)+" 1h", "Say by how much.")
	}
	names := append(append([]word(nil), args[:at]...), args[at+1:]...)
	// "extend web-1 by 1h" and "… for 1h" are how people speak.
	if last := len(names) - 1; at == len(args)-1 && last > 0 && (names[last].is("by") || names[last].is("for")) {
		names = names[:last]
	}
	ref := joinWords(names)
	if problem := badName(ref); !problem.IsZero() {
		return nil, invalid("extend k7m2q3x 1h", "%s", problem)
	}
	d, err := sshforward.ParseDuration(args[at].text)
	if err != nil {
		return nil, invalid("extend "+quote(ref)+" "+guessDuration(args[at].text), "%s is not a duration.", inCode(args[at].text))
	}
	return sshforward.ExtendLease{Ref: ref, Duration: d}, nil
}
