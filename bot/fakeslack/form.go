package fakeslack

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// stateOf is the state.values of blocks: every input and menu by block id and
// action id, with what was typed or else its initial value.
func stateOf(blocks []Block, filled map[string]map[string]any) map[string]any {
	out := map[string]any{}
	for _, e := range elementsOf(blocks) {
		if t := e.typ(); t == "button" || t == "overflow" {
			continue
		}
		v := initial(e)
		if f, ok := filled[e.block][str(e.el["action_id"])]; ok {
			v = object(f)
		}
		block := object(out[e.block])
		if block == nil {
			block = map[string]any{}
			out[e.block] = block
		}
		block[str(e.el["action_id"])] = v
	}
	return out
}

// valueKeys is where each element keeps its value, and the initial one.
var valueKeys = map[string][2]string{
	"plain_text_input": {"value", "initial_value"}, "email_text_input": {"value", "initial_value"},
	"url_text_input": {"value", "initial_value"}, "number_input": {"value", "initial_value"},
	"static_select": {"selected_option", "initial_option"}, "external_select": {"selected_option", "initial_option"},
	"radio_buttons": {"selected_option", "initial_option"}, "overflow": {"selected_option", ""},
	"users_select": {"selected_user", "initial_user"}, "channels_select": {"selected_channel", "initial_channel"},
	"conversations_select": {"selected_conversation", "initial_conversation"},
	"checkboxes":           {"selected_options", "initial_options"}, "multi_static_select": {"selected_options", "initial_options"},
	"multi_external_select": {"selected_options", "initial_options"}, "multi_users_select": {"selected_users", "initial_users"},
	"multi_channels_select":      {"selected_channels", "initial_channels"},
	"multi_conversations_select": {"selected_conversations", "initial_conversations"},
	"datepicker":                 {"selected_date", "initial_date"}, "timepicker": {"selected_time", "initial_time"},
	"datetimepicker": {"selected_date_time", "initial_date_time"},
}

func initial(e element) map[string]any {
	k := valueKeys[e.typ()]
	v := e.el[k[1]]
	if v == nil && strings.HasSuffix(k[0], "s") { // several can be chosen: an empty list, not null
		v = []any{}
	}
	return map[string]any{"type": e.typ(), k[0]: v}
}

// typed is an element's value after a person put something in: a text, the
// value of an option (several with commas), an id or a date. Free text is taken
// by an external_select as an option of that value.
func typed(e element, s string) (map[string]any, error) {
	k := valueKeys[e.typ()][0]
	out := map[string]any{"type": e.typ(), k: s}
	switch {
	case k == "":
		return nil, fmt.Errorf("fakeslack: cannot fill a %s", e.typ())
	case k == "selected_date_time": // the one value that is a number
		n, err := strconv.ParseInt(s, 10, 64)
		out[k] = float64(n)
		return out, err
	case s == "":
		return initial(element{el: map[string]any{"type": e.typ()}}), nil
	case k == "selected_option":
		o, err := option(e, s)
		out[k] = o
		return out, err
	case k == "selected_options":
		var all []any
		for v := range strings.SplitSeq(s, ",") {
			o, err := option(e, v)
			if err != nil {
				return nil, err
			}
			all = append(all, o)
		}
		out[k] = all
	case strings.HasSuffix(k, "s"):
		var all []any
		for v := range strings.SplitSeq(s, ",") {
			all = append(all, v)
		}
		out[k] = all
	}
	return out, nil
}

func option(e element, value string) (map[string]any, error) {
	if strings.HasSuffix(e.typ(), "external_select") {
		return map[string]any{"text": map[string]any{"type": "plain_text", "text": value, "emoji": true}, "value": value}, nil
	}
	options := list(e.el["options"])
	for _, g := range list(e.el["option_groups"]) {
		options = append(options, list(object(g)["options"])...)
	}
	for _, o := range options {
		if str(object(o)["value"]) == value {
			return object(o), nil
		}
	}
	return nil, fmt.Errorf("fakeslack: no option %q in %q", value, str(e.el["action_id"]))
}

// fill puts values, by block id or action id, into a view's inputs, with the
// checks that Slack's client makes before it sends anything.
func fill(v *View, values map[string]string) (map[string]map[string]any, error) {
	out := map[string]map[string]any{}
	used := map[string]bool{}
	for _, e := range elementsOf(v.Blocks) {
		action := str(e.el["action_id"])
		s, key, ok := "", "", false
		for _, k := range []string{e.block, action} {
			if x, has := values[k]; has && !ok {
				s, key, ok = x, k, true
			}
		}
		if ok {
			t, err := typed(e, s)
			if err != nil {
				return nil, err
			}
			if out[e.block] == nil {
				out[e.block] = map[string]any{}
			}
			out[e.block][action], used[key] = t, true
		}
		if err := required(v, e, out[e.block][action]); err != nil {
			return nil, err
		}
	}
	for k := range values {
		if !used[k] {
			return nil, fmt.Errorf("fakeslack: no input %q in view %s", k, v.ID)
		}
	}
	return out, nil
}

func required(v *View, e element, filled any) error {
	if !e.input {
		return nil
	}
	got := object(filled)
	if got == nil {
		got = initial(e)
	}
	val := got[valueKeys[e.typ()][0]]
	s, isText := val.(string)
	empty := val == nil || isText && s == "" || !isText && val != nil && len(list(val)) == 0 && object(val) == nil
	if optional, _ := v.Blocks[e.index]["optional"].(bool); empty && !optional {
		return fmt.Errorf("fakeslack: input %q must be filled in", e.block)
	}
	n := utf8.RuneCountInString(s)
	if most, ok := e.el["max_length"].(float64); ok && isText && n > int(most) {
		return fmt.Errorf("fakeslack: input %q takes at most %v characters", e.block, most)
	}
	if least, ok := e.el["min_length"].(float64); ok && isText && n > 0 && n < int(least) {
		return fmt.Errorf("fakeslack: input %q takes at least %v characters", e.block, least)
	}
	return nil
}
