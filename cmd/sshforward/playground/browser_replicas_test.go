package playground

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sshforward/sshforward/cmd/sshforward/playground/webtest"
	"github.com/sshforward/sshforward/internal/testenv"
)

// TestReplicasInTheBrowser has three real bots on one table. Whose the lease is the
// page shows, and when that one is killed, sleeps or is cut off, another one has it,
// and the forward stays open.
func TestReplicasInTheBrowser(t *testing.T) {
	testenv.SkipRaced(t, "TestReplicas goes the same ways")
	t.Parallel()
	p := start(t, Options{Replicas: 3})
	d := &drive{t: t, p: p, Browser: webtest.Open(t, p.URL(), "play-replicas")}
	d.Size(1280, 900)
	for n := range 3 {
		d.See(fmt.Sprintf("[data-replica='%d'][data-state='well']", n+1))
	}
	d.as(Ann)
	lease := d.ask("/sshforward open web-1 4h because the disk is full")
	d.press("lease.confirm", lease)
	d.card(lease, "ssh -p")

	owner := d.owner(lease, 0)
	d.Looks("replicas", ".replica")
	d.Click(fmt.Sprintf("[data-kind='kill-%d']", owner))
	d.See(fmt.Sprintf("[data-replica='%d'][data-state='dead']", owner))
	next := d.owner(lease, owner)
	d.Looks("replicas-taken-over", ".replica [data-lease]")
	d.broke()
	d.Click(fmt.Sprintf("[data-kind='start-%d']", owner))
	d.See(fmt.Sprintf("[data-replica='%d'][data-state='well']", owner))

	d.Click(fmt.Sprintf("[data-kind='pause-%d']", next))
	d.See(fmt.Sprintf("[data-replica='%d'][data-state='paused']", next))
	third := d.owner(lease, next)
	d.Click(fmt.Sprintf("[data-kind='resume-%d']", next))
	d.See(fmt.Sprintf("[data-replica='%d'][data-state='well']", next))

	d.Click(fmt.Sprintf("[data-kind='cut-%d']", third))
	d.See(fmt.Sprintf("[data-replica='%d'][data-state='cut off']", third))
	d.owner(lease, third)
	d.Click(fmt.Sprintf("[data-kind='join-%d']", third))
	d.See(fmt.Sprintf("[data-replica='%d'][data-state='well']", third))

	open := func() {
		t.Helper()
		if !strings.Contains(d.Get(`document.querySelector(".state").textContent`), "web-1 can be reached") {
			t.Error("the forward is not open any more")
		}
	}
	open()
	if name := d.Get(`document.querySelector("[data-kind=lose-database] strong").textContent`); name != "Lose the table" {
		t.Errorf("the button says %q", name)
	}
	d.Click("[data-kind=lose-database]")
	for end := time.Now().Add(time.Minute); d.p.Status().Repairs["lose-database"].Took == 0; time.Sleep(200 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the replicas are not back")
		}
	}
	d.owner(lease, 0) // it is learned again from the tags
	open()
}

// broke waits until the guide's step of breaking something is done.
func (d *drive) broke() {
	d.t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		for _, s := range d.p.Story().Steps {
			if s.ID == "break" && !s.Done.IsZero() {
				return
			}
		}
	}
	d.t.Fatal("something was broken, and the guide does not have it")
}

// owner waits until the page shows the lease at a replica, another one than not, and
// returns which.
func (d *drive) owner(lease string, not int) int {
	d.t.Helper()
	for end := time.Now().Add(5 * time.Minute); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		for i, r := range d.p.Status().Replicas {
			if i+1 != not && slices.Contains(r.Leases, lease) {
				d.See(fmt.Sprintf("[data-replica='%d'] [data-lease=%q]", i+1, lease))
				return i + 1
			}
		}
	}
	d.t.Fatalf("no other replica than %d has lease %s: %+v", not, lease, d.p.Status().Replicas)
	return 0
}
