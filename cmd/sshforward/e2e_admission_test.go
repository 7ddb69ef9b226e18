package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/bot/fakeslack"
	"github.com/sshforward/sshforward/internal/testenv"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
	"github.com/sshforward/sshforward/provisioner/mototest"
)

// retaggableRules want approval for what is tagged as production.
const retaggableRules = `
    - {name: production, tags: {Env: prod}, max: 1h, approvers: [U0CAROL]}
    - {name: development, tags: {sshforward: allow}, max: 8h}`

// tag is what whoever may call ec2:CreateTags can do.
func (w *world) tag(instance, key, value string) {
	w.t.Helper()
	_, err := ec2.NewFromConfig(mototest.Config(w.cloud.url)).CreateTags(w.t.Context(), &ec2.CreateTagsInput{
		Resources: []string{instance}, Tags: []types.Tag{{Key: aws.String(key), Value: aws.String(value)}},
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// Production that was tagged as something else while somebody opened it without
// approval: it ends soon after it is tagged back, and everybody is told.
func TestRetaggedWhileOpen(t *testing.T) {
	testenv.SkipRaced(t, "TestShapeEndToEnd goes the same ways")
	t.Parallel()
	clouds(t, func(t *testing.T, c cloud) {
		w := newWorld(t, c, worldOptions{rules: retaggableRules})
		w.tag(c.instance, "Env", "dev")
		id := w.open(ann, dev, c.instance+" 4h from 203.0.113.7")
		card := w.card(dev, id, "ssh -p 22")
		w.tag(c.instance, "Env", "prod")
		w.slash(ann, dev, "extend "+id+" 1h")
		w.card(dev, id, "*Closed*", "Policy does not let it in any more", "production")
		w.reply(card, "has ended", "Policy does not let it in any more")
		w.await("the operators to be told", func(s *fakeslack.Snapshot) bool {
			for _, m := range s.Messages(ops) {
				if containsAll(m.Visible(), []string{id, "policy would not let it in any more"}) {
					return true
				}
			}
			return false
		})
		w.nothingLeft()
		for line := range strings.Lines(w.audit()) {
			var e sshforward.Event
			if err := json.Unmarshal([]byte(line), &e); err != nil {
				t.Fatal(err)
			}
			switch e.Act {
			case sshforward.ActExtend:
				if e.Result != sshforward.EFORBIDDEN {
					t.Errorf("more time: %+v", e)
				}
			case sshforward.ActEnding:
				if e.Reason != sshforward.NotAdmitted || e.Tags["sshforward"] != "allow" || e.Port != 22 || e.Duration != 4*3600 {
					t.Errorf("the end: %+v", e)
				}
			}
		}
	})
}

// Guests open nothing where no rule says so, nor do they by a form or a click;
// who has left the company has nothing open and nothing that waits any more.
func TestGuestsAndPeopleWhoHaveLeft(t *testing.T) {
	testenv.SkipRaced(t, "TestApproversOutsideOfTheChannel goes the same ways")
	t.Parallel()
	c, _, note := fakeCloud(t, fakeaws.Options{})
	w := newWorld(t, c, worldOptions{rules: retaggableRules, timing: strings.Replace(shortTiming, "approval: 30s", "approval: 1h", 1)})
	w.slack.AddUser(fakeslack.User{ID: "U0GUS", Name: "gus", Restricted: true})
	w.slack.Join(dev, "U0GUS")
	w.slash("U0GUS", dev, "open "+c.instance+" 1m from 203.0.113.7")
	if strings.Contains(w.audit(), `"act":"open","result":"ok"`) {
		t.Error("a guest has asked for access")
	}

	open := w.open(ann, dev, c.instance+" 4h from 203.0.113.7")
	w.card(dev, open, "ssh -p 22")
	waits := w.open(ann, dev, note.DB+" 1h from 203.0.113.7")
	w.card(dev, waits, "Needs approval")
	w.kill()
	w.slack.Deactivate(ann)
	w.start() // what it knew of people is forgotten
	w.card(dev, open, "*Closed*", "deactivated")
	card := w.card(dev, waits, "*Closed*", "deactivated")
	if card.HasButton("lease.approve") {
		t.Error("the request can still be approved")
	}
	w.nothingLeft()
}

// Where the operators' channel takes no message, nobody goes past approval.
func TestUrgentWhereNobodyHearsIt(t *testing.T) {
	testenv.SkipRaced(t, "TestApproversOutsideOfTheChannel goes the same ways")
	t.Parallel()
	c, _, note := fakeCloud(t, fakeaws.Options{})
	w := newWorld(t, c, worldOptions{rules: `[{name: production, tags: {Env: prod}, approvers: [U0CAROL], urgent: {users: [U0ANN]}}]`})
	w.slack.ChangeChannel(ops, func(c *fakeslack.Channel) { c.Archived = true })
	prompt := w.slash(ann, dev, "open "+note.DB+" 10m urgent from 203.0.113.7 because it burns")
	w.click(ann, prompt, "lease.confirm")
	again := w.lastFor(ann, dev, "Open without approval")
	w.click(ann, again, "lease.confirm")
	w.lastFor(ann, dev, "Nobody would hear of it")
	w.nothingLeft()
	if n := w.metric("sshforward_unheard_alarms_total"); n != "1" {
		t.Errorf("counted %q times", n)
	}
}

// lastFor waits for an answer that only one person sees, with the newest of
// which they would go on.
func (w *world) lastFor(user, channel, says string) (found fakeslack.Message) {
	w.t.Helper()
	w.await("an answer that says "+says, func(s *fakeslack.Snapshot) bool {
		all := s.Ephemerals(user, channel)
		if len(all) == 0 || !strings.Contains(all[len(all)-1].Visible(), says) {
			return false
		}
		found = all[len(all)-1]
		return true
	})
	return found
}
