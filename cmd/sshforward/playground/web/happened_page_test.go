package web_test

import (
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/sshforward/sshforward/cmd/sshforward/playground/webtest"
	"github.com/sshforward/sshforward/internal/testenv"
)

// What happened is a story, with AWS folded under it; it is the same after a
// reload, and its times do not change with whom one acts as.
func TestWhatHappened(t *testing.T) {
	testenv.SkipRaced(t, "what it tests is the page; TestAPersonOpensAForwardByKeyboardAndMouse goes the same ways")
	t.Parallel()
	w := newWorld(t)
	w.stage.tell("bot", "The bot starts")
	b := webtest.Open(t, w.server.URL, "web")
	w.stage.tell("lease", "Ann confirms the request for web-1")
	b.See(".entry.lease")
	w.forward("k7m2q3x")
	b.See(".entry.lease .calls summary")
	w.stage.tell("session", "Somebody logs in to web-1")
	b.See(".entry.session")
	const story = `[...document.querySelectorAll('.entry > .what')].map((e) => e.textContent).join('; ')`
	const want = `'Somebody logs in to web-1; Ann confirms the request for web-1; The bot starts'`
	held := func(when string) {
		b.JS(story + " === " + want)
		b.JS(`!document.querySelector('.entry.session .calls summary')?.checkVisibility()`)
		// Folded, and there.
		b.JS(`document.querySelector('.entry.lease .calls').open === false`)
		b.JS(`/^\d+ changes in AWS$/.test(document.querySelector('.entry.lease .calls summary').textContent)`)
		b.JS(`document.querySelector('.entry.lease .calls').textContent.includes('sshforward-test-k7m2q3x')`)
		if t.Failed() {
			t.Fatal(when)
		}
	}
	held("at first")
	times := b.Get(`[...document.querySelectorAll('.log time')].map((e) => e.textContent).join()`)
	b.Do(chromedp.Reload())
	b.See(".entry.session")
	held("after a reload")
	b.Click("[data-user=U2]") // in Tokyo
	b.JS(`document.querySelector('#chat-head strong').textContent === 'ゆき'`)
	if now := b.Get(`[...document.querySelectorAll('.log time')].map((e) => e.textContent).join()`); now != times {
		t.Errorf("times are %s as Yuki, and %s as Ann", now, times)
	}
	w.stage.tell("lease", "ゆき looks at it")
	b.JS(`document.querySelector('.entry').textContent.includes('ゆき looks at it')`)
	b.JS(`document.querySelector('.happened h3').textContent.includes('times in ' + Intl.DateTimeFormat().resolvedOptions().timeZone)`)
	b.JS(`document.querySelector('.entry time').textContent === new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' }).format(
		new Date(document.querySelector('.entry time').dateTime))`)
	b.Click(".entry.lease .calls:not([hidden]) summary")
	b.JS(`document.querySelectorAll('.calls[open] .what').length > 3`)
	b.JS(`document.querySelector('.log').role === 'log' && document.querySelector('.log').tabIndex === 0`)
	b.Axe("what happened")
}
