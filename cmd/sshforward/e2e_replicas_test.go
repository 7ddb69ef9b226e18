package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/bot/fakeslack"
	"github.com/sshforward/sshforward/internal/testenv"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
	"github.com/sshforward/sshforward/store/bolt"
)

// threeYeses is a rule that three people have to say yes to.
const threeYeses = `[{name: production, tags: {sshforward: allow}, max: 8h, approvers: [U0CAROL, U0DAVE, U0ERIN], approvals: 3, ` +
	`extend_approvals: 0, prepare: never}]`

// Three bots on a table, and every envelope comes to two of them, and once more
// later: people see one bot. Then it is rolled out anew, one after the other, and its
// record is exported, copied, and put into another table.
func TestReplicas(t *testing.T) {
	t.Parallel()
	f := newFleet(t, worldOptions{rules: threeYeses, timing: strings.Replace(shortTiming, "approval: 30s", "approval: 5m", 1)},
		fakeaws.Options{})
	for _, user := range []string{dave, erin} {
		f.slack.Join(dev, user)
	}
	if _, err := f.slack.OpenHome(t.Context(), ann); err != nil {
		t.Fatal(err)
	}
	f.home(ann, "You have no lease.")
	id := f.open(ann, dev, f.cloud.instance+" 10m from 203.0.113.7")
	f.home(ann, "waits")

	// Three people click at the same moment.
	card := f.card(dev, id, "approv")
	var clicks sync.WaitGroup
	for _, user := range []string{carol, dave, erin} {
		clicks.Go(func() {
			if r, err := f.slack.Click(t.Context(), user, card.TS, "lease.approve"); err != nil || r.Error != "" {
				t.Errorf("the yes of %s: %v %s", user, err, r.Error)
			}
		})
	}
	clicks.Wait()
	f.opened(id)
	since := time.Now()
	f.home(ann, "is *open*")
	if took := time.Since(since); took > 15*time.Second { // which is what three seconds become on a busy machine
		t.Errorf("Home followed after %s", took)
	}
	end := f.lease(id).ExpiresAt
	f.slash(ann, dev, "extend "+id+" 30m")
	for f.lease(id).ExpiresAt.Equal(end) {
		time.Sleep(20 * time.Millisecond)
	}

	// A rolling restart: the lease goes from one to the next, and is never closed.
	for _, old := range slices.Clone(f.bots) {
		f.launch()
		was := f.lease(id).Worker == old.id
		began := time.Now()
		if code, took := old.terminate(); code != 0 || took > 10*time.Second {
			t.Errorf("%s ends with %d after %s", old.name, code, took)
		}
		if was {
			_, took := f.takenOver(id, old, began)
			t.Logf("taken over from one that was told to stop after %s", took.Round(10*time.Millisecond))
		}
		if list := f.slash(ann, dev, "list"); !strings.Contains(list.Visible(), id) {
			t.Errorf("after %s has gone the list lacks the lease:\n%s", old.name, list.Visible())
		}
	}
	time.Sleep(time.Second) // in which everything has come once more
	if got := f.lease(id).ExpiresAt.Sub(end); got != 30*time.Minute {
		t.Errorf("it was extended by %s", got)
	}
	if n := f.cards(dev, id); n != 1 {
		t.Errorf("there are %d cards", n)
	}
	if heard := f.slack.Ephemerals(ann, dev); len(heard) != 5 { // to open, extend and three times list
		t.Errorf("%d answers", len(heard))
		for _, m := range heard {
			t.Log(m.Visible())
		}
	}
	acts, _ := f.events(id)
	for _, want := range []string{"open ok " + ann, "confirm ok " + ann, "approve ok " + carol, "approve ok " + dave, "approve ok " + erin,
		"opened ok", "extend ok " + ann} {
		if n := count1(acts, want); n != 1 {
			t.Errorf("%q is in the record %d times: %q", want, n, acts)
		}
	}
	if active, err := f.store.Active(t.Context()); err != nil || len(active) != 1 {
		t.Errorf("there are %d leases, %v", len(active), err)
	}

	// The record as a file, and in another table.
	copied := filepath.Join(f.dir, "copy.db")
	if out, err := f.command("backup", copied).CombinedOutput(); err != nil {
		t.Fatalf("backup: %v\n%s", err, out)
	}
	if err := bolt.Verify(copied); err != nil {
		t.Error(err)
	}
	if out, err := f.command("restore", copied).CombinedOutput(); err == nil || !strings.Contains(string(out), "running replicas") {
		t.Errorf("restored under running replicas: %v\n%s", err, out)
	}
	out, err := f.command("doctor", "--json").Output()
	if !strings.Contains(string(out), "1 leases are not closed, 3 running replicas") {
		t.Errorf("doctor: %v\n%s", err, out)
	}
	before := f.audit()
	f.opts.store = fmt.Sprintf("dynamodb: {table: other-%d, create: true}", tables.Add(1))
	f.configure()
	out, err = f.command("restore", copied).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "1 lease not closed") || !strings.Contains(string(out), "knows every lease that AWS has") {
		t.Errorf("restore: %v\n%s", err, out)
	}
	if after := f.audit(); after != before {
		t.Errorf("the record in the other table:\n%s\nand in the first:\n%s", after, before)
	}

	// Closed by a click, which comes to two of them too.
	f.click(ann, f.card(dev, id, "ssh -p 22"), "lease.close")
	f.card(dev, id, "*Closed*")
	f.nothingLeftSoon()
}

func count1(all []string, what string) (n int) {
	for _, s := range all {
		if s == what {
			n++
		}
	}
	return n
}

// The bot that works on a lease is killed while it is open: another one ends it. One
// that is killed while it opens one leaves nothing behind.
func TestReplicaIsKilled(t *testing.T) {
	testenv.SkipRaced(t, "TestReplicas goes the same ways")
	t.Parallel()
	f := newFleet(t, worldOptions{}, fakeaws.Options{RegisterDelay: 3 * time.Second})
	open := f.open(ann, dev, f.cloud.instance+" 6s from 203.0.113.7")
	f.opened(open)
	end := f.lease(open).ExpiresAt
	owner := f.worker(open)
	killed := time.Now()
	owner.kill()
	f.accessGone(open, end, "of a lease whose bot was killed")
	_, took := f.takenOver(open, owner, killed)
	t.Logf("taken over from one that was killed after %s", took.Round(100*time.Millisecond))

	f.launch()
	opening := f.open(bob, dev, f.cloud.instance+" 20s from 203.0.113.8")
	for f.lease(opening).State != sshforward.Opening {
		time.Sleep(10 * time.Millisecond)
	}
	owner = f.worker(opening)
	killed = time.Now()
	owner.kill()
	by, took := f.takenOver(opening, owner, killed)
	t.Logf("taken over while it was being opened after %s, by %s", took.Round(100*time.Millisecond), by.name)
	f.opened(opening)
	f.click(bob, f.card(dev, opening), "lease.close")
	for len(f.aws.Leftovers("sshforward:lease", opening)) > 0 {
		time.Sleep(50 * time.Millisecond)
	}
	if n := f.cards(dev, opening); n != 1 {
		t.Errorf("there are %d cards", n)
	}
	f.nothingLeftSoon()
}

// The bot that works on a lease stands still, another one ends it, and it wakes up.
func TestReplicaStandsStill(t *testing.T) {
	testenv.SkipRaced(t, "TestReplicas goes the same ways")
	t.Parallel()
	f := newFleet(t, worldOptions{}, fakeaws.Options{})
	id := f.open(ann, dev, f.cloud.instance+" 4s from 203.0.113.7")
	f.opened(id)
	end := f.lease(id).ExpiresAt
	owner := f.worker(id)
	owner.signal(syscall.SIGSTOP)
	f.accessGone(id, end, "of a lease whose bot stood still")
	time.Sleep(time.Until(end.Add(12 * time.Second)))
	owner.signal(syscall.SIGCONT)
	f.await("the end", func(s *fakeslack.Snapshot) bool { return strings.Contains(allText(s), "has ended") })
	time.Sleep(3 * time.Second) // it may do what it has meant to
	f.nothingLeft()
	owner.metricIs("sshforward_members", "3")
	acts, all := f.events(id)
	if n := count1(acts, "closed ok"); n != 1 {
		t.Errorf("it was closed %d times: %q", n, acts)
	}
	for _, e := range all {
		if e.Act == sshforward.ActAccessEnded {
			t.Logf("overstay in the record: %.1f s", e.Overstay)
		}
	}
	other := f.open(bob, dev, f.cloud.instance+" 2s from 203.0.113.8")
	f.card(dev, other, "*Closed*")
	f.nothingLeftSoon()
}

// accessGone waits until nobody gets in any more by a lease, and says how late.
func (f *fleet) accessGone(id string, end time.Time, what string) {
	f.t.Helper()
	const most = 1*time.Second + 15*time.Second // take-over is the larger part
	let := func() bool {
		return slices.ContainsFunc(f.aws.Leftovers("sshforward:lease", id), func(s string) bool { return strings.Contains(s, "load-balancer") })
	}
	for let() {
		if late := time.Since(end); late > most {
			f.t.Fatalf("access %s is %s beyond its end", what, late)
		}
		time.Sleep(20 * time.Millisecond)
	}
	f.t.Logf("overstay %s: %s", what, time.Since(end).Round(100*time.Millisecond))
}
