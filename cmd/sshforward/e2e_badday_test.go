package main

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sshforward/sshforward/bot/fakeslack"
	"github.com/sshforward/sshforward/internal/testenv"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

// Slack's bad days: access ends all the same, and afterwards people are told
// what they were owed, once.

// unwell has every message refused, in the two ways that Slack has for it.
func unwell(w *world) (recover func()) {
	var n atomic.Int64
	w.slack.SetFault(func(c fakeslack.Call) fakeslack.Outcome {
		if !strings.HasPrefix(c.Method, "chat.") {
			return fakeslack.Outcome{}
		}
		if n.Add(1)%2 == 0 {
			return fakeslack.Outcome{Status: http.StatusTooManyRequests, RetryAfter: time.Second}
		}
		return fakeslack.Outcome{Status: http.StatusServiceUnavailable}
	})
	return func() { w.slack.SetFault(nil) }
}

// said counts the messages in a channel that say all of it.
func said(s *fakeslack.Snapshot, channel string, parts ...string) (n int) {
	for _, m := range s.Messages(channel) {
		if containsAll(m.Visible(), parts) {
			n++
		}
	}
	return n
}

func TestSlackIsDownWhileALeaseEnds(t *testing.T) {
	t.Parallel()
	c, _, _ := fakeCloud(t, fakeaws.Options{})
	w := newWorld(t, c, worldOptions{timing: strings.Replace(shortTiming, "reminders: [3s]", "reminders: [4s]", 1)})
	id := w.open(ann, dev, c.instance+" 6s from 203.0.113.7")
	w.card(dev, id, "ssh -p 22")
	w.await("the notice that it is open", func(s *fakeslack.Snapshot) bool { return said(s, dev, id, "Paste this") > 0 })

	recover := unwell(w)
	w.slack.Drop()
	w.nothingLeftSoon() // the end waits for nobody
	w.kill()            // and what is owed does not live in memory
	before := len(w.slack.Messages(dev))
	w.start()
	recover()
	w.card(dev, id, "*Closed*")
	w.await("the notice that it has ended", func(s *fakeslack.Snapshot) bool { return said(s, dev, id, "has ended") > 0 })
	time.Sleep(2 * time.Second) // for what should not come
	s := w.slack.Snapshot()
	if n := said(s, dev, id, "*Closed*"); n != 1 {
		t.Errorf("%d cards", n)
	}
	if n := said(s, dev, id, "has ended"); n != 1 {
		t.Errorf("%d notices of the end", n)
	}
	if n := said(s, dev, id, "ends in"); n > 1 {
		t.Errorf("%d reminders of an end that is past", n)
	}
	if n := len(s.Messages(dev)) - before; n > 1 {
		t.Errorf("%d messages came after it, want the notice alone", n)
	}
}

func TestCardDeletedByAnAdminAndChannelArchived(t *testing.T) {
	testenv.SkipRaced(t, "TestSlackIsDownWhileALeaseEnds goes the same ways")
	t.Parallel()
	c, _, _ := fakeCloud(t, fakeaws.Options{})
	w := newWorld(t, c, worldOptions{})
	id := w.open(ann, dev, c.instance+" 1m from 203.0.113.7")
	card := w.card(dev, id, "ssh -p 22")
	w.reply(card, "Paste this")
	w.reply(card, "```ssh -p 22")

	resp, err := http.PostForm(w.slack.APIURL()+"chat.delete",
		url.Values{"token": {w.slack.BotToken()}, "channel": {dev}, "ts": {card.TS}})
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	w.slash(ann, dev, "extend "+id+" 30s")
	anew := w.card(dev, id, "*Open*", "ssh -p 22")
	if anew.TS == card.TS {
		t.Fatal("the card is where it was deleted")
	}

	w.slack.AddChannel(fakeslack.Channel{ID: dev, Name: "dev", Members: []string{ann, bob, carol}, Archived: true})
	w.slash(ann, ops, "close "+id)
	w.card(ops, id, "*Closed*")
	w.await("the notice that it has ended", func(s *fakeslack.Snapshot) bool { return said(s, ops, id, "has ended") > 0 })
	time.Sleep(2 * time.Second)
	s := w.slack.Snapshot()
	for what, n := range map[string]int{"cards": said(s, ops, id, "*Closed*"), "notices of the end": said(s, ops, id, "has ended")} {
		if n != 1 {
			t.Errorf("%d %s in the other channel", n, what)
		}
	}
	w.nothingLeft()
}

// Tokens, response URLs and tickets are nowhere: not in the log at its most
// talkative, not in what people are shown, not on the bot's own pages, not in the store.
func TestNoSecretIsTold(t *testing.T) {
	testenv.SkipRaced(t, "what it looks for is in texts")
	t.Parallel()
	c, _, _ := fakeCloud(t, fakeaws.Options{})
	w := newWorld(t, c, worldOptions{env: []string{"SSHFORWARD_LOG_LEVEL=debug"}})
	var n atomic.Int64
	w.slack.SetFault(func(fakeslack.Call) fakeslack.Outcome {
		switch n.Add(1) % 7 {
		case 1:
			return fakeslack.Outcome{Status: http.StatusInternalServerError}
		case 3:
			return fakeslack.Outcome{LoseRequest: true}
		case 5:
			return fakeslack.Outcome{Error: "fatal_error"}
		}
		return fakeslack.Outcome{}
	})
	for _, text := range []string{"list", "open " + c.instance + " 3s from 203.0.113.7", "close nothing", "extend nothing 1h"} {
		if _, err := w.slack.Slash(t.Context(), ann, dev, text); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.slack.ForgeClick(t.Context(), ann,
		fakeslack.Forged{Channel: dev, TS: "1.2", ActionID: "lease.close", Value: "not a lease"}); err != nil {
		t.Fatal(err)
	}
	w.slack.Drop()
	time.Sleep(3 * time.Second)
	w.slack.SetFault(nil)
	_, metrics := w.get("/metrics")
	w.slack.SetTokenError(w.slack.AppToken(), "token_revoked")
	w.slack.Drop()
	w.logged("SLACK_APP_TOKEN (token_revoked)") // it says what is wrong

	stored, err := os.ReadFile(filepath.Join(w.dir, "leases.db"))
	if err != nil {
		t.Fatal(err)
	}
	said := map[string]string{"the log": w.log.String(), "/metrics": metrics, "what people saw": w.transcript(), "the store": string(stored)}
	for name, text := range said {
		for _, secret := range []string{w.slack.BotToken(), w.slack.AppToken(), "/response/", "ticket=", "SECRET_ACCESS_KEY"} {
			if strings.Contains(text, secret) {
				t.Errorf("%s has %q", name, secret)
			}
		}
	}
	if !strings.Contains(w.log.String(), "level=DEBUG") {
		t.Error("the log is not at its most talkative")
	}
}
