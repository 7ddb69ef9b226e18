package web_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"

	"github.com/sshforward/sshforward/cmd/sshforward/playground/webtest"
	"github.com/sshforward/sshforward/internal/testenv"
)

// What is smaller than 11 px, or lower or narrower than 40 px though one presses
// it, as a text; what stands within a sentence is as high as the sentence.
const (
	tooSmall = `[...document.querySelectorAll('body *')].filter((e) => e.checkVisibility({ visibilityProperty: true })
		&& [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim()) && !e.closest('.sr-only, .skip, title, desc'))
		.map((e) => [e, parseFloat(getComputedStyle(e).fontSize) * (e.ownerSVGElement?.getScreenCTM().a ?? 1)])
		.filter(([, px]) => px < 10.99).map(([e, px]) => e.tagName + '.' + (e.className.baseVal ?? e.className) + ' ' + px).join('; ')`
	tooTight = `[...document.querySelectorAll('button, select, input, textarea, summary, [role=tab]')]
		.filter((e) => e.checkVisibility({ visibilityProperty: true })
		&& !e.closest('.text .command, .mention, .skip') && !e.matches('.mention, p .command, [type=radio], [type=checkbox]'))
		.map((e) => [e, e.getBoundingClientRect()]).filter(([, r]) => r.height < 39.5 || r.width < 39.5)
		.map(([e, r]) => e.tagName + '.' + e.className + ' ' + Math.round(r.width) + 'x' + Math.round(r.height)).join('; ')`
	// A word of a command is on one line, and nothing makes the page wider than it is.
	broken = `[...document.querySelectorAll('code.words > span:not(.long)')].filter((e) => e.checkVisibility() && e.getClientRects().length > 1
		|| e.getBoundingClientRect().height > 30).map((e) => e.textContent).join('; ')
		+ (document.documentElement.scrollWidth > innerWidth ? ' wider than the screen' : '')`
)

func none(t *testing.T, b *webtest.Browser, where, expression string) {
	t.Helper()
	found := "?"
	for range 40 { // a new size is drawn a moment later
		if found = b.Get(expression); found == "" {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Errorf("%s: %s", where, found)
}

func TestAPhone(t *testing.T) {
	testenv.SkipRaced(t, "what it tests is the page; TestAPersonOpensAForwardByKeyboardAndMouse goes the same ways")
	t.Parallel()
	w := newWorld(t)
	card := w.post("C1", "card-open")
	w.post("C1", "notice-reminder", "thread_ts", card)
	w.forward("k7m2q3x")
	w.stage.tell("lease", "Ann confirms the request for web-1")
	b := webtest.Open(t, w.server.URL, "web")
	parts := []struct{ view, sees string }{{"side", "#sidebar .place"}, {"cloud", ".card.live"}, {"chat", "[data-action='lease.extend']"}}
	for _, width := range []int64{390, 320, 600} {
		b.Size(width, 800)
		for _, p := range parts {
			b.Click("#tabs [data-view=" + p.view + "]")
			b.See(p.sees)
			where := fmt.Sprintf("%s at %d", p.view, width)
			none(t, b, where, tooSmall)
			none(t, b, where, tooTight)
			none(t, b, where, broken)
			if width == 390 {
				b.Axe(where)
			}
		}
	}
	b.Size(390, 800)
	b.Click("#tabs [data-view=cloud]")
	b.See(".card.live")
	w.post("C1", "card-open")
	b.JS(`document.querySelector('#tabs [data-view=chat] .count').textContent === '1'`)
	b.Click("#tabs [data-view=chat]")
	b.See(".unseen-from")
	b.JS(`document.querySelector('#tabs [data-view=chat] .count') === null`)
	b.JS(`document.querySelector('#tabs [data-view=cloud] .count') === null`)
	w.letIn("k7m2q3x", w.note.Group) // which changes nothing of what can be reached
	w.locked("k7m2q4y")
	b.See("#tabs [data-view=cloud] .count")

	// A problem covers neither the tabs nor where one types.
	b.Click("#composer-text")
	b.Keys("/nothing" + kb.Enter)
	b.See("#toasts .toast")
	b.JS(`document.getElementById('toasts').getBoundingClientRect().bottom <= document.getElementById('app').getBoundingClientRect().top`)
	b.JS(`document.getElementById('composer').getBoundingClientRect().bottom
		<= document.getElementById('tabs').getBoundingClientRect().top + 1`)
	b.JS(`document.getElementById('tabs').getBoundingClientRect().bottom <= innerHeight`)
	none(t, b, "a problem", tooSmall)
	none(t, b, "a problem", tooTight)
	b.Shot("phone-problem")
}

// On a larger screen no letter is smaller either, no word of a command is broken,
// and nothing moves for who asked that nothing moves.
func TestOtherSizes(t *testing.T) {
	testenv.SkipRaced(t, "what it tests is the page; TestAPersonOpensAForwardByKeyboardAndMouse goes the same ways")
	t.Parallel()
	w := newWorld(t)
	w.post("C1", "card-open")
	w.forward("k7m2q3x")
	b := webtest.Open(t, w.server.URL, "web")
	b.See("[data-action='lease.extend']")
	b.See(".wire.live")
	for _, width := range []int64{1400, 1024, 910} {
		b.Size(width, 800)
		none(t, b, fmt.Sprint(width), tooSmall)
		none(t, b, fmt.Sprint(width), broken)
	}
	b.JS(`document.getAnimations().filter((a) => a.playState === 'running').length === 0`)
	b.Axe("at 910")
}
