package fakeslack

import "unicode/utf8"

// checkLength limits what all blocks of a message say together, to about 12,000
// characters (https://github.com/slackapi/bolt-js/issues/2509). Only posts and
// updates are limited, answers through a response URL are not
// (https://github.com/slackapi/bolt-js/issues/2867).
func checkLength(blocks []Block) *apiError {
	n := 0
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, x := range v {
				walk(x)
			}
		case map[string]any:
			n += utf8.RuneCountInString(str(v["text"]))
			for _, x := range v {
				walk(x)
			}
		}
	}
	for _, b := range blocks {
		walk(b)
	}
	if n > maxBlockText {
		return refused("msg_blocks_too_long")
	}
	return nil
}
