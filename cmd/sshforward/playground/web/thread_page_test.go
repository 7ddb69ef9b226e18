package web_test

import (
	"testing"

	"github.com/chromedp/chromedp/kb"

	"github.com/sshforward/sshforward/cmd/sshforward/playground/webtest"
	"github.com/sshforward/sshforward/internal/testenv"
)

func TestAPersonWritesIntoAThread(t *testing.T) {
	testenv.SkipRaced(t, "what it tests is the page; TestAPersonOpensAForwardByKeyboardAndMouse goes the same ways")
	t.Parallel()
	w := newWorld(t)
	w.bot(func(kind string, _ object) any {
		t.Errorf("the bot got a %s", kind)
		return nil
	})
	card := w.post("C1", "card-open")
	b := webtest.Open(t, w.server.URL, "web")
	b.Click(".reply")
	b.JS(`document.activeElement.classList.contains('thread-text')`)
	b.Keys("who is that, @yuki")

	// A card that changes leaves the one who types alone.
	m := golden(t, "card-open-nearly-max")
	m["channel"], m["ts"] = "C1", card
	w.call("chat.update", m)
	b.See(".edited")
	b.Keys("?" + kb.Enter)
	b.See(".replies .message")
	b.JS(`document.querySelector('.replies .text').textContent === 'who is that, @ゆき?'`)
	b.JS(`document.activeElement.value === ''`)
	all := w.slack.Messages("C1")
	if last := all[len(all)-1]; last.ThreadTS != card || last.Text != "who is that, <@U2>?" {
		t.Errorf("said %q in the thread %q, want it in that of %s", last.Text, last.ThreadTS, card)
	}

	// Slack has no commands in threads.
	b.Keys("/sshforward list" + kb.Enter)
	b.See(".replies .failure")
	b.JS(`document.querySelector('.replies .failure').textContent.endsWith('/sshforward is not supported in threads. Sorry!')`)
	b.Shot("thread-composer")

	// What was begun is there again when its author comes back.
	b.Keys("half a sen")
	b.Click("[data-user=U2]")
	b.JS(`document.querySelector('.thread-text') === null`)
	b.Click("[data-user=U1]")
	b.JS(`document.querySelector('.thread-text').value === 'half a sen'`)
	b.Click(".thread-text")
	b.Keys(kb.Escape)
	b.See(".reply")
}

// TestJapanese is what the page does for messages in Japanese: the browser is
// told so, and nothing is wider than its place.
func TestJapanese(t *testing.T) {
	testenv.SkipRaced(t, "what it tests is the page; TestAPersonOpensAForwardByKeyboardAndMouse goes the same ways")
	t.Parallel()
	w := newWorld(t)
	b := webtest.Open(t, w.server.URL, "web")
	w.call("chat.postMessage", object{"channel": "C1", "text": "ja", "blocks": []object{
		{"type": "section", "text": object{"type": "mrkdwn", "text": ":large_green_circle: *接続できます* · `web-1` (i-0abc1234def567890)"}},
		{"type": "context", "elements": []object{{"type": "mrkdwn", "text": "From 203.0.113.7 to 10.0.1.5 in us-east-1a"}}},
		{"type": "actions", "elements": []object{
			{"type": "button", "action_id": "lease.extend", "text": object{"type": "plain_text", "text": "30分延長する"}}}}}})
	b.See("[data-action='lease.extend']")
	b.JS(`document.querySelectorAll('.message .block[lang=ja]').length === 2`)
	b.JS(`document.querySelector('.message .context').lang === ''`) // English, as the page
	b.JS(`document.querySelector('[data-user=U2] .name').lang === 'ja'`)
	b.JS(`getComputedStyle(document.querySelector('.block[lang=ja]')).lineBreak === 'strict'`)
	b.JS(`getComputedStyle(document.querySelector('.block[lang=ja] code')).fontFamily.includes('monospace')`)
	b.Click("[data-user=U2]")
	b.JS(`document.querySelector('.reply').textContent === '返信'`) // as their Slack would say
	b.Shot("japanese")
}
