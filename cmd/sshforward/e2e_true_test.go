package main

import (
	"strings"
	"testing"

	"github.com/sshforward/sshforward/bot/fakeslack"
	"github.com/sshforward/sshforward/internal/testenv"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

// What was said of a lease beside its card is true also when it is over: no
// command is left, and no button but the one that asks again, though another
// process than the one that said it is there by then.
func TestWhatWasSaidStaysTrue(t *testing.T) {
	testenv.SkipRaced(t, "TestAnotherAddress goes the same ways")
	t.Parallel()
	c, _, _ := fakeCloud(t, fakeaws.Options{})
	w := newWorld(t, c, worldOptions{})
	id := w.open(ann, dev, c.instance+" 1m from 203.0.113.7")
	card := w.card(dev, id, "ssh -p 22")
	w.reply(card, "is open")
	command := w.reply(card, "```ssh -p 22")
	if last := w.slack.Snapshot().Thread(card.TS); last[len(last)-1].TS != command.TS || strings.Count(command.Visible(), "\n") > 0 {
		t.Errorf("the command does not stand alone and last:\n%s", command.Visible())
	}
	w.await("the answer that it is open", func(s *fakeslack.Snapshot) bool {
		for _, m := range s.Ephemerals(ann, dev) {
			if containsAll(m.Visible(), []string{"is open", id}) && !strings.Contains(m.Visible(), "ssh -p") {
				return true
			}
		}
		return false
	})
	w.terminate() // what was posted has been written down by then
	w.start()
	w.slash(ann, dev, "close "+id)
	w.card(dev, id, "*Closed*")
	w.await("nothing that is not so any more", func(s *fakeslack.Snapshot) bool {
		for _, m := range s.Thread(card.TS) {
			if m.TS != card.TS && (strings.Contains(m.Visible(), "ssh -p") || strings.Contains(m.Visible(), "Access ends") || len(m.Buttons()) > 0) {
				return false
			}
		}
		return true
	})
	if res, err := w.slack.Click(t.Context(), ann, card.TS, "lease.again"); err != nil || res.Error != "" {
		t.Fatalf("%+v, %v", res, err)
	}
	w.modal(ann, "lease.open")
	prompt := w.slash(ann, dev, "again")
	if !containsAll(prompt.Visible(), []string{"Open SSH to", "203.0.113.7", "1m"}) {
		t.Errorf("again: %s", prompt.Visible())
	}
	w.nothingLeft()
}
