package bot

import (
	"net/netip"

	"github.com/sshforward/sshforward"
)

// parseFrom reads what follows "from":
//
//	[<lease or instance>] <address>
//
// Without a lease it is the one that the caller has.
func parseFrom(args []word) (operation, error) {
	cmd := sshforward.ChangeSource{To: netip.MustParsePrefix(exampleSource + "/32")}
	names, typed := args, ""
	if last := len(args) - 1; last >= 0 && (isSource(args[last].text) || startsWithDigit(args[last].text)) {
		names, typed = args[:last], args[last].text
	}
	names = trimCommas(names)
	if last := len(names) - 1; last > 0 && names[last].is("to") && typed != "" {
		names = names[:last] // "from web-1 to …" is how people speak
	}
	cmd.Ref = refOf(names)
	if len(names) > 0 {
		if problem := badName(cmd.Ref); !problem.IsZero() {
			cmd.Ref = ""
			return nil, better(cmd, "%s", problem)
		}
	}
	if typed == "" {
		return nil, better(cmd, "Say the address you come from now.")
	}
	cmd.To = addressIn(guessSources(typed))
	sources, err := sshforward.ParseSources(sourceText(typed))
	switch {
	case err != nil:
		return nil, better(cmd, "%s", messageOf(err))
	case len(sources) > 1 || !sources[0].IsSingleIP():
		return nil, better(cmd, "%s is more than a single address.", inCode(typed))
	}
	cmd.To = sources[0]
	return cmd, nil
}

func isSource(s string) bool { return validSources(sourceText(s)) }

// addressIn is the first address of a list that can be read.
func addressIn(list string) netip.Prefix {
	sources, err := sshforward.ParseSources(list)
	if err != nil {
		return netip.MustParsePrefix(exampleSource + "/32")
	}
	return netip.PrefixFrom(sources[0].Addr(), 32)
}
