package bot

import "github.com/sshforward/sshforward"

// parseFrom reads what follows "from": <lease or instance> <address>.
func parseFrom(args []word) (operation, error) {
	if len(args) > 2 && args[len(args)-2].is("to") {
		args = append(append([]word(nil), args[:len(args)-2]...), args[len(args)-1]) // "from web-1 to …" is how people speak
	}
	last := len(args) - 1
	switch {
	case last < 0:
		return nil, invalid("from k7m2q3x "+exampleSource, "Say which lease, or which instance, and the address you come from now.")
	case last == 0 && isSource(args[0].text):
		return nil, invalid("from k7m2q3x "+guessAddress(args[0].text), "Say which lease, or which instance, too; %s shows yours.",
			inCode(Slash+" list"))
	case last == 0:
		return nil, invalid("from "+quote(args[0].text)+" "+exampleSource, "Say the address you come from now.")
	}
	ref := joinWords(args[:last])
	if problem := badName(ref); !problem.IsZero() {
		return nil, invalid("from k7m2q3x "+guessAddress(args[last].text), "%s", problem)
	}
	example := "from " + quote(ref) + " " + guessAddress(args[last].text)
	sources, err := sshforward.ParseSources(sourceText(args[last].text))
	switch {
	case err != nil:
		return nil, invalid(example, "%s", messageOf(err))
	case len(sources) > 1 || !sources[0].IsSingleIP():
		return nil, invalid(example, "%s is more than a single address.", inCode(args[last].text))
	}
	return sshforward.ChangeSource{Ref: ref, To: sources[0]}, nil
}

func isSource(s string) bool { return validSources(sourceText(s)) }

// guessAddress is the one address that was meant, or an example.
func guessAddress(typed string) string {
	sources, err := sshforward.ParseSources(guessSources(typed))
	if err != nil {
		return exampleSource
	}
	return sources[0].Addr().String()
}
