package web_test

import (
	"fmt"
	"testing"

	"github.com/sshforward/sshforward/cmd/sshforward/playground/web"
	"github.com/sshforward/sshforward/cmd/sshforward/playground/webtest"
	"github.com/sshforward/sshforward/internal/testenv"
)

// The line about what can be reached is true with several leases, with something
// missing, with somebody in, and past the end.
func TestThePill(t *testing.T) {
	testenv.SkipRaced(t, "what it tests is the page; TestAPersonOpensAForwardByKeyboardAndMouse goes the same ways")
	t.Parallel()
	w := newWorld(t)
	b := webtest.Open(t, w.server.URL, "web")
	b.JS(`document.querySelector('.state').textContent === 'No way in. Nothing is left over.'`)
	balancer := `{ health: 'InService', listen: 22 }`
	lease := func(instance, rest string) string {
		return fmt.Sprintf(`{ lease: 'l' + %[1]q, instance: %[1]q, balancer: %[2]s, group: { in: [{}] }, door: {}, %[3]s }`,
			instance, balancer, rest)
	}
	for _, c := range []struct{ forwards, status, kind, says string }{
		{lease("i-1", ""), `{ bot_running: true }`, "open", "web-1 can be reached"},
		{lease("i-1", ""), `{ bot_running: true, sessions: 1 }`, "open", "web-1 can be reached · 1 live session"},
		{lease("i-1", "") + "," + lease("i-2", ""), `{ bot_running: true, sessions: 2 }`, "open", "web-1, db-1 can be reached · 2 live sessions"},
		{lease("i-1", "door: null"), `{ bot_running: true, sessions: 1 }`, "making",
			"A rule is missing: nobody new gets through · 1 live session"},
		{lease("i-1", "") + "," + lease("i-2", "door: null"), `{ bot_running: true }`, "making",
			"web-1 can be reached · A rule is missing: nobody new gets through to db-1"},
		{lease("i-1", "") + "," + lease("i-2", "group: { in: [] }"), `{ bot_running: true }`, "open",
			"web-1 can be reached · db-1 is ready behind a locked door: nobody gets through"},
		{lease("i-1", "") + "," + lease("i-2", "balancer: {}"), `{ bot_running: true }`, "open",
			"web-1 can be reached · another way in is being made or taken down"},
		{lease("i-1", "expires: '2026-01-01T00:00:00Z'"), `{ bot_running: false, sessions: 1 }`, "late",
			"web-1 can be reached 1m 00s past the end · 1 live session · the bot is down"},
		{lease("i-1", "expires: '2026-01-01T00:02:00Z'"), `{ bot_running: false }`, "making", "web-1 can be reached · the bot is down"},
		{`{ lease: 'l', group: { in: [] } }`, `{ bot_running: true }`, "making", "No way in; some things are still there"},
	} {
		got := b.Get(fmt.Sprintf(`import('/js/pill.js').then((m) => m.summary(
			{ instances: [{ id: 'i-1', name: 'web-1' }, { id: 'i-2', name: 'db-1' }], forwards: [%s] },
			%s, Date.parse('2026-01-01T00:01:00Z')).join(': '))`,
			c.forwards, c.status))
		if got != c.kind+": "+c.says {
			t.Errorf("%s with %s says\n  %s, want\n  %s", c.forwards, c.status, got, c.kind+": "+c.says)
		}
	}
	w.stage.set(web.Status{})
	b.JS(`document.querySelector('.state').textContent === 'No way in. Nothing is left over. · the bot is down'`)

	// A button says what will happen, and then how long it took.
	b.JS(`document.querySelector('[data-kind=restart-bot]').textContent.includes('it goes on where it was')`)
	w.stage.set(web.Status{BotRunning: true, Repairs: map[string]web.Repair{"kill-bot": {Took: 4.25}, "remove-rule": {Took: 21.4}}})
	b.JS(`document.querySelector('[data-kind=kill-bot]').textContent.includes('was down for 4.3 s')`)
	b.JS(`document.querySelector('[data-kind=remove-rule]').textContent.includes('the bot put it back after 21 s')`)
	b.JS(`document.querySelector('[data-kind=lose-database]').textContent.includes('it learns it again from the tags')`)
	b.Axe("the cloud")
}
