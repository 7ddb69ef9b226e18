package bot

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/slack-go/slack"
)

// Slack's limits, from its Block Kit reference, in characters or items.
const (
	maxBlocks  = 50
	maxSection = 3000
	maxField   = 2000
	maxText    = 3900 // chat.update takes 4000
	// maxBlockText is what all blocks of a message may say together: Slack
	// refuses more than about 12,000 (https://github.com/slackapi/bolt-js/issues/2509).
	maxBlockText = 11_000
	maxLabel     = 75  // of an option
	maxValue     = 150 // of an option
)

// message is one message: blocks, and the text that notifications and screen
// readers use in their place.
type message struct {
	Text   string        `json:"text"`
	Blocks []slack.Block `json:"blocks,omitempty"`
}

// mrkdwn is a text object. Verbatim keeps Slack from finding links, channels
// and mentions in plain words; those written as <…> still work.
func mrkdwn(s string, most int) *slack.TextBlockObject {
	return slack.NewTextBlockObject(slack.MarkdownType, cut(s, most), false, true)
}

func plain(s string, most int) *slack.TextBlockObject {
	return slack.NewTextBlockObject(slack.PlainTextType, cut(s, most), false, false)
}

func section(s string) slack.Block {
	return slack.NewSectionBlock(mrkdwn(s, maxSection), nil, nil)
}

// fields are at most ten pairs of a label and a text.
func fields(pairs ...string) slack.Block {
	var out []*slack.TextBlockObject
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			out = append(out, mrkdwn("*"+pairs[i]+"*\n"+pairs[i+1], maxField))
		}
	}
	return slack.NewSectionBlock(nil, out, nil)
}

// small is grey small print.
func small(s string) slack.Block {
	return slack.NewContextBlock("", mrkdwn(s, maxSection))
}

// buttons is a row of them. Its id ends in what they are, since Slack wants a new
// id for a block that has changed: clients may go on showing the old one.
func buttons(blockID string, all ...*slack.ButtonBlockElement) slack.Block {
	out := make([]slack.BlockElement, len(all))
	for i, b := range all {
		out[i] = b
	}
	what, _ := json.Marshal(all)
	h := fnv.New32a()
	h.Write(what)
	return slack.NewActionBlock(fmt.Sprintf("%s.%08x", blockID, h.Sum32()), out...)
}

// button has a label and, for screen readers, what it acts on: of many buttons
// that say Close, which one.
func button(action, value, label, about string) *slack.ButtonBlockElement {
	b := slack.NewButtonBlockElement(action, value, plain(label, maxLabel))
	b.AccessibilityLabel = cut(label+": "+strings.Join(strings.Fields(about), " "), maxLabel)
	return b
}

// paragraph is a message of one paragraph.
func paragraph(s string) message {
	return message{Text: cut(s, maxText), Blocks: []slack.Block{section(s)}}
}

// textIn is how many characters blocks say, buttons and their questions included.
func textIn(blocks ...slack.Block) (n int) {
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, x := range v {
				walk(x)
			}
		case map[string]any:
			if s, ok := v["text"].(string); ok {
				n += utf8.RuneCountInString(s)
			}
			for _, x := range v {
				walk(x)
			}
		}
	}
	for _, b := range blocks {
		raw, _ := json.Marshal(b)
		var v any
		_ = json.Unmarshal(raw, &v)
		walk(v)
	}
	return n
}

// withoutNil leaves out what is nil.
func withoutNil(blocks ...slack.Block) []slack.Block {
	out := make([]slack.Block, 0, len(blocks))
	for _, b := range blocks {
		if b != nil {
			out = append(out, b)
		}
	}
	return out
}

// options are what chat.postMessage and its relatives take.
func (m message) options() []slack.MsgOption {
	return []slack.MsgOption{
		slack.MsgOptionText(m.Text, false), // escaped already, in its parts
		slack.MsgOptionParse(false),        // chat.update would read @here and #channel in it
		slack.MsgOptionBlocks(m.Blocks...),
		slack.MsgOptionDisableLinkUnfurl(),
		slack.MsgOptionDisableMediaUnfurl(),
	}
}

// bare is the message without its blocks: plain, but better than nothing.
func (m message) bare() []slack.MsgOption {
	return message{Text: m.Text}.options()
}

func (m message) hasButtons() bool {
	return slices.ContainsFunc(m.Blocks, func(b slack.Block) bool { return b.BlockType() == slack.MBTAction })
}

func option(value, label string) *slack.OptionBlockObject {
	if label == "" {
		label = value
	}
	return slack.NewOptionBlockObject(cut(value, maxValue), plain(label, maxLabel), nil)
}
