package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sshforward/sshforward/bot/fakeslack"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

// TestDemo is a life of twelve seconds to look at, with -v: what people type
// and press, and every message as it comes and changes.
func TestDemo(t *testing.T) {
	if !testing.Verbose() {
		t.Skip("there is nobody to show it to; the same is tested by TestOpenUntilExpiry")
	}
	t.Parallel()
	c, aws, _ := fakeCloud(t, fakeaws.Options{RegisterDelay: 2 * time.Second, InterfaceLinger: 4 * time.Second})
	w := newWorld(t, c, worldOptions{timing: strings.Replace(shortTiming, "reminders: [3s]", "reminders: [6s]", 1)})
	go narrate(w.slack.Subscribe(t.Context()))

	say := func(format string, args ...any) { fmt.Printf("\n>>> "+format+"\n", args...) }
	say("ann types: /sshforward open web-1 10s from 203.0.113.7 because the disk is full")
	prompt := w.slash(ann, dev, "open web-1 10s from 203.0.113.7 because the disk is full")
	id := buttonValue(t, prompt, "lease.confirm")
	say("ann presses Open")
	w.click(ann, prompt, "lease.confirm")
	card := w.card(dev, id, "ssh -p 22")
	say("in AWS there is now:\n%s", strings.Join(aws.Leftovers("sshforward:lease", id), "\n"))
	reminder := w.reply(card, "ends in")
	say("ann presses Extend on the reminder")
	w.click(ann, reminder, "lease.extend")
	say("and lets the time run out")
	w.card(dev, id, "Closed", "expired")
	if left := aws.Leftovers("sshforward:lease", id); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	say("in AWS there is now nothing of it")
}

// narrate prints what people see.
func narrate(changes <-chan fakeslack.Change) {
	for c := range changes {
		var where string
		switch {
		case c.Message == nil || c.Kind != fakeslack.ChangePosted && c.Kind != fakeslack.ChangeEdited:
			continue
		case c.Message.Ephemeral:
			where = "only " + c.Message.To + " sees"
		case c.Message.ThreadTS != "":
			where = "in the card's thread"
		case c.Kind == fakeslack.ChangeEdited:
			where = "the card changes to"
		default:
			where = "the card"
		}
		fmt.Printf("\n[%s] %s:\n", c.At.Format("15:04:05.0"), where)
		for _, l := range strings.Split(c.Message.Visible(), "\n") {
			fmt.Println("    " + l)
		}
	}
}
