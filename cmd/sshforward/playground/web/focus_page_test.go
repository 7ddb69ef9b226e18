package web_test

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"github.com/sshforward/sshforward/cmd/sshforward/playground/web"
	"github.com/sshforward/sshforward/cmd/sshforward/playground/webtest"
	"github.com/sshforward/sshforward/internal/testenv"
)

// focused waits until what has the focus is such a thing.
func focused(b *webtest.Browser, css string) {
	b.JS(fmt.Sprintf(`document.activeElement?.matches(%q) === true`, css))
}

// onto gives the focus to something, as the Tab key would.
func onto(b *webtest.Browser, css string) {
	b.See(css)
	b.JS(fmt.Sprintf(`(() => { const e = document.querySelector(%[1]q); e.focus(); return document.activeElement === e; })()`, css))
}

// Whoever goes by the keyboard is not thrown back to the top of the page: what is
// pressed is still there, or what stands in its place.
func TestTheFocusIsNeverLost(t *testing.T) {
	testenv.SkipRaced(t, "what it tests is the page; TestAPersonOpensAForwardByKeyboardAndMouse goes the same ways")
	t.Parallel()
	w := newWorld(t)
	card := ""
	w.bot(func(kind string, p object) any {
		switch kind {
		case "slash_commands":
			m := golden(t, "prompt")
			m["response_type"] = "ephemeral"
			return m
		case "event_callback":
			w.home("Nothing is open.")
			return nil
		}
		switch p["actions"].([]any)[0].(object)["action_id"] {
		case "lease.confirm":
			m := golden(t, "confirmed-direct")
			m["replace_original"] = true
			w.respond(p["response_url"], m)
		case "lease.cancel":
			w.respond(p["response_url"], object{"delete_original": true})
		case "lease.deny":
			w.call("views.open", object{"trigger_id": p["trigger_id"], "view": denyModal})
			m := golden(t, "card-pending")
			m["channel"], m["ts"] = "C1", card
			w.call("chat.update", m) // the card is drawn anew meanwhile
		}
		return nil
	})
	b := webtest.Open(t, w.server.URL, "web")
	typed := func() {
		onto(b, "#composer-text")
		b.Keys("/sshforward open web-1 2h" + kb.Enter)
		b.See("[data-action='lease.confirm']")
	}

	typed()
	onto(b, "[data-action='lease.cancel']")
	b.Keys(kb.Enter)
	b.Gone("[data-action='lease.cancel']")
	focused(b, "#composer-text") // from where it was asked for

	typed()
	onto(b, "[data-action='lease.confirm']")
	b.Keys(kb.Enter)
	b.Gone("[data-action='lease.confirm']")
	focused(b, ".message.ephemeral") // what the button was in

	card = w.post("C1", "card-pending")
	onto(b, "[data-action='lease.deny']")
	b.Keys(kb.Enter)
	b.See("dialog.modal")
	b.Axe("a form")
	b.Keys(kb.Escape)
	b.Gone("dialog")
	focused(b, "[data-action='lease.deny']")

	onto(b, "[data-kind=kill-bot]")
	w.stage.set(web.Status{})
	b.See("[data-kind=restart-bot]")
	focused(b, "[data-kind=restart-bot]")
	w.stage.set(web.Status{BotRunning: true})
	focused(b, "[data-kind=kill-bot]")
	onto(b, "[data-kind=slow-health]")
	w.stage.set(web.Status{BotRunning: true, SlowHealth: true})
	focused(b, "[data-kind=fast-health]")

	b.Click("#sidebar ul:nth-of-type(2) .place")
	focused(b, "#sidebar .place")
	onto(b, "[data-tab=messages]")
	b.Keys(kb.ArrowLeft)
	focused(b, "[data-tab=home][aria-selected=true]")
	onto(b, "#home button")
	w.home("Still nothing is open.") // published again
	b.JS(`document.getElementById('home').textContent.includes('Still')`)
	focused(b, "#home button")
	b.Axe("Home")

	// What goes wrong is said where it covers nothing, and can be put away.
	b.Click("#sidebar [data-key=C1]")
	onto(b, "#composer-text")
	b.Keys("/nothing" + kb.Enter)
	b.See("#toasts .toast")
	b.JS(`document.getElementById('toasts').getBoundingClientRect().bottom <= document.getElementById('app').getBoundingClientRect().top`)
	b.JS(`document.getElementById('composer').getBoundingClientRect().bottom <= innerHeight`)
	b.Axe("a problem")
	onto(b, "#toasts button")
	b.Keys(kb.Escape)
	b.Gone(".toast")
	focused(b, "#composer-text")
}

var denyModal = object{
	"type": "modal", "title": object{"type": "plain_text", "text": "Deny"}, "submit": object{"type": "plain_text", "text": "Deny"},
	"blocks": []object{{
		"type": "input", "block_id": "reason", "label": object{"type": "plain_text", "text": "Why"},
		"element": object{"type": "plain_text_input", "action_id": "reason"},
	}},
}

// home publishes a Home with a button.
func (w *world) home(says string) {
	w.call("views.publish", object{"user_id": "U1", "view": object{"type": "home", "blocks": []object{
		{"type": "header", "text": object{"type": "plain_text", "text": "Your leases"}},
		{"type": "section", "text": object{"type": "mrkdwn", "text": says},
			"accessory": object{"type": "button", "action_id": "home.open", "text": object{"type": "plain_text", "text": "Open a forward"}}},
	}}})
}
