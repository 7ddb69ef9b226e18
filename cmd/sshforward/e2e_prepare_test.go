package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/sshforward/sshforward/internal/testenv"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
	"github.com/sshforward/sshforward/provisioner/mototest"
)

const approvedRules = `[{name: production, tags: {sshforward: allow}, max: 8h, approvers: [U0CAROL]}]`

// waiting asks for a lease that carol has to approve, and returns its id and its
// card once it says that the door is locked and all else is there.
func (w *world) waiting(args string) (id string) {
	w.t.Helper()
	id = w.open(ann, dev, args)
	w.card(dev, id, "Prepared, waits for approval")
	return id
}

// entrances counts the rules that let anything in at the groups of leases.
func (c cloud) entrances(t *testing.T) (n int) {
	t.Helper()
	client := ec2.NewFromConfig(mototest.Config(c.url))
	groups, err := client.DescribeSecurityGroups(t.Context(), &ec2.DescribeSecurityGroupsInput{
		Filters: []types.Filter{{Name: aws.String("tag:sshforward:deployment"), Values: []string{"e2e"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range groups.SecurityGroups {
		n += len(g.IpPermissions)
	}
	return n
}

// While carol thinks, all is built and nobody is let in; her yes opens it within
// seconds, her no leaves nothing and a receipt that is true.
func TestBuiltWhileYouWait(t *testing.T) {
	t.Parallel()
	clouds(t, func(t *testing.T, c cloud) {
		before := c.foreign(t)
		w := newWorld(t, c, worldOptions{rules: approvedRules, timing: strings.Replace(shortTiming, "approval: 30s", "approval: 5m", 1)})
		id := w.waiting(c.instance + " 6s from 203.0.113.7")
		if len(c.leftovers(t)) == 0 || c.entrances(t) != 0 {
			t.Fatalf("in AWS: %q, and %d rules that let somebody in", c.leftovers(t), c.entrances(t))
		}
		if list := w.slash(ann, dev, "list"); !strings.Contains(list.Visible(), "prepared, waits for approval") {
			t.Errorf("the list says:\n%s", list.Visible())
		}
		yes := time.Now()
		w.click(carol, w.card(dev, id), "lease.approve")
		card := w.card(dev, id, "ssh -p 22")
		if took := time.Since(yes); took > time.Duration(testenv.UnlessRaced(5, 20))*time.Second {
			t.Errorf("from the last yes to ssh it took %s", took)
		}
		if n := c.entrances(t); n != 1 {
			t.Errorf("%d rules let somebody in", n)
		}
		w.card(dev, id, "Closed", "expired")
		w.reply(card, "has ended")
		w.nothingLeft()

		denied := w.waiting(c.instance + " 1h from 203.0.113.8")
		w.deny(carol, denied, "not today")
		over := w.card(dev, denied, "Closed", "I let nobody in", "Last resource gone", "Cost about $", "not today")
		if strings.Contains(over.Visible(), "Access ended") || strings.Contains(over.Visible(), "Opened") {
			t.Errorf("the receipt of what never opened:\n%s", over.Visible())
		}
		w.nothingLeft()
		if after := c.foreign(t); after != before {
			t.Errorf("something that is not ours was touched.\nbefore:\n%s\nafter:\n%s", before, after)
		}
	})
}

// deny says no with a reason, on the card and in the form that follows.
func (w *world) deny(user, id, because string) {
	w.t.Helper()
	w.click(user, w.card(dev, id), "lease.deny")
	w.submit(user, w.modal(user, "lease.deny"), map[string]string{"reason": because})
}

// A process that is killed while a yes is missing, one that loses its store, and
// one whose configuration forbids it by then: nothing opens without the yes, and
// nothing stays.
func TestKilledWhileAYesIsMissing(t *testing.T) {
	testenv.SkipRaced(t, "TestBuiltWhileYouWait goes the same ways")
	t.Parallel()
	c, _, _ := fakeCloud(t, fakeaws.Options{})
	w := newWorld(t, c, worldOptions{rules: approvedRules, timing: strings.Replace(shortTiming, "approval: 30s", "approval: 5m", 1)})
	id := w.waiting(c.instance + " 30s from 203.0.113.7")
	w.kill()
	w.start()
	w.click(carol, w.card(dev, id), "lease.approve")
	w.card(dev, id, "ssh -p 22")
	w.slash(ann, dev, "close")
	w.card(dev, id, "Closed")
	w.nothingLeft()

	w.waiting(c.instance + " 30s from 203.0.113.8")
	w.kill()
	files, err := filepath.Glob(filepath.Join(w.dir, "leases.db*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%q, %v", files, err)
	}
	for _, f := range files {
		if err := os.Remove(f); err != nil {
			t.Fatal(err)
		}
	}
	w.start()
	for end := time.Now().Add(patience); len(c.leftovers(t)) > 0 && time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if n := c.entrances(t); n != 0 {
			t.Fatalf("%d rules let somebody in", n)
		}
	}
	w.nothingLeft()

	gone := w.waiting(c.instance + " 30s from 203.0.113.9")
	w.kill()
	w.opts.rules = strings.Replace(approvedRules, "sshforward: allow", "sshforward: other", 1)
	w.start()
	w.card(dev, gone, "Closed", "not admitted any more", "I let nobody in")
	w.nothingLeft()
}

// An ingress rule in the group of a request that waits is taken out, and whoever is
// on call hears of it.
func TestDoorOpenedByHandIsLocked(t *testing.T) {
	t.Parallel()
	c, aws, _ := fakeCloud(t, fakeaws.Options{})
	w := newWorld(t, c, worldOptions{rules: approvedRules, timing: strings.Replace(shortTiming, "approval: 30s", "approval: 5m", 1)})
	id := w.waiting(c.instance + " 30s from 203.0.113.7")
	for _, g := range aws.Home().Groups() {
		if strings.HasSuffix(g.Name, id) {
			aws.Home().LetIn(g.ID, "0.0.0.0/0")
		}
	}
	w.card(ops, id, "Somebody had opened the security group", "It lets in nobody again, and whoever came in was cut off")
	if n := c.entrances(t); n != 0 {
		t.Errorf("%d rules let somebody in", n)
	}
	w.click(carol, w.card(dev, id), "lease.approve")
	w.card(dev, id, "ssh -p 22")
}

// Where no approval is needed it can be built as soon as the prompt is shown, a few
// at a time; what is not confirmed goes by itself.
func TestBuiltAtThePrompt(t *testing.T) {
	t.Parallel()
	c, _, _ := fakeCloud(t, fakeaws.Options{})
	w := newWorld(t, c, worldOptions{rules: `[{name: development, tags: {sshforward: allow}, max: 8h, prepare: prompt}]`})
	prompt := w.slash(ann, dev, "open "+c.instance+" 30s from 203.0.113.7")
	if !strings.Contains(prompt.Visible(), "being prepared while you read this") {
		t.Errorf("the prompt says:\n%s", prompt.Visible())
	}
	id := buttonValue(t, prompt, "lease.confirm")
	w.card(dev, id, "Prepared")
	if n := c.entrances(t); n != 0 {
		t.Errorf("%d rules let somebody in", n)
	}
	w.click(ann, prompt, "lease.confirm")
	w.card(dev, id, "ssh -p 22")
	w.slash(ann, dev, "close")
	w.card(dev, id, "Closed", "closed by user")

	prompt = w.slash(ann, dev, "open "+c.instance+" 30s from 203.0.113.8")
	id = buttonValue(t, prompt, "lease.confirm")
	w.card(dev, id, "Prepared")
	w.click(ann, prompt, "lease.cancel")
	w.card(dev, id, "Closed", "I let nobody in")
	w.nothingLeft()
}
