package web_test

import (
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/sshforward/sshforward/cmd/sshforward/playground/webtest"
	"github.com/sshforward/sshforward/internal/testenv"
)

// While a yes is missing there is a lock where people will come in, and nobody is
// said to get through; the rule that lets them in takes it away.
func TestALockedDoor(t *testing.T) {
	testenv.SkipRaced(t, "what it tests is the page; TestAPersonOpensAForwardByKeyboardAndMouse goes the same ways")
	t.Parallel()
	w := newWorld(t)
	b := webtest.Open(t, w.server.URL, "web")
	_, group := w.locked("k7m2q3x")
	b.See(".card.locked")
	b.See(".lock")
	b.Gone(".wire.live")
	b.JS(`document.querySelector('.state').textContent === 'web-1 is ready behind a locked door: nobody gets through'`)
	b.JS(`document.getElementById('picture-desc').textContent.includes('a locked door, nobody is let in')`)
	b.JS(`document.querySelector('.card.locked .shut').textContent.includes('the door is locked')`)
	b.JS(`!document.querySelector('.instance.reached')`)
	b.Shot("locked")
	w.letIn("k7m2q3x", group)
	b.See(".wire.live")
	b.Gone(".lock")
	b.JS(`document.querySelector('.state').textContent === 'web-1 can be reached'`)
}

// What happened is there after the page was loaded again, and a form that was open
// is closed by Escape as any other.
func TestAReload(t *testing.T) {
	testenv.SkipRaced(t, "what it tests is the page; TestAPersonOpensAForwardByKeyboardAndMouse goes the same ways")
	t.Parallel()
	w := newWorld(t)
	w.bot(func(kind string, p object) any {
		if kind == "slash_commands" {
			w.call("views.open", object{"trigger_id": p["trigger_id"], "view": denyModal})
		}
		return nil
	})
	b := webtest.Open(t, w.server.URL, "web")
	w.forward("k7m2q3x")
	b.JS(`document.querySelector('.log').textContent.includes('sshforward-test-k7m2q3x')`)
	b.Keys("/sshforward " + kb.Enter)
	b.See("dialog.modal")
	b.Do(chromedp.Reload())
	b.See("dialog.modal")
	b.JS(`document.querySelector('.log').textContent.includes('sshforward-test-k7m2q3x')`)
	b.Keys(kb.Escape)
	b.Gone("dialog")
	b.JS(`document.querySelectorAll('dialog').length === 0`)
}

// The answer to one's own command is in sight, wherever one was reading.
func TestOnesOwnAnswerIsInSight(t *testing.T) {
	testenv.SkipRaced(t, "what it tests is the page; TestAPersonOpensAForwardByKeyboardAndMouse goes the same ways")
	t.Parallel()
	w := newWorld(t)
	for range 12 {
		w.post("C1", "card-open")
	}
	w.bot(func(string, object) any { return object{"response_type": "ephemeral", "text": "Here it is."} })
	b := webtest.Open(t, w.server.URL, "web")
	b.See("[data-action='lease.extend']")
	b.JS(`(document.getElementById('scroll').scrollTop = 0, true)`)
	b.Keys("/sshforward list" + kb.Enter)
	b.See(".ephemeral")
	b.JS(`(() => { const n = document.querySelector('.ephemeral').getBoundingClientRect();
		const v = document.getElementById('scroll').getBoundingClientRect(); return n.bottom <= v.bottom + 1 && n.top >= v.top - 1; })()`)
}
