package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/bot/fakeslack"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

// Everybody clicks at once and more than once: the requester on both buttons
// of the prompt, the approvers and the requester on the card.
func TestEverybodyClicksAtOnce(t *testing.T) {
	t.Parallel()
	c, aws, _ := fakeCloud(t, fakeaws.Options{})
	var approvers []string
	for i := range 6 {
		approvers = append(approvers, fmt.Sprintf("U0LEAD%d", i))
	}
	w := newWorld(t, c, worldOptions{rules: "\n    - {name: production, tags: {sshforward: allow}, max: 1h, approvers: [" +
		strings.Join(append([]string{ann}, approvers...), ", ") + "], approvals: 2, reason: required}"})
	for _, user := range approvers {
		w.slack.AddUser(fakeslack.User{ID: user, Name: strings.ToLower(user)})
	}
	w.slack.AddChannel(fakeslack.Channel{ID: dev, Name: "dev", Members: append([]string{ann, bob, carol}, approvers...), BotMember: true})
	atOnce := func(m fakeslack.Message, action string, users ...string) {
		var all sync.WaitGroup
		for _, user := range users {
			for range 3 {
				all.Go(func() { // a click that finds the button gone is none
					if res, err := w.slack.Click(t.Context(), user, m.TS, action); err == nil && res.Error != "" {
						t.Errorf("%s sees %s", user, res.Error)
					}
				})
			}
		}
		all.Wait()
	}

	prompt := w.slash(ann, dev, "open "+c.instance+" 1m from 203.0.113.7 because everybody wants it")
	id := buttonValue(t, prompt, "lease.confirm")
	atOnce(prompt, "lease.confirm", ann)
	card := w.card(dev, id, "Approved by 0 of 2", "everybody wants it", "about $", "1m")
	atOnce(card, "lease.approve", append([]string{ann, bob}, approvers...)...)
	card = w.card(dev, id, "ssh -p 22", "Approved by <@U0LEAD")

	var by []string
	for _, user := range append([]string{ann, bob}, approvers...) {
		if strings.Contains(card.Visible(), "<@"+user+"> (") {
			by = append(by, user)
		}
	}
	if len(by) != 2 || slices.Contains(by, ann) || slices.Contains(by, bob) {
		t.Errorf("approved by %v:\n%s", by, card.Visible())
	}
	made := 0
	for _, call := range aws.Calls() {
		if call.Operation == "CreateLoadBalancer" {
			made++
		}
	}
	if made != 1 {
		t.Errorf("%d load balancers", made)
	}
	var granted []string
	refused := 0
	for line := range strings.Lines(w.audit()) {
		var e sshforward.Event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		switch {
		case e.Act != sshforward.ActApprove:
		case e.Result == sshforward.ResultOK:
			granted = append(granted, e.Actor)
		default:
			refused++
		}
	}
	slices.Sort(granted)
	if !slices.Equal(granted, by) || refused == 0 {
		t.Errorf("the record has approvals of %v and %d refusals; the card has %v", granted, refused, by)
	}

	atOnce(card, "lease.close", ann)
	w.card(dev, id, "*Closed*")
	s := w.slack.Snapshot()
	if n := said(s, dev, id, "*Closed*"); n != 1 {
		t.Errorf("%d cards", n)
	}
	w.reply(card, "has ended")
	w.nothingLeft()
}
