package web_test

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"github.com/sshforward/sshforward/cmd/sshforward/playground/web"
	"github.com/sshforward/sshforward/cmd/sshforward/playground/webtest"
	"github.com/sshforward/sshforward/internal/testenv"
)

// insight waits until a message is within what is seen of the conversation.
func insight(b *webtest.Browser, ts string) {
	b.JS(fmt.Sprintf(`(() => {
		const n = document.querySelector('[data-ts="%s"]')?.getBoundingClientRect();
		const v = document.getElementById('scroll').getBoundingClientRect();
		return !!n && v.height > 0 && n.top < v.bottom - 20 && n.bottom > v.top + 20 && n.top > v.top - 1;
	})()`, ts))
}

// Who comes back to a conversation is at the newest message, or at the first that
// was not seen yet.
func TestComingBackToAConversation(t *testing.T) {
	testenv.SkipRaced(t, "what it tests is the page; TestAPersonOpensAForwardByKeyboardAndMouse goes the same ways")
	t.Parallel()
	w := newWorld(t)
	last := ""
	for range 8 {
		last = w.post("C1", "card-open")
	}
	b := webtest.Open(t, w.server.URL, "web")
	dm, back := "#sidebar ul:nth-of-type(2) .place", "#sidebar [data-key=C1]"
	insight(b, last)
	b.Click(dm)
	b.Click("[data-tab=home]")
	b.See("#home")
	b.Click(back)
	insight(b, last)
	b.Gone(".unseen-from")

	b.Click(dm)
	b.Click("[data-tab=home]")
	first := w.post("C1", "card-open")
	for range 4 {
		w.post("C1", "card-open")
	}
	b.JS(`document.querySelector('#sidebar [data-key=C1] .count').textContent === '5'`)
	b.Click(back)
	b.See(".unseen-from")
	b.JS(fmt.Sprintf(`document.querySelector('.unseen-from').nextSibling.dataset.ts === %q`, first))
	insight(b, first)
	b.Axe("what was not seen yet")
	b.JS(`document.querySelector('#sidebar .count') === null`)
}

// A bot that is down is said to be, wherever one is.
func TestABotThatIsDownIsSaidToBe(t *testing.T) {
	testenv.SkipRaced(t, "what it tests is the page; TestAPersonOpensAForwardByKeyboardAndMouse goes the same ways")
	t.Parallel()
	w := newWorld(t)
	w.post("C1", "card-open")
	w.home("Nothing is open.")
	w.stage.set(web.Status{})
	b := webtest.Open(t, w.server.URL, "web")
	b.JS(`document.querySelector('.state').textContent.includes('the bot is down')`)
	b.Click("#composer-text")
	b.Keys("/sshforward list" + kb.Enter)
	b.JS(`document.querySelector('.failure')?.textContent.includes('/sshforward got no answer (dispatch_failed): the bot is down') === true`)
	b.Click("[data-action='lease.close']")
	b.Click("dialog .danger")
	b.JS(`[...document.querySelectorAll('.failure')].at(-1).textContent.includes('The button “Close” got no answer')`)
	b.Gone(".toast")
	b.Click("#sidebar ul:nth-of-type(2) .place")
	b.Click("[data-tab=home]")
	b.Click("#home [data-action='home.open']")
	b.JS(`document.querySelector('#toasts .toast')?.textContent.includes('The button “Open a forward” got no answer') === true`)
	b.JS(`!document.body.textContent.includes('internal')`)
	b.Axe("a bot that is down")
}

// What one has begun to write stays with who wrote it, and so does what they sent.
func TestADraftStaysWithItsAuthor(t *testing.T) {
	testenv.SkipRaced(t, "what it tests is the page; TestAPersonOpensAForwardByKeyboardAndMouse goes the same ways")
	t.Parallel()
	w := newWorld(t)
	b := webtest.Open(t, w.server.URL, "web")
	b.Click("#composer-text")
	b.Keys("mine" + kb.Enter + "half a sen")
	b.Click("[data-user=U2]")
	b.JS(`document.getElementById('composer-text').value === ''`)
	b.Click("#composer-text")
	b.Keys(kb.ArrowUp)
	b.JS(`document.getElementById('composer-text').value === ''`)
	b.Click("[data-user=U1]")
	b.JS(`document.getElementById('composer-text').value === 'half a sen'`)
	b.Click("#sidebar [data-key=C2]")
	b.JS(`document.getElementById('composer-text').value === ''`)

	// The bot reads no messages; who writes one to it is told what to type.
	b.Click("#sidebar ul:nth-of-type(2) .place")
	b.Click("#composer-text")
	b.Keys("open web-1 please" + kb.Enter)
	b.See(".message.ephemeral .command")
	b.JS(`[...document.querySelectorAll('.message.ephemeral .command')].map((c) => c.textContent).join()
		=== '/sshforward,/sshforward open web-1 5m'`)
	b.Axe("a word to the bot")
}
