package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sshforward/sshforward/bot/fakeslack"
	"github.com/sshforward/sshforward/internal/testenv"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

// What the bot may have resident, in bytes: when the work is done, and at the
// moment of the most. The second depends on how many AWS answers happen to be
// read between two collections, and varies by a tenth. Some 22 MB are the program
// itself, which Linux maps nearly whole.
const (
	maxResident = 35_000_000
	maxPeak     = 38_500_000
)

// TestResidentMemory has as many leases opened at once as there is room for load
// balancers by default (20, one of which is somebody else's), and commands answered all the while.
func TestResidentMemory(t *testing.T) {
	if testenv.Race || testing.Short() {
		t.Skip("the race detector takes several times the memory")
	}
	const people, commands = 19, 2000
	program := filepath.Join(t.TempDir(), "sshforward")
	if out, err := buildOf(program, "").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	c, _, _ := fakeCloud(t, fakeaws.Options{RegisterDelay: 5 * time.Second})
	w := newWorld(t, c, worldOptions{program: program})
	members := []string{ann, bob, carol}
	for i := range people {
		user := fmt.Sprintf("U0P%d", i)
		w.slack.AddUser(fakeslack.User{ID: user, Name: strings.ToLower(user)})
		members = append(members, user)
	}
	w.slack.AddChannel(fakeslack.Channel{ID: dev, Name: "dev", Members: members, BotMember: true})
	rest := w.memory("VmRSS")

	var all sync.WaitGroup
	for _, user := range members[3:] {
		all.Go(func() { w.open(user, dev, c.instance+" 10m from 203.0.113.7") })
	}
	for range 8 {
		all.Go(func() {
			for range commands / 8 {
				if result, err := w.slack.Slash(t.Context(), bob, dev, "list"); err != nil || !result.Acked {
					t.Errorf("%+v, %v", result, err)
					return
				}
			}
		})
	}
	all.Wait()
	w.awaitFor(time.Minute, "all of them to be open", func(s *fakeslack.Snapshot) bool {
		return strings.Count(allText(s), "ssh -p 22") >= people
	})
	peak, now := w.memory("VmHWM"), w.memory("VmRSS")
	for wait := 0; now > maxResident && wait < 20; wait++ { // the runtime gives back over some seconds what a burst took
		time.Sleep(time.Second)
		now = w.memory("VmRSS")
	}
	t.Logf("resident: %.1f MB at first, %.1f MB at most, %.1f MB now, of which the program %.1f MB", float64(rest)/1e6,
		float64(peak)/1e6, float64(now)/1e6, float64(w.memory("RssFile"))/1e6)
	if now > maxResident || peak > maxPeak {
		t.Errorf("the bot has %d bytes resident, and had %d; that is more than %d or %d. RssFile in /proc/PID/status is the program: "+
			"see TestNothingLooksMethodsUp. RssAnon is data: see go_memstats_heap_inuse_bytes in /metrics.", now, peak, maxResident, maxPeak)
	}
}

// memory reads a line of /proc/PID/status, in bytes; proc(5) has what they are.
func (w *world) memory(what string) int {
	w.t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", w.process.Process.Pid))
	if err != nil {
		w.t.Fatal(err)
	}
	found := regexp.MustCompile(what + `:\s+(\d+) kB`).FindSubmatch(status)
	if found == nil {
		w.t.Fatalf("%s is not in\n%s", what, status)
	}
	kB, err := strconv.Atoi(string(found[1]))
	if err != nil {
		w.t.Fatal(err)
	}
	return kB << 10
}
