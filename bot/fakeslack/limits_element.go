package fakeslack

import (
	"slices"
	"strconv"
)

// elementRule says where an element may stand and which properties it takes,
// beside type, action_id and focus_on_load.
type elementRule struct {
	in   []string
	keys []string
}

var (
	everywhere = []string{"section", "actions", "input"}
	noActions  = []string{"section", "input"}
	onlyInput  = []string{"input"}
)

// elementRules is the whitelist, from the "works with block types" lines of
// Slack's Block Kit reference.
var elementRules = map[string]elementRule{
	"button": {[]string{"section", "actions"}, []string{"text", "url", "value", "style", "confirm",
		"accessibility_label"}},
	"overflow":        {[]string{"section", "actions"}, []string{"options", "confirm"}},
	"image":           {[]string{"section"}, []string{"image_url", "alt_text", "slack_file"}},
	"static_select":   {everywhere, []string{"placeholder", "options", "option_groups", "initial_option", "confirm"}},
	"external_select": {everywhere, []string{"placeholder", "initial_option", "min_query_length", "confirm"}},
	"users_select":    {everywhere, []string{"placeholder", "initial_user", "confirm"}},
	"conversations_select": {everywhere, []string{"placeholder", "initial_conversation",
		"default_to_current_conversation", "response_url_enabled", "filter", "confirm"}},
	"channels_select": {everywhere, []string{"placeholder", "initial_channel", "response_url_enabled", "confirm"}},
	"multi_static_select": {noActions, []string{"placeholder", "options", "option_groups", "initial_options", "confirm",
		"max_selected_items"}},
	"multi_external_select": {noActions, []string{"placeholder", "initial_options", "min_query_length", "confirm", "max_selected_items"}},
	"multi_users_select":    {noActions, []string{"placeholder", "initial_users", "confirm", "max_selected_items"}},
	"multi_conversations_select": {noActions, []string{"placeholder", "initial_conversations",
		"default_to_current_conversation", "filter", "confirm", "max_selected_items"}},
	"multi_channels_select": {noActions, []string{"placeholder", "initial_channels", "confirm", "max_selected_items"}},
	"checkboxes":            {everywhere, []string{"options", "initial_options", "confirm"}},
	"radio_buttons":         {everywhere, []string{"options", "initial_option", "confirm"}},
	"datepicker":            {everywhere, []string{"initial_date", "confirm", "placeholder"}},
	"timepicker":            {everywhere, []string{"initial_time", "confirm", "placeholder", "timezone"}},
	"datetimepicker":        {[]string{"actions", "input"}, []string{"initial_date_time", "confirm"}},
	"plain_text_input": {onlyInput, []string{"initial_value", "multiline", "min_length", "max_length",
		"dispatch_action_config", "placeholder"}},
	"email_text_input": {onlyInput, []string{"initial_value", "dispatch_action_config", "placeholder"}},
	"url_text_input":   {onlyInput, []string{"initial_value", "dispatch_action_config", "placeholder"}},
	"number_input": {onlyInput, []string{"is_decimal_allowed", "initial_value", "min_value", "max_value",
		"dispatch_action_config", "placeholder"}},
}

// interactive are the element types that have an action_id.
var interactive = func() map[string]bool {
	out := map[string]bool{}
	for t := range elementRules {
		out[t] = t != "image"
	}
	return out
}()

// Options a type of element must have at least and may have at most.
var optionCounts = map[string][2]int{
	"static_select": {1, maxOptions}, "multi_static_select": {1, maxOptions},
	"overflow": {1, 5}, "checkboxes": {1, 10}, "radio_buttons": {1, 10},
}

func (c *checker) element(v any, at, in string) {
	e, ok := v.(map[string]any)
	if !ok {
		c.fail(at, "must be an object")
		return
	}
	typ := str(e["type"])
	rule, ok := elementRules[typ]
	if !ok || !slices.Contains(rule.in, in) {
		c.fail(at+"/type", "unsupported type: %s", typ)
		return
	}
	if typ == "image" {
		c.image(e, at)
		return
	}
	known := append([]string{"type", "action_id"}, rule.keys...)
	if typ != "button" && typ != "overflow" {
		known = append(known, "focus_on_load")
	}
	c.keys(e, at, known)
	c.id(e, "action_id", at)
	if typ == "button" {
		c.button(e, at)
	}
	if e["placeholder"] != nil {
		c.text(e["placeholder"], at+"/placeholder", "plain_text", maxPlaceholder)
	}
	if e["confirm"] != nil {
		c.confirm(e["confirm"], at+"/confirm")
	}
	if n, ok := optionCounts[typ]; ok {
		c.choices(e, at, typ, n)
	}
	if typ == "plain_text_input" {
		c.maybe(e, "initial_value", at, 0, 3000)
	}
	if e["initial_option"] != nil {
		c.option(e["initial_option"], at+"/initial_option")
	}
}

func (c *checker) button(e map[string]any, at string) {
	c.text(e["text"], at+"/text", "plain_text", maxButtonText)
	c.maybe(e, "value", at, 0, maxButtonValue)
	c.maybe(e, "url", at, 1, maxURL)
	c.maybe(e, "accessibility_label", at, 1, maxButtonText)
	c.style(e, at)
}

// style may be missing, but not be anything else, not even "default".
func (c *checker) style(e map[string]any, at string) {
	if s, ok := e["style"]; ok && s != "primary" && s != "danger" {
		c.fail(at+"/style", "must be a valid enum value")
	}
}

func (c *checker) confirm(v any, at string) {
	o, ok := v.(map[string]any)
	if !ok {
		c.fail(at, "must be an object")
		return
	}
	c.keys(o, at, []string{"title", "text", "confirm", "deny", "style"})
	c.text(o["title"], at+"/title", "plain_text", maxConfirmTitle)
	c.text(o["text"], at+"/text", "", maxConfirmText)
	c.text(o["confirm"], at+"/confirm", "plain_text", maxConfirmLabel)
	c.text(o["deny"], at+"/deny", "plain_text", maxConfirmLabel)
	c.style(o, at)
}

func (c *checker) choices(e map[string]any, at, typ string, n [2]int) {
	if e["option_groups"] != nil && e["options"] == nil {
		for i, g := range c.count(e["option_groups"], at+"/option_groups", 1, maxGroups) {
			here := at + "/option_groups/" + strconv.Itoa(i)
			c.text(object(g)["label"], here+"/label", "plain_text", maxOptionText)
			c.options(object(g)["options"], here+"/options", n)
		}
		return
	}
	if e["option_groups"] != nil {
		c.fail(at, "must define either `options` or `option_groups`, not both")
	}
	c.options(e["options"], at+"/options", n)
}

func (c *checker) options(v any, at string, n [2]int) {
	for i, o := range c.count(v, at, n[0], n[1]) {
		c.option(o, at+"/"+strconv.Itoa(i))
	}
}

func (c *checker) option(v any, at string) {
	o, ok := v.(map[string]any)
	if !ok {
		c.fail(at, "must be an object")
		return
	}
	c.keys(o, at, []string{"text", "value", "description", "url"})
	c.text(o["text"], at+"/text", "", maxOptionText)
	c.length(o["value"], at+"/value", 1, maxOptionValue)
	if o["description"] != nil {
		c.text(o["description"], at+"/description", "", maxOptionText)
	}
}

// checkOptions checks the answer to a block_suggestion.
func checkOptions(payload map[string]any) []string {
	c := &checker{}
	switch {
	case payload["options"] != nil:
		c.options(payload["options"], "/options", [2]int{0, maxOptions})
	case payload["option_groups"] != nil:
		c.choices(payload, "", "", [2]int{0, maxOptions})
	default:
		c.fail("/", "must define either `options` or `option_groups`")
	}
	return c.errs
}
