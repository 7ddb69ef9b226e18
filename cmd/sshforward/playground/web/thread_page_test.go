package web_test

import (
	"testing"

	"github.com/chromedp/chromedp/kb"
)

func TestAPersonWritesIntoAThread(t *testing.T) {
	w := newWorld(t)
	w.bot(func(kind string, _ object) any {
		t.Errorf("the bot got a %s", kind)
		return nil
	})
	card := w.post("C1", "card-open")
	b := open(t, w.server.URL)
	b.click(".reply")
	b.js(`document.activeElement.classList.contains('thread-text')`)
	b.keys("who is that, @yuki")

	// A card that changes leaves the one who types alone.
	m := golden(t, "card-open-nearly-max")
	m["channel"], m["ts"] = "C1", card
	w.call("chat.update", m)
	b.see(".edited")
	b.keys("?" + kb.Enter)
	b.see(".replies .message")
	b.js(`document.querySelector('.replies .text').textContent === 'who is that, @ゆき?'`)
	b.js(`document.activeElement.value === ''`)
	all := w.slack.Messages("C1")
	if last := all[len(all)-1]; last.ThreadTS != card || last.Text != "who is that, <@U2>?" {
		t.Errorf("said %q in the thread %q, want it in that of %s", last.Text, last.ThreadTS, card)
	}

	// Slack has no commands in threads.
	b.keys("/sshforward list" + kb.Enter)
	b.see(".replies .failure")
	b.js(`document.querySelector('.replies .failure').textContent.endsWith('/sshforward is not supported in threads. Sorry!')`)
	b.shot("thread-composer")

	// What was begun is there again when its author comes back.
	b.keys("half a sen")
	b.click("[data-user=U2]")
	b.js(`document.querySelector('.thread-text') === null`)
	b.click("[data-user=U1]")
	b.js(`document.querySelector('.thread-text').value === 'half a sen'`)
	b.click(".thread-text")
	b.keys(kb.Escape)
	b.see(".reply")
}

// TestJapanese is what the page does for messages in Japanese: the browser is
// told so, and nothing is wider than its place.
func TestJapanese(t *testing.T) {
	w := newWorld(t)
	b := open(t, w.server.URL)
	w.call("chat.postMessage", object{"channel": "C1", "text": "ja", "blocks": []object{
		{"type": "section", "text": object{"type": "mrkdwn", "text": ":large_green_circle: *接続できます* · `web-1` (i-0abc1234def567890)"}},
		{"type": "context", "elements": []object{{"type": "mrkdwn", "text": "From 203.0.113.7 to 10.0.1.5 in us-east-1a"}}},
		{"type": "actions", "elements": []object{
			{"type": "button", "action_id": "lease.extend", "text": object{"type": "plain_text", "text": "30分延長する"}}}}}})
	b.see("[data-action='lease.extend']")
	b.js(`document.querySelectorAll('.message .block[lang=ja]').length === 2`)
	b.js(`document.querySelector('.message .context').lang === ''`) // English, as the page
	b.js(`document.querySelector('[data-user=U2] .name').lang === 'ja'`)
	b.js(`getComputedStyle(document.querySelector('.block[lang=ja]')).lineBreak === 'strict'`)
	b.js(`getComputedStyle(document.querySelector('.block[lang=ja] code')).fontFamily.includes('monospace')`)
	b.click("[data-user=U2]")
	b.shot("japanese")
}
