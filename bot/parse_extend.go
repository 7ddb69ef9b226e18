package bot

import (
	"time"

	"github.com/sshforward/sshforward"
)

// parseExtend reads what follows "extend":
//
//	[<lease or instance>] <duration>
//
// The duration is last, or first if somebody says it that way round. Without a
// lease it is the one that the caller has.
func parseExtend(args []word) (operation, error) {
	cmd := sshforward.ExtendLease{}
	typed, names := "", args
	n, until := nearlyAtTheEnd(args)
	if n > 0 {
		typed, names = joinWords(args[len(args)-n:]), args[:len(args)-n]
		cmd.Duration, _ = sshforward.ParseDuration(guessDuration(typed))
		args = nil
	}
	for from := range args { // the longest run of words at the end
		if d, n := durationIn(args[from:]); n > 0 && from+n == len(args) {
			cmd.Duration, names = d, args[:from]
			break
		}
	}
	if d, n := durationIn(args); cmd.Duration == 0 && n > 0 {
		cmd.Duration, names = d, args[n:]
	}
	if last := len(names) - 1; cmd.Duration == 0 && last >= 0 && (last > 0 || startsWithDigit(names[0].text)) {
		typed, names = sshforward.Typed(names[last].text), names[:last] // meant to be one
		cmd.Duration, _ = sshforward.ParseDuration(guessDuration(typed))
	}
	names = trimCommas(names)
	// "extend web-1 by 1h" and "… for 1h" are how people speak.
	if last := len(names) - 1; last >= 0 && (names[last].is("by") || names[last].is("for")) {
		names = names[:last]
	}
	cmd.Ref = refOf(names)
	problem := sshforward.Text{}
	if len(names) > 0 {
		problem = badName(cmd.Ref)
	}
	switch {
	case !problem.IsZero():
		cmd.Ref = ""
		if cmd.Duration == 0 {
			cmd.Duration = exampleDuration
		}
		return nil, better(cmd, "%s", problem)
	case until:
		cmd.Duration = exampleDuration
		return nil, better(cmd, "Say by how much; I do not take an end such as %s.", inCode(typed))
	case typed != "":
		return nil, better(cmd, "%s is not a duration.", inCode(typed))
	case cmd.Duration == 0:
		cmd.Duration = exampleDuration
		return nil, better(cmd, "Say by how much.")
	}
	return cmd, nil
}

// nearlyAtTheEnd is [nearlyDuration] of the last words, where less of them is read
// as a duration. After one, the last word is the lease or the instance: 4kmqxpd is an
// id.
func nearlyAtTheEnd(args []word) (n int, until bool) {
	for from := range args {
		if _, read := durationIn(args); from > 0 && read == from && from == len(args)-1 {
			break
		}
		n, until = nearlyDuration(args[from:])
		if _, read := durationIn(args[from:]); n > read && from+n == len(args) {
			return n, until
		}
	}
	return 0, false
}

// exampleDuration is what an example is for.
const exampleDuration = time.Hour
