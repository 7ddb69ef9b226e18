package main

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// extraTags go on everything that the bot makes, beside its own.
type extraTags map[string]string

// maxExtraTags and the six that the bot itself may need are the ten that ELB's
// API reference allows a classic load balancer.
const maxExtraTags = 4

// What ELB takes, which is less than EC2.
const (
	maxTagKey   = 127
	maxTagValue = 255
)

var tagText = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`)

// check looks at what AWS would refuse, at the start and not at the first lease.
func (t extraTags) check() error {
	if len(t) > maxExtraTags {
		return fmt.Errorf("there are %d, and a load balancer has room for %d beside the bot's own", len(t), maxExtraTags)
	}
	for _, key := range slices.Sorted(maps.Keys(t)) {
		lower := strings.ToLower(key)
		switch n := utf8.RuneCountInString(key); {
		case n < 1 || n > maxTagKey:
			return fmt.Errorf("a key has 1 to %d characters, and %q has %d", maxTagKey, key, n)
		case strings.HasPrefix(lower, "aws:") || strings.HasPrefix(lower, "sshforward:"):
			return fmt.Errorf("%q: keys that begin with aws: are AWS's, and those with sshforward: are the bot's own", key)
		case utf8.RuneCountInString(t[key]) > maxTagValue:
			return fmt.Errorf("%q: a value has at most %d characters", key, maxTagValue)
		case !tagText.MatchString(key) || !tagText.MatchString(t[key]):
			return fmt.Errorf("%q: AWS takes letters, digits, blanks and _.:/=+-@ in keys and values", key)
		}
	}
	return nil
}
