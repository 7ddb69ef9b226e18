package web_test

import (
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/sshforward/sshforward/cmd/sshforward/playground/web"
)

type object = map[string]any

func TestAPersonOpensAForwardByKeyboardAndMouse(t *testing.T) {
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
	b := open(t, w.server.URL)
	b.see(".welcome")
	b.shot("welcome")

	b.keys("/") // anywhere on the page
	b.see("#completions [role=option]:nth-child(8)")
	b.shot("completion")
	b.keys("sshforward op" + kb.Tab)
	b.js(`document.getElementById('composer-text').value === '/sshforward open '`)
	b.keys("we" + kb.Tab)
	b.js(`document.getElementById('composer-text').value === '/sshforward open web-1 '`)
	b.keys("2h fr" + kb.Tab + "203.0.113.7" + kb.Enter)
	b.see(".ephemeral [data-action='lease.confirm']")
	b.js(`document.querySelector('.ephemeral .only').textContent === 'Only visible to you'`)
	b.js(`document.querySelectorAll('.ephemeral .field').length === 6`)
	b.js(`document.getElementById('composer-text').value === ''`)
	b.keys(kb.ArrowUp)
	b.js(`document.getElementById('composer-text').value === '/sshforward open web-1 2h from 203.0.113.7'`)
	b.keys(kb.ArrowDown)
	b.js(`document.getElementById('composer-text').value === ''`)
	b.shot("prompt")

	balancer := w.forward("k7m2q3x")
	b.click("[data-action='lease.confirm']")
	b.see(".message:not(.ephemeral) .code .copy")
	b.see(".card.live")
	b.see(".wire.live")
	b.js(`document.querySelector('.state').textContent === 'web-1 can be reached'`)
	b.shot("open")
	b.scheme("dark")
	b.js(`getComputedStyle(document.body).backgroundColor === 'rgb(15, 20, 23)'`)
	b.shot("open-dark")
	b.scheme("light")

	// Somebody else sees the card and not the prompt.
	b.click("[data-user=U2]")
	b.see("[data-action='lease.close']")
	b.gone(".ephemeral")
	b.click("[data-user=U1]")
	b.see(".ephemeral")

	b.click("[data-action='lease.close']")
	b.see("dialog.confirm")
	b.shot("confirm")
	b.keys(kb.Escape) // is a no
	b.gone("dialog")
	b.see("[data-action='lease.close']")
	b.click("[data-action='lease.close']")
	b.click("dialog .danger")
	b.gone("[data-action='lease.close']")
	w.cloud.Home().RemoveLoadBalancer(balancer)
	b.see(".lingering")
	b.gone(".wire.live")
	b.shot("closed")

	w.call("chat.delete", object{"channel": "C1", "ts": card})
	b.gone("#messages > .message:not(.ephemeral)")
}

func TestAReplyAMentionAndADeadBot(t *testing.T) {
	w := newWorld(t)
	card := w.post("C1", "card-open")
	b := open(t, w.server.URL)
	b.see("[data-action='lease.extend']")
	w.post("C1", "notice-reminder", "thread_ts", card)
	b.see(".replies .mention.mine")
	b.keys("/sshforward list" + kb.Enter) // there is no bot
	b.see(".failure")
	b.js(`document.querySelector('.failure').textContent.includes('dispatch_failed')`)
	b.shot("thread")

	w.stage.set(web.Status{SlowHealth: true})
	b.see("[data-kind=restart-bot]")
	b.see("[data-kind=fast-health][aria-pressed=true]")
	b.click("[data-kind=throttle]")
	b.js(`document.getElementById('announcer').textContent.includes('throttle')`)
	if got := w.stage.troubles(); len(got) != 1 || got[0] != "throttle" {
		t.Errorf("caused %q", got)
	}

	// What people write is text, whatever it looks like.
	b.click("#composer-text")
	b.keys(`<img src=x onerror=alert(1)> & *bold* @yuki` + kb.Enter)
	b.js(`[...document.querySelectorAll('.message .text')].at(-1).textContent === '<img src=x onerror=alert(1)> & bold @ゆき'`)
	b.js(`document.querySelectorAll('#messages img').length === 0`)

	// After a break the page is as if there had been none.
	b.cut.Store(true)
	w.server.CloseClientConnections()
	missed := w.post("C1", "notice-ended", "thread_ts", card)
	b.see(`[data-ts="` + missed + `"]`)
	b.js(`document.getElementById('offline').hidden`)
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
				return object{"response_action": "errors", "errors": object{"source": "10.0.0.1 is a private address. Give the public one, such as 203.0.113.7."}}
			}
			got <- values
			return nil
		case "event_callback":
			w.call("views.publish", object{"user_id": "U1", "view": object{"type": "home", "blocks": []object{
				{"type": "header", "text": object{"type": "plain_text", "text": "Your leases"}},
				{"type": "divider"},
				{"type": "section", "text": object{"type": "mrkdwn", "text": "*Nothing is open.* Type `/sshforward open web-1 1h`"},
					"accessory": object{"type": "button", "action_id": "home.open", "style": "primary", "text": object{"type": "plain_text", "text": "Open a forward"}}}}}})
			return nil
		default:
			w.call("views.open", object{"trigger_id": p["trigger_id"], "view": openModal})
			return nil
		}
	})
	b := open(t, w.server.URL)
	b.keys("/sshforward " + kb.Enter)
	b.see("dialog.modal")
	b.js(`document.activeElement.dataset.action === 'instance'`)
	b.keys("web")
	b.see(".suggestions [role=option]")
	b.shot("typeahead")
	b.keys(kb.Enter)
	b.js(`document.querySelector('[data-block=instance] input').value === 'web-1 (10.1.2.94)'`)
	b.click("dialog [data-action=submit]") // two are missing
	b.js(`document.querySelector('[data-block=source] .error').textContent !== ''`)
	b.do(chromedp.SetValue(chromedp.CSS("[data-block=duration] select"), "2h"))
	b.click("[data-block=source] input")
	b.keys("10.0.0.1" + kb.Enter)
	b.js(`document.querySelector('[data-block=source] .error').textContent.startsWith('10.0.0.1 is a private address')`)
	b.js(`document.activeElement.getAttribute('aria-invalid') === 'true'`)
	b.shot("field-error")
	b.do(chromedp.SetValue(chromedp.CSS("[data-block=source] input"), "203.0.113.7"))
	b.click("dialog [data-action=submit]")
	b.gone("dialog")
	values := <-got
	if v := values["instance"].(object)["instance"].(object)["selected_option"].(object)["value"]; v != w.note.Web {
		t.Errorf("instance %v, want %s", v, w.note.Web)
	}

	b.keys("/sshforward " + kb.Enter)
	b.see("dialog.modal")
	b.see(".suggestions [role=option]") // the list opens with the focus
	b.keys(kb.Escape)
	b.js(`document.querySelector('dialog .suggestions').hidden`) // Esc closes it first
	b.keys(kb.Escape)
	b.gone("dialog")

	b.click("#sidebar ul:nth-of-type(2) .place")
	b.click("[data-tab=home]")
	b.see("#home .header")
	b.shot("home")
}

func TestANarrowScreen(t *testing.T) {
	w := newWorld(t)
	w.post("C1", "card-open")
	w.forward("k7m2q3x")
	b := open(t, w.server.URL)
	b.do(chromedp.EmulateViewport(390, 844, chromedp.EmulateScale(2)))
	b.see("[data-action='lease.extend']")
	b.js(`document.documentElement.scrollWidth <= 390`)
	b.shot("narrow")
	b.click("#tabs [data-view=cloud]")
	b.see(".card.live")
	b.js(`document.getElementById('cloud').scrollWidth <= 390`)
	b.shot("narrow-cloud")
	b.click("#tabs [data-view=side]")
	b.see("#sidebar")
	b.click("[data-user=U2]")
	b.see("#composer-text")
}
