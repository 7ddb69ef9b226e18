package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sshforward/sshforward/bot/fakeslack"
	"github.com/sshforward/sshforward/internal/testenv"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

// modal waits for the view in front of somebody to say something.
func (w *world) modal(user string, says ...string) fakeslack.View {
	w.t.Helper()
	var top fakeslack.View
	w.await("a form", func(s *fakeslack.Snapshot) bool {
		all := s.Views(user)
		if len(all) > 0 {
			top = all[len(all)-1]
		}
		return len(all) > 0 && containsAll(top.Visible()+top.CallbackID, says)
	})
	return top
}

// home waits for somebody's Home to say something.
func (w *world) home(user string, says ...string) fakeslack.View {
	w.t.Helper()
	var home fakeslack.View
	ok := false
	w.await("a Home that says "+strings.Join(says, ", "), func(s *fakeslack.Snapshot) bool {
		home, ok = s.Home(user)
		return ok && containsAll(home.Visible(), says)
	})
	return home
}

func (w *world) submit(user string, v fakeslack.View, values map[string]string) fakeslack.Result {
	w.t.Helper()
	res, err := w.slack.SubmitView(w.t.Context(), user, v.ID, values)
	if err != nil || res.Error != "" {
		w.t.Fatalf("submit %s: %v %s %v", v.CallbackID, err, res.Error, res.Detail)
	}
	return res
}

// press presses a button of a view.
func (w *world) press(user string, v fakeslack.View, action string, value ...string) {
	w.t.Helper()
	if res, err := w.slack.Click(w.t.Context(), user, v.ID, action, value...); err != nil || res.Error != "" {
		w.t.Fatalf("press %s: %v %s", action, err, res.Error)
	}
}

const guardedRules = `
    - {name: production, tags: {sshforward: allow}, max: 1h, approvers: [U0CAROL, U0BOB], approvals: 1, reason: required,
       extend_approvals: 1, urgent: {users: [U0BOB], max: 10m}}`

// From the bare command through the form to the shell's door, and everything
// after it from Home.
func TestFormAndHome(t *testing.T) {
	t.Parallel()
	c, _, _ := fakeCloud(t, fakeaws.Options{})
	w := newWorld(t, c, worldOptions{})
	if _, err := w.slack.OpenHome(t.Context(), ann); err != nil {
		t.Fatal(err)
	}
	w.home(ann)

	if _, err := w.slack.Slash(t.Context(), ann, dev, ""); err != nil {
		t.Fatal(err)
	}
	form := w.modal(ann, "lease.open")
	offered, err := w.slack.Suggest(t.Context(), ann, form.ID, "instance", "web")
	if err != nil || offered.Error != "" || offered.Latency > 2500*time.Millisecond {
		t.Fatalf("suggestions: %v %s after %s", err, offered.Error, offered.Latency)
	}
	if !slices.ContainsFunc(offered.Options, func(o fakeslack.Option) bool {
		return o.Value == c.instance && containsAll(o.Text, []string{"web-1", "ap-northeast-1a", "main"})
	}) {
		t.Fatalf("offered %v", offered.Options)
	}
	filled := map[string]string{"instance": c.instance, "duration": "9h", "source": "10.0.0.1", "reason": "the disk is full"}
	res := w.submit(ann, form, filled)
	if res.ViewErrors["source"] == "" {
		t.Errorf("no mistake under the source, but %v", res.ViewErrors)
	}
	filled["source"] = "203.0.113.7"
	if res = w.submit(ann, form, filled); !strings.Contains(res.ViewErrors["duration"], "8h") {
		t.Errorf("no mistake under the duration, but %v", res.ViewErrors)
	}
	filled["duration"] = "1m"
	w.submit(ann, form, filled)
	confirm := w.modal(ann, "lease.confirm", "10.1.2.94", "about $", "the disk is full")
	if left := c.leftovers(t); len(left) > 0 {
		t.Fatalf("made before the confirmation: %v", left)
	}
	w.submit(ann, confirm, nil)

	home := w.home(ann, "web-1", "*open*")
	id := home.Buttons()[slices.IndexFunc(home.Buttons(), func(b fakeslack.Button) bool { return b.ActionID == "lease.close" })].Value
	w.card(dev, id, "ssh -p 22")
	before := w.home(ann, id).Visible()
	w.press(ann, w.home(ann, id), "lease.extend")
	w.await("Home with the new end", func(s *fakeslack.Snapshot) bool {
		home, _ := s.Home(ann)
		return home.Visible() != before
	})
	w.press(ann, w.home(ann, id), "lease.close")
	w.card(dev, id, "*Closed*", "Cost about")
	w.home(ann, "You have no lease.", "web-1", "about $")
	w.nothingLeft()
	if past := w.slash(ann, dev, "history"); !containsAll(past.Visible(), []string{id, "web-1", "about $"}) {
		t.Errorf("history:\n%s", past.Visible())
	}
}

// One asks, one denies with a reason, one opens past both; an extension waits
// for its own yes.
func TestApprovalsByHomeAndForm(t *testing.T) {
	t.Parallel()
	c, _, _ := fakeCloud(t, fakeaws.Options{})
	w := newWorld(t, c, worldOptions{rules: guardedRules})
	if _, err := w.slack.OpenHome(t.Context(), carol); err != nil {
		t.Fatal(err)
	}
	w.home(carol)

	id := w.open(ann, dev, c.instance+" 1m from 203.0.113.7 because ticket 7")
	w.press(carol, w.home(carol, id, "ticket 7"), "lease.deny", id)
	w.submit(carol, w.modal(carol, "lease.deny"), map[string]string{"reason": "use the replica"})
	w.card(dev, id, "*Closed*", "<@"+carol+">", "use the replica")

	id = w.open(ann, dev, c.instance+" 1m from 203.0.113.7 because ticket 8")
	w.press(carol, w.home(carol, id), "lease.approve", id)
	w.card(dev, id, "ssh -p 22", "<@"+carol+">")
	w.slash(ann, dev, "extend "+id+" 5m")
	card := w.card(dev, id, "5m", "approval")
	w.click(ann, card, "lease.approve", id+" 5m") // her own wish
	w.click(bob, card, "lease.approve", id+" 5m")
	w.await("the end of the approval", func(s *fakeslack.Snapshot) bool {
		m, _ := s.Message(card.TS)
		return !m.HasButton("lease.approve") && m.HasButton("lease.close")
	})
	w.slash(ann, dev, "close "+id)
	w.card(dev, id, "*Closed*")

	prompt := w.slash(bob, dev, "open "+c.instance+" 1m urgent from 203.0.113.7 because it burns")
	id = buttonValue(t, prompt, "lease.confirm")
	w.click(bob, prompt, "lease.confirm")
	var second fakeslack.Message
	w.await("the second question", func(s *fakeslack.Snapshot) bool {
		second, _ = s.Message(prompt.TS)
		return strings.HasSuffix(buttonOf(second, "lease.confirm"), " urgent")
	})
	if left := c.leftovers(t); len(left) > 0 {
		t.Fatalf("made after one yes: %v", left)
	}
	w.click(bob, second, "lease.confirm")
	w.card(dev, id, "ssh -p 22", "rotating_light")
	alarm := w.card(ops, id, "<@"+bob+">", "it burns")
	w.slash(bob, dev, "close "+id)
	w.reply(alarm, "<@"+carol+">", "it burns")
	w.nothingLeftSoon()
}

// What one person sees is in their language, what a channel sees in the
// configured one.
func TestEachInTheirLanguage(t *testing.T) {
	testenv.SkipRaced(t, "what it looks for is in texts")
	t.Parallel()
	c, _, _ := fakeCloud(t, fakeaws.Options{})
	w := newWorld(t, c, worldOptions{})
	w.slack.AddUser(fakeslack.User{ID: bob, Name: "bob", Locale: "ja-JP"})
	prompt := w.slash(bob, dev, "open "+c.instance+" 2m from 203.0.113.7")
	if !containsAll(prompt.Visible(), []string{"2分", "開く", "約 $"}) {
		t.Errorf("the prompt is\n%s", prompt.Visible())
	}
	id := buttonValue(t, prompt, "lease.confirm")
	w.click(bob, prompt, "lease.confirm")
	w.card(dev, id, "*Open*", "Access ends")
	if refused := w.slash(bob, dev, "extend "+id+" 10h"); !containsAll(refused.Visible(), []string{"8時間", "/sshforward extend " + id}) {
		t.Errorf("the refusal is\n%s", refused.Visible())
	}
	w.slash(bob, dev, "close "+id)
	w.card(dev, id, "*Closed*")
}

func buttonOf(m fakeslack.Message, action string) string {
	for _, b := range m.Buttons() {
		if b.ActionID == action {
			return b.Value
		}
	}
	return ""
}
