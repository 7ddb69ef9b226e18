package fakeslack_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/slack-go/slack"

	"github.com/sshforward/sshforward/bot/fakeslack"
)

type obj = map[string]any

func pt(n int) obj { return obj{"type": "plain_text", "text": strings.Repeat("語", n)} }
func md(n int) obj { return obj{"type": "mrkdwn", "text": strings.Repeat("語", n)} }

func with(o obj, kv ...any) obj {
	out := obj{}
	for k, v := range o {
		out[k] = v
	}
	for i := 0; i < len(kv); i += 2 {
		out[kv[i].(string)] = kv[i+1]
	}
	return out
}

func many(n int, f func(int) any) []any {
	out := []any{}
	for i := range n {
		out = append(out, f(i))
	}
	return out
}

func button(kv ...any) obj { return with(obj{"type": "button", "text": pt(4)}, kv...) }
func section(kv ...any) obj {
	return with(obj{"type": "section", "text": md(4)}, kv...)
}
func actions(els ...any) obj { return obj{"type": "actions", "elements": els} }
func options(n, text, value int) []any {
	return many(n, func(int) any { return obj{"text": pt(text), "value": strings.Repeat("v", value)} })
}
func menu(kv ...any) obj {
	return with(obj{"type": "static_select", "options": options(1, 1, 1)}, kv...)
}
func input(el obj, kv ...any) obj {
	return with(obj{"type": "input", "label": pt(3), "element": el}, kv...)
}

func TestBlockLimits(t *testing.T) {
	t.Parallel()
	confirm := func(title, text, yes, no int) obj {
		return obj{"title": pt(title), "text": md(text), "confirm": pt(yes), "deny": pt(no)}
	}
	id := func(n int) string { return strings.Repeat("i", n) }
	for _, c := range []struct {
		name   string
		blocks []any
		want   string // part of a message; empty: taken
	}{
		{"50 blocks", many(50, func(int) any { return obj{"type": "divider"} }), ""},
		{"51 blocks", many(51, func(int) any { return obj{"type": "divider"} }), "no more than 50 items allowed [json-pointer:/blocks]"},
		{"section 3000", []any{section("text", md(3000))}, ""},
		{"section 3001", []any{section("text", md(3001))}, "must be less than 3001 characters [json-pointer:/blocks/0/text/text]"},
		{"section empty text", []any{section("text", md(0))}, "must be more than 0 characters"},
		{"section without anything", []any{obj{"type": "section"}}, "must define either `fields` or `text`"},
		{"section fields only", []any{obj{"type": "section", "fields": []any{md(2000)}}}, ""},
		{"field too long", []any{section("fields", []any{md(1), md(2001)})}, "/blocks/0/fields/1/text"},
		{"10 fields", []any{section("fields", many(10, func(int) any { return md(1) }))}, ""},
		{"11 fields", []any{section("fields", many(11, func(int) any { return md(1) }))}, "no more than 10 items"},
		{"no fields", []any{section("fields", []any{})}, "no fewer than 1 items"},
		{"header 150", []any{obj{"type": "header", "text": pt(150)}}, ""},
		{"header 151", []any{obj{"type": "header", "text": pt(151)}}, "must be less than 151"},
		{"header mrkdwn", []any{obj{"type": "header", "text": md(5)}}, "unsupported type: mrkdwn"},
		{"context 10", []any{obj{"type": "context", "elements": many(10, func(int) any { return md(1) })}}, ""},
		{"context 11", []any{obj{"type": "context", "elements": many(11, func(int) any { return md(1) })}}, "no more than 10 items"},
		{"context button", []any{obj{"type": "context", "elements": []any{button()}}}, "unsupported type: button"},
		{"actions 25", []any{actions(many(25, func(int) any { return button() })...)}, ""},
		{"actions 26", []any{actions(many(26, func(int) any { return button() })...)}, "no more than 25 items"},
		{"actions none", []any{obj{"type": "actions", "elements": []any{}}}, "no fewer than 1 items"},
		{"button text 75", []any{actions(button("text", pt(75)))}, ""},
		{"button text 76", []any{actions(button("text", pt(76)))}, "must be less than 76"},
		{"button mrkdwn", []any{actions(button("text", md(5)))}, "unsupported type: mrkdwn"},
		{"button value 2000", []any{actions(button("value", id(2000)))}, ""},
		{"button value 2001", []any{actions(button("value", id(2001)))}, "/elements/0/value"},
		{"button style", []any{actions(button("style", "primary"))}, ""},
		{"button default style", []any{actions(button("style", "default"))}, "must be a valid enum value"},
		{"button disabled", []any{actions(button("disabled", true))}, "invalid additional property: disabled"},
		{"action_id 255", []any{actions(button("action_id", id(255)))}, ""},
		{"action_id 256", []any{actions(button("action_id", id(256)))}, "/action_id"},
		{"block_id 256", []any{section("block_id", id(256))}, "/block_id"},
		{"block_id twice", []any{section("block_id", "a"), section("block_id", "a")}, "`block_id` \"a\" already exists"},
		{"action_id twice in a block", []any{actions(button("action_id", "a"), button("action_id", "a"))},
			"`action_id` \"a\" already exists [json-pointer:/blocks/0/elements/1/action_id]"},
		{"action_id twice in two blocks", []any{actions(button("action_id", "a")), actions(button("action_id", "a"))}, ""},
		{"confirm at the limits", []any{actions(button("confirm", confirm(100, 300, 30, 30)))}, ""},
		{"confirm title", []any{actions(button("confirm", confirm(101, 1, 1, 1)))}, "/confirm/title/text"},
		{"confirm text", []any{actions(button("confirm", confirm(1, 301, 1, 1)))}, "/confirm/text/text"},
		{"confirm yes", []any{actions(button("confirm", confirm(1, 1, 31, 1)))}, "/confirm/confirm/text"},
		{"confirm no", []any{actions(button("confirm", confirm(1, 1, 1, 31)))}, "/confirm/deny/text"},
		{"100 options", []any{actions(menu("options", options(100, 75, 150)))}, ""},
		{"101 options", []any{actions(menu("options", options(101, 1, 1)))}, "no more than 100 items"},
		{"option text", []any{actions(menu("options", options(1, 76, 1)))}, "/options/0/text/text"},
		{"option value", []any{actions(menu("options", options(1, 1, 151)))}, "/options/0/value"},
		{"no options", []any{actions(menu("options", []any{}))}, "no fewer than 1 items"},
		{"placeholder 150", []any{actions(menu("placeholder", pt(150)))}, ""},
		{"placeholder 151", []any{actions(menu("placeholder", pt(151)))}, "/placeholder/text"},
		{"overflow 6", []any{section("accessory", obj{"type": "overflow", "options": options(6, 1, 1)})}, "no more than 5 items"},
		{"text input in actions", []any{actions(obj{"type": "plain_text_input"})}, "unsupported type: plain_text_input"},
		{"button in input", []any{input(button())}, "unsupported type: button"},
		{"unknown block", []any{obj{"type": "carousel"}}, "unsupported type: carousel"},
		{"not an object", []any{"hello"}, "must be an object"},
		{"image without alt", []any{obj{"type": "image", "image_url": "https://x.test/a.png"}}, "/alt_text"},
		{"unknown property", []any{section("color", "red")}, "invalid additional property: color"},
	} {
		got := fakeslack.CheckBlocks(c.blocks)
		if ok := strings.Contains(strings.Join(got, "\n"), c.want); !ok || c.want == "" && len(got) > 0 {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func TestViewLimits(t *testing.T) {
	t.Parallel()
	modal := func(kv ...any) obj {
		return with(obj{"type": "modal", "title": pt(24), "submit": pt(24), "close": pt(24), "blocks": []any{section()}}, kv...)
	}
	text := obj{"type": "plain_text_input", "action_id": "a"}
	for _, c := range []struct {
		name string
		view obj
		want string
	}{
		{"at the limits", modal("private_metadata", strings.Repeat("語", 3000)), ""},
		{"title", modal("title", pt(25)), "must be less than 25 characters [json-pointer:/view/title/text]"},
		{"no title", obj{"type": "modal", "blocks": []any{section()}}, "/view/title"},
		{"submit", modal("submit", pt(25)), "/view/submit"},
		{"close", modal("close", pt(25)), "/view/close"},
		{"private_metadata", modal("private_metadata", strings.Repeat("x", 3001)), "/view/private_metadata"},
		{"callback_id", modal("callback_id", strings.Repeat("x", 256)), "/view/callback_id"},
		{"100 blocks", modal("blocks", many(100, func(int) any { return section() })), ""},
		{"101 blocks", modal("blocks", many(101, func(int) any { return section() })), "no more than 100 items"},
		{"input without submit", obj{"type": "modal", "title": pt(4), "blocks": []any{input(text)}}, "submit is required"},
		{"home with title", obj{"type": "home", "title": pt(3), "blocks": []any{section()}}, "invalid additional property: title"},
		{"home", obj{"type": "home", "blocks": []any{section()}}, ""},
		{"wrong type", obj{"type": "dialog"}, "unsupported type: dialog"},
		{"input ids", modal("blocks", []any{input(text, "block_id", "x"), input(text, "block_id", "x")}), "already exists"},
	} {
		got := fakeslack.CheckView(c.view)
		if ok := strings.Contains(strings.Join(got, "\n"), c.want); !ok || c.want == "" && len(got) > 0 {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

// What slack-go marshals on its own accord must not be refused.
func TestSlackGoBlocksAreTaken(t *testing.T) {
	t.Parallel()
	yes := slack.NewConfirmationBlockObject(plain("Sure?"), mrkdwn("Really"), plain("Yes"), plain("No")).WithStyle(slack.StyleDanger)
	b := slack.NewButtonBlockElement("a", "v", slack.NewTextBlockObject("plain_text", "Go", true,
		false)).WithStyle(slack.StylePrimary).WithConfirm(yes)
	opt := slack.NewOptionBlockObject("v", plain("V"), plain("desc"))
	blocks := []slack.Block{
		slack.NewHeaderBlock(plain("H")), slack.NewDividerBlock(),
		slack.NewSectionBlock(slack.NewTextBlockObject("mrkdwn", "x", false, true), []*slack.TextBlockObject{mrkdwn("f")}, slack.NewAccessory(b)),
		slack.NewContextBlock("", mrkdwn("c"), slack.NewImageBlockElement("https://x.test/i.png", "alt")),
		slack.NewActionBlock("", b, slack.NewOptionsSelectBlockElement("static_select", plain("p"), "s", opt),
			slack.NewOverflowBlockElement("o", opt), slack.NewOptionsSelectBlockElement("external_select", plain("p"), "e"),
			slack.NewOptionsSelectBlockElement("users_select", plain("p"), "u"), slack.NewDatePickerBlockElement("d")),
		slack.NewInputBlock("i", plain("L"), plain("hint"), slack.NewPlainTextInputBlockElement(plain("p"), "t")).WithOptional(true),
		slack.NewInputBlock("j", plain("L"), nil, slack.NewRadioButtonsBlockElement("r", opt)),
		slack.NewInputBlock("k", plain("L"), nil, slack.NewCheckboxGroupsBlockElement("c", opt)),
		slack.NewImageBlock("https://x.test/i.png", "alt", "", plain("t")),
	}
	if got := fakeslack.CheckBlocks(blocks); len(got) > 0 {
		t.Errorf("refused: %s", strings.Join(got, "\n"))
	}
	view := slack.ModalViewRequest{Type: slack.VTModal, Title: plain("T"), Submit: plain("Go"),
		Blocks: slack.Blocks{BlockSet: blocks}, ClearOnClose: true}
	if got := fakeslack.CheckView(view); len(got) > 0 {
		t.Errorf("view refused: %s", strings.Join(got, "\n"))
	}
}

func FuzzCheckBlocks(f *testing.F) {
	for _, b := range []any{[]any{section()}, []any{actions(button())}, []any{input(menu())}, nil, 3,
		[]any{obj{"type": "section", "text": 3}}} {
		j, _ := json.Marshal(b)
		f.Add(string(j))
	}
	f.Fuzz(func(t *testing.T, s string) {
		var v any
		if json.Unmarshal([]byte(s), &v) != nil {
			return
		}
		_ = fmt.Sprint(fakeslack.CheckBlocks(v), fakeslack.CheckView(v)) // whatever comes, it does not panic
	})
}
