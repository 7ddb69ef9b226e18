package web_test

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/sshforward/sshforward/cmd/sshforward/playground/web"
	"github.com/sshforward/sshforward/cmd/sshforward/playground/webtest"
	"github.com/sshforward/sshforward/internal/testenv"
)

type object = map[string]any

func TestAPersonOpensAForwardByKeyboardAndMouse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	card := ""
	w.bot(func(kind string, p object) any {
		switch kind {
		case "block_actions":
			action := p["actions"].([]any)[0].(object)["action_id"]
			switch {
			case action == "lease.confirm":
				card = w.post("C1", "card-open")
			case action == "lease.close":
				m := golden(t, "card-closed-closed_by_user")
				m["channel"], m["ts"] = "C1", card
				w.call("chat.update", m)
			}
			return nil
		default:
			if p["text"] != "open web-1 2h from 203.0.113.7" {
				t.Errorf("the bot got %v %q", p["command"], p["text"])
			}
			m := golden(t, "prompt")
			m["response_type"] = "ephemeral"
			return m
		}
	})
	b := webtest.Open(t, w.server.URL, "web")
	b.See(".welcome")
	b.Shot("welcome")

	b.Keys("/")                                      // anywhere on the page
	b.See("#completions [role=option]:nth-child(6)") // what has no lease to be about is left out
	b.Shot("completion")
	b.Keys("sshforward op" + kb.Tab)
	b.JS(`document.getElementById('composer-text').value === '/sshforward open '`)
	b.Keys("we" + kb.Tab)
	b.JS(`document.getElementById('composer-text').value === '/sshforward open web-1 '`)
	b.Keys("2h fr" + kb.Tab)
	b.JS(`document.getElementById('composer-text').value === '/sshforward open web-1 2h from 127.0.0.1 '`)
	b.Keys(strings.Repeat(kb.Backspace, len("127.0.0.1 ")) + "203.0.113.7" + kb.Enter)
	b.See(".ephemeral [data-action='lease.confirm']")
	b.JS(`document.querySelector('.ephemeral .only').textContent === 'Only visible to you'`)
	b.JS(`document.querySelectorAll('.ephemeral .field').length === 6`)
	b.JS(`document.getElementById('composer-text').value === ''`)
	b.Keys(kb.ArrowUp)
	b.JS(`document.getElementById('composer-text').value === '/sshforward open web-1 2h from 203.0.113.7'`)
	b.Keys(kb.ArrowDown)
	b.JS(`document.getElementById('composer-text').value === ''`)
	b.Shot("prompt")

	balancer := w.forward("k7m2q3x")
	b.Click("[data-action='lease.confirm']")
	b.See(".message:not(.ephemeral) .code .copy")
	b.See(".card.live")
	b.See(".wire.live")
	b.JS(`document.querySelector('.state').textContent === 'web-1 can be reached'`)
	b.Shot("open")
	b.Scheme("dark")
	b.JS(`getComputedStyle(document.body).backgroundColor === 'rgb(15, 20, 23)'`)
	b.Shot("open-dark")
	b.Scheme("light")

	// Somebody else sees the card and not the prompt.
	b.Click("[data-user=U2]")
	b.See("[data-action='lease.close']")
	b.Gone(".ephemeral")
	b.Click("[data-user=U1]")
	b.See(".ephemeral")

	b.Click("[data-action='lease.close']")
	b.See("dialog.confirm")
	b.Shot("confirm")
	b.Keys(kb.Escape) // is a no
	b.Gone("dialog")
	b.See("[data-action='lease.close']")
	b.Click("[data-action='lease.close']")
	b.Click("dialog .danger")
	b.Gone("[data-action='lease.close']")
	w.cloud.Home().RemoveLoadBalancer(balancer)
	b.See(".lingering")
	b.Gone(".wire.live")
	b.Shot("closed")

	w.call("chat.delete", object{"channel": "C1", "ts": card})
	b.Gone("#messages > .message:not(.ephemeral)")
}

func TestAReplyAMentionAndADeadBot(t *testing.T) {
	testenv.SkipRaced(t, "what it tests is the page; TestAPersonOpensAForwardByKeyboardAndMouse goes the same ways")
	t.Parallel()
	w := newWorld(t)
	card := w.post("C1", "card-open")
	b := webtest.Open(t, w.server.URL, "web")
	b.See("[data-action='lease.extend']")
	w.post("C1", "notice-reminder", "thread_ts", card)
	b.See(".replies .mention.mine")
	b.Keys("/sshforward list" + kb.Enter) // there is no bot
	b.See(".failure")
	b.JS(`document.querySelector('.failure').textContent.includes('dispatch_failed')`)
	b.Shot("thread")

	w.stage.set(web.Status{SlowHealth: true})
	b.See("[data-kind=restart-bot]")
	b.See("[data-kind=fast-health][aria-pressed=true]")
	b.Click("[data-kind=throttle]")
	b.JS(`document.getElementById('announcer').textContent.includes('Done: Throttle AWS')`)
	if got := w.stage.troubles(); len(got) != 1 || got[0] != "throttle" {
		t.Errorf("caused %q", got)
	}

	// What people write is text, whatever it looks like.
	b.Click("#composer-text")
	b.Keys(`<img src=x onerror=alert(1)> & *bold* @yuki` + kb.Enter)
	b.JS(`[...document.querySelectorAll('.message .text')].at(-1).textContent === '<img src=x onerror=alert(1)> & bold @ゆき'`)
	b.JS(`document.querySelectorAll('#messages img').length === 0`)

	// After a break the page is as if there had been none.
	b.Cut.Store(true)
	w.server.CloseClientConnections()
	missed := w.post("C1", "notice-ended", "thread_ts", card)
	b.See(`[data-ts="` + missed + `"]`)
	b.JS(`document.getElementById('offline').hidden`)
}

// openModal is the modal of the design, as the bot would open it.
var openModal = object{
	"type": "modal", "callback_id": "lease.open",
	"title":  object{"type": "plain_text", "text": "Open a forward"},
	"submit": object{"type": "plain_text", "text": "Open"}, "close": object{"type": "plain_text", "text": "Cancel"},
	"blocks": []object{
		{"type": "input", "block_id": "instance", "label": object{"type": "plain_text", "text": "Instance"},
			"element": object{"type": "external_select", "action_id": "instance", "min_query_length": 0,
				"placeholder": object{"type": "plain_text", "text": "Name or id"}}},
		{"type": "input", "block_id": "duration", "label": object{"type": "plain_text", "text": "For how long"},
			"element": object{"type": "static_select", "action_id": "duration", "options": []object{
				{"text": object{"type": "plain_text", "text": "30 minutes"}, "value": "30m"},
				{"text": object{"type": "plain_text", "text": "2 hours"}, "value": "2h"}}}},
		{"type": "input", "block_id": "source", "label": object{"type": "plain_text", "text": "From address"},
			"hint":    object{"type": "plain_text", "text": "The public address you connect from."},
			"element": object{"type": "plain_text_input", "action_id": "source"}},
		{"type": "input", "block_id": "reason", "optional": true, "label": object{"type": "plain_text", "text": "Reason"},
			"element": object{"type": "plain_text_input", "action_id": "reason", "multiline": true}},
	},
}

func TestAModalWithTypeaheadAndAFieldError(t *testing.T) {
	testenv.SkipRaced(t, "what it tests is the page; TestAPersonOpensAForwardByKeyboardAndMouse goes the same ways")
	t.Parallel()
	w := newWorld(t)
	got := make(chan object, 10)
	w.bot(func(kind string, p object) any {
		switch kind {
		case "block_suggestion":
			return object{"options": []object{
				{"text": object{"type": "plain_text", "text": "web-1 (10.1.2.94)"}, "value": w.note.Web},
				{"text": object{"type": "plain_text", "text": "app-1 (10.1.2.95)"}, "value": w.note.App}}}
		case "view_submission":
			values := p["view"].(object)["state"].(object)["values"].(object)
			source := values["source"].(object)["source"].(object)["value"]
			if source == "10.0.0.1" {
				return object{"response_action": "errors", "errors": object{
					"source": "10.0.0.1 is a private address. Give the public one, such as 203.0.113.7.",
				}}
			}
			got <- values
			return nil
		case "event_callback":
			w.call("views.publish", object{"user_id": "U1", "view": object{"type": "home", "blocks": []object{
				{"type": "header", "text": object{"type": "plain_text", "text": "Your leases"}},
				{"type": "divider"},
				{"type": "section", "text": object{"type": "mrkdwn", "text": "*Nothing is open.* Type `/sshforward open web-1 1h`"},
					"accessory": object{"type": "button", "action_id": "home.open", "style": "primary",
						"text": object{"type": "plain_text", "text": "Open a forward"}}}}}})
			return nil
		default:
			w.call("views.open", object{"trigger_id": p["trigger_id"], "view": openModal})
			return nil
		}
	})
	b := webtest.Open(t, w.server.URL, "web")
	b.Keys("/sshforward " + kb.Enter)
	b.See("dialog.modal")
	b.JS(`document.activeElement.dataset.action === 'instance'`)
	b.Keys("web")
	b.See(".suggestions [role=option]")
	b.Shot("typeahead")
	b.Keys(kb.Enter)
	b.JS(`document.querySelector('[data-block=instance] input').value === 'web-1 (10.1.2.94)'`)
	b.Click("dialog [data-action=submit]") // two are missing
	b.JS(`document.querySelector('[data-block=source] .error').textContent !== ''`)
	b.Do(chromedp.SetValue(chromedp.CSS("[data-block=duration] select"), "2h"))
	b.Click("[data-block=source] input")
	b.Keys("10.0.0.1" + kb.Enter)
	b.JS(`document.querySelector('[data-block=source] .error').textContent.startsWith('10.0.0.1 is a private address')`)
	b.JS(`document.activeElement.getAttribute('aria-invalid') === 'true'`)
	b.Shot("field-error")
	b.Do(chromedp.SetValue(chromedp.CSS("[data-block=source] input"), "203.0.113.7"))
	b.Click("dialog [data-action=submit]")
	b.Gone("dialog")
	values := <-got
	if v := values["instance"].(object)["instance"].(object)["selected_option"].(object)["value"]; v != w.note.Web {
		t.Errorf("instance %v, want %s", v, w.note.Web)
	}

	b.Keys("/sshforward " + kb.Enter)
	b.See("dialog.modal")
	b.See(".suggestions [role=option]") // the list opens with the focus
	b.Keys(kb.Escape)
	b.JS(`document.querySelector('dialog .suggestions').hidden`) // Esc closes it first
	b.Keys(kb.Escape)
	b.Gone("dialog")

	b.Click("#sidebar ul:nth-of-type(2) .place")
	b.Click("[data-tab=home]")
	b.See("#home .header")
	b.Shot("home")
}

func TestANarrowScreen(t *testing.T) {
	testenv.SkipRaced(t, "what it tests is the page; TestAPersonOpensAForwardByKeyboardAndMouse goes the same ways")
	t.Parallel()
	w := newWorld(t)
	w.post("C1", "card-open")
	w.forward("k7m2q3x")
	b := webtest.Open(t, w.server.URL, "web")
	b.Do(chromedp.EmulateViewport(390, 844, chromedp.EmulateScale(2)))
	b.See("[data-action='lease.extend']")
	b.JS(`document.documentElement.scrollWidth <= 390`)
	b.Shot("narrow")
	b.Click("#tabs [data-view=cloud]")
	b.See(".card.live")
	b.JS(`document.getElementById('cloud').scrollWidth <= 390`)
	b.Shot("narrow-cloud")
	b.Click("#tabs [data-view=side]")
	b.See("#sidebar")
	b.Click("[data-user=U2]")
	b.See("#composer-text")
}
