package fakeslack

import (
	"fmt"
	"slices"
	"strconv"
	"unicode/utf8"
)

// Slack's limits on text and blocks, in characters (not bytes) or items. From
// Slack's Block Kit and method references.
const (
	maxMessageText  = 40000 // chat.postMessage; Slack cuts above it, here it is an error
	maxUpdateText   = 4000  // chat.update answers msg_too_long above it
	maxBlockText    = 12000 // all blocks of a message; about, https://github.com/slackapi/bolt-js/issues/2509
	maxBlocks       = 50    // a message
	maxViewBlocks   = 100   // a modal or home tab
	maxID           = 255   // action_id, block_id, callback_id, external_id
	maxSectionText  = 3000
	maxFields       = 10
	maxFieldText    = 2000
	maxHeader       = 150
	maxContext      = 10
	maxActions      = 25
	maxMarkdown     = 12000
	maxButtonText   = 75
	maxButtonValue  = 2000
	maxURL          = 3000
	maxOptions      = 100
	maxGroups       = 100
	maxOptionText   = 75
	maxOptionValue  = 150
	maxPlaceholder  = 150
	maxConfirmTitle = 100
	maxConfirmText  = 300
	maxConfirmLabel = 30
	maxLabel        = 2000
	maxAltText      = 2000
	maxViewTitle    = 24
	maxMetadata     = 3000
)

// surface is where blocks are shown.
type surface int

const (
	onMessage surface = iota
	onModal
	onHome
)

// CheckBlocks tells what Slack would say about the blocks of a message, in
// Slack's own words; nothing if it would take them. The argument is whatever
// marshals to the JSON list, such as slack-go's blocks.
func CheckBlocks(blocks any) []string {
	v, err := normal(blocks)
	if err != nil {
		return []string{err.Error()}
	}
	return checkBlocks(v, onMessage, "/blocks")
}

// CheckView is CheckBlocks for a view, modal or home.
func CheckView(view any) []string {
	v, err := normal(view)
	if err != nil {
		return []string{err.Error()}
	}
	return checkView(object(v), "/view")
}

// checker collects what is wrong.
type checker struct {
	on      surface
	errs    []string
	blockID map[string]bool
	inputs  int
}

func (c *checker) fail(at, format string, args ...any) {
	c.errs = append(c.errs, fmt.Sprintf(format, args...)+" [json-pointer:"+at+"]")
}

func checkBlocks(v any, on surface, at string) []string {
	c := &checker{on: on, blockID: map[string]bool{}}
	c.blocks(v, at)
	return c.errs
}

func (c *checker) blocks(v any, at string) {
	limit := maxBlocks
	if c.on != onMessage {
		limit = maxViewBlocks
	}
	l, ok := v.([]any)
	if !ok {
		c.fail(at, "must be an array")
		return
	}
	if len(l) > limit {
		c.fail(at, "no more than %d items allowed", limit)
	}
	for i, b := range l {
		c.block(b, at+"/"+strconv.Itoa(i))
	}
}

// blockKeys lists the properties of each block type that is taken. Slack
// refuses a property it does not know: "invalid additional property".
// Newer types (table, video, card …) are left out on purpose: this stand-in
// cannot say what Slack would think of them.
var blockKeys = map[string][]string{
	"section":   {"text", "fields", "accessory", "expand"},
	"header":    {"text", "level"},
	"context":   {"elements"},
	"actions":   {"elements"},
	"divider":   {},
	"image":     {"image_url", "alt_text", "title", "slack_file"},
	"input":     {"label", "element", "dispatch_action", "hint", "optional"},
	"rich_text": {"elements"},
	"markdown":  {"text"},
}

func (c *checker) block(v any, at string) {
	b, ok := v.(map[string]any)
	if !ok {
		c.fail(at, "must be an object")
		return
	}
	typ := str(b["type"])
	keys, ok := blockKeys[typ]
	if !ok || typ == "markdown" && c.on != onMessage {
		c.fail(at, "unsupported type: %s", typ)
		return
	}
	c.keys(b, at, append([]string{"type", "block_id"}, keys...))
	c.id(b, "block_id", at)
	if id := str(b["block_id"]); id != "" {
		if c.blockID[id] {
			c.fail(at+"/block_id", "`block_id` %q already exists", id)
		}
		c.blockID[id] = true
	}
	switch typ {
	case "section":
		c.section(b, at)
	case "header":
		c.text(b["text"], at+"/text", "plain_text", maxHeader)
	case "context":
		c.context(b, at)
	case "actions":
		c.actions(b, at)
	case "image":
		c.image(b, at)
	case "input":
		c.input(b, at)
	case "rich_text":
		c.count(b["elements"], at+"/elements", 1, maxBlocks)
	case "markdown":
		c.length(b["text"], at+"/text", 1, maxMarkdown)
	}
}

func (c *checker) section(b map[string]any, at string) {
	if b["text"] == nil && b["fields"] == nil {
		c.fail(at, "must define either `fields` or `text`")
	}
	if b["text"] != nil {
		c.text(b["text"], at+"/text", "", maxSectionText)
	}
	if b["fields"] != nil {
		for i, f := range c.count(b["fields"], at+"/fields", 1, maxFields) {
			c.text(f, at+"/fields/"+strconv.Itoa(i), "", maxFieldText)
		}
	}
	if b["accessory"] != nil {
		c.element(b["accessory"], at+"/accessory", "section")
	}
}

func (c *checker) context(b map[string]any, at string) {
	for i, e := range c.count(b["elements"], at+"/elements", 1, maxContext) {
		here := at + "/elements/" + strconv.Itoa(i)
		if o := object(e); str(o["type"]) == "image" {
			c.image(o, here)
		} else {
			c.text(e, here, "", maxSectionText)
		}
	}
}

func (c *checker) actions(b map[string]any, at string) {
	// An action_id has to be unique within its block, not within the message:
	// Slack takes the same one again in another block.
	seen := map[string]bool{}
	for i, e := range c.count(b["elements"], at+"/elements", 1, maxActions) {
		here := at + "/elements/" + strconv.Itoa(i)
		c.element(e, here, "actions")
		if id := str(object(e)["action_id"]); id != "" {
			if seen[id] {
				c.fail(here+"/action_id", "`action_id` %q already exists", id)
			}
			seen[id] = true
		}
	}
}

func (c *checker) image(b map[string]any, at string) {
	if b["image_url"] == nil && b["slack_file"] == nil {
		c.fail(at, "must define either `image_url` or `slack_file`")
	}
	if b["image_url"] != nil {
		c.length(b["image_url"], at+"/image_url", 1, maxURL)
	}
	c.length(b["alt_text"], at+"/alt_text", 1, maxAltText)
	if b["title"] != nil {
		c.text(b["title"], at+"/title", "plain_text", maxLabel)
	}
}

func (c *checker) input(b map[string]any, at string) {
	c.inputs++
	c.text(b["label"], at+"/label", "plain_text", maxLabel)
	if b["hint"] != nil {
		c.text(b["hint"], at+"/hint", "plain_text", maxLabel)
	}
	c.element(b["element"], at+"/element", "input")
}

// text checks a text object; kind limits it to plain_text.
func (c *checker) text(v any, at, kind string, limit int) {
	o, ok := v.(map[string]any)
	if !ok {
		c.fail(at, "must be an object")
		return
	}
	switch t := str(o["type"]); {
	case t == "plain_text":
		c.keys(o, at, []string{"type", "text", "emoji"})
	case t == "mrkdwn" && kind == "":
		c.keys(o, at, []string{"type", "text", "verbatim"})
	default:
		c.fail(at+"/type", "unsupported type: %s", t)
	}
	c.length(o["text"], at+"/text", 1, limit)
}

// length checks a string's length in characters.
func (c *checker) length(v any, at string, least, most int) {
	s, ok := v.(string)
	switch n := utf8.RuneCountInString(s); {
	case !ok:
		c.fail(at, "must be a string")
	case n < least:
		c.fail(at, "must be more than %d characters", least-1)
	case n > most:
		c.fail(at, "must be less than %d characters", most+1)
	}
}

// maybe is length for a property that may be missing.
func (c *checker) maybe(o map[string]any, key, at string, least, most int) {
	if o[key] != nil {
		c.length(o[key], at+"/"+key, least, most)
	}
}

func (c *checker) id(o map[string]any, key, at string) { c.maybe(o, key, at, 1, maxID) }

// count checks the number of items of a list.
func (c *checker) count(v any, at string, least, most int) []any {
	l, ok := v.([]any)
	switch {
	case !ok:
		c.fail(at, "must be an array")
	case len(l) < least:
		c.fail(at, "no fewer than %d items allowed", least)
	case len(l) > most:
		c.fail(at, "no more than %d items allowed", most)
	}
	return l
}

func (c *checker) keys(o map[string]any, at string, known []string) {
	var extra []string
	for k := range o {
		if !slices.Contains(known, k) {
			extra = append(extra, k)
		}
	}
	slices.Sort(extra)
	for _, k := range extra {
		c.fail(at, "invalid additional property: %s", k)
	}
}
