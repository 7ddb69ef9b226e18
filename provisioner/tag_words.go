package provisioner

import (
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/sshforward/sshforward"
)

var (
	slackUserRE    = regexp.MustCompile(`^[UW][A-Z0-9]{1,20}$`)
	slackChannelRE = regexp.MustCompile(`^[CDG][A-Z0-9]{1,20}$`)
)

// wordsOf are the tags whose words are passed on of something that nothing proves,
// and what each of them looks like as the bot writes it.
var wordsOf = []struct {
	key  string
	good func(string) bool
}{
	{TagOwner, slackUserRE.MatchString},
	{TagChannel, slackChannelRE.MatchString},
	{TagInstance, instanceIDRE.MatchString},
	{TagSources, eachWord(func(s string) bool { _, err := netip.ParsePrefix(s); return err == nil })},
	{TagOpened, isTime},
	{TagExpires, isTime},
	{TagRule, isName},
	{TagApproved, eachWord(slackUserRE.MatchString)},
	{TagSSHUser, sshforward.SafeUser},
}

// maxName bounds the name of a rule that is passed on, in runes.
const maxName = 64

// isName is strict, since policy lets a rule have any name.
func isName(s string) bool {
	return utf8.RuneCountInString(s) <= maxName && !strings.ContainsFunc(s, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune(" ._-", r)
	})
}

func isTime(s string) bool {
	_, err := time.Parse(time.RFC3339, s)
	return err == nil
}

func eachWord(good func(string) bool) func(string) bool {
	return func(s string) bool {
		return !slices.ContainsFunc(strings.Fields(s), func(word string) bool { return !good(word) })
	}
}

// words are what the tags of something unproven say. A value that does not look as
// the bot writes it is left out: whoever wrote it may want people to read it.
func words(tags map[string]string) []sshforward.TagWord {
	var out []sshforward.TagWord
	for _, w := range wordsOf {
		value, there := tags[w.key]
		switch {
		case !there || value == "":
		case w.good(value):
			out = append(out, sshforward.TagWord{Key: w.key, Value: value})
		default:
			out = append(out, sshforward.TagWord{Key: w.key})
		}
	}
	return out
}
