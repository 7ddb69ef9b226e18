package main

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sshforward/sshforward/internal/testenv"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

// fill fills a pipe of the process that nobody reads, as 64 KiB of lines do.
func (w *world) fill(fd int) {
	w.t.Helper()
	pipe, err := unix.Open(fmt.Sprintf("/proc/%d/fd/%d", w.process.Process.Pid, fd), unix.O_WRONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		w.t.Skipf("the pipe cannot be opened here: %v", err)
	}
	defer unix.Close(pipe)
	for _, size := range []int{4096, 1} {
		for {
			if _, err := unix.Write(pipe, []byte(strings.Repeat("\n", size))); errors.Is(err, unix.EAGAIN) {
				break
			} else if err != nil {
				w.t.Fatal(err)
			}
		}
	}
}

// A container's log driver that blocks, or a pager that was suspended: access
// ends all the same, people are answered, and SIGTERM ends the process.
func TestNobodyReadsTheLog(t *testing.T) {
	t.Parallel()
	c, _, _ := fakeCloud(t, fakeaws.Options{})
	w := newWorld(t, c, worldOptions{env: []string{"SSHFORWARD_LOG_LEVEL=debug"}})
	id := w.open(ann, dev, c.instance+" 4s from 203.0.113.7")
	w.card(dev, id, "ssh -p 22")

	resume := w.log.stall()
	defer resume()
	w.fill(2)
	w.card(dev, id, "*Closed*")
	w.nothingLeft()
	id = w.open(bob, dev, c.instance+" 1h from 203.0.113.8")
	w.card(dev, id, "ssh -p 22")
	if status, says := w.get("/healthz"); status != http.StatusOK {
		t.Errorf("/healthz: %d %s", status, says)
	}
	began := time.Now()
	if err := w.process.Process.Signal(unix.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for !w.ended() && time.Since(began) < patience {
		time.Sleep(20 * time.Millisecond)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %s to end after SIGTERM", took)
	}
	resume()
	w.kill()
	if code := w.process.ProcessState.ExitCode(); code != 0 {
		t.Errorf("after SIGTERM: exit %d", code)
	}
}

// ended reports whether the process has exited, while nobody may have read its
// last words yet.
func (w *world) ended() bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", w.process.Process.Pid))
	return err != nil || strings.Contains(string(stat), ") Z ")
}

// Whoever read stdout or stderr is gone: the next line there must not end the
// bot, and what people are promised goes on.
func TestTheReadersOfItsOutputGoAway(t *testing.T) {
	testenv.SkipRaced(t, "TestNobodyReadsTheLog goes the same ways")
	t.Parallel()
	c, _, _ := fakeCloud(t, fakeaws.Options{})
	w := newWorld(t, c, worldOptions{extra: "audit: {stdout: true}", env: []string{"SSHFORWARD_LOG_LEVEL=debug"}})
	id := w.open(ann, dev, c.instance+" 4s from 203.0.113.7")
	w.card(dev, id, "ssh -p 22")
	w.stdout.hangUp()
	w.slash(ann, dev, "extend "+id+" 1s") // an event finds nobody
	w.card(dev, id, "*Closed*")
	for n := range 3 {
		w.open(bob, dev, fmt.Sprintf("%s 1h from 203.0.113.%d", c.instance, 8+n))
	}
	if n := strings.Count(w.log.String(), "events cannot be written to stdout"); n != 1 {
		t.Errorf("it says %d times that the mirror cannot be written", n)
	}
	w.log.hangUp()
	w.slash(ann, dev, "list all")
	id = w.open(ann, dev, c.instance+" 2s from 203.0.113.7")
	w.card(dev, id, "*Closed*")
	if code, took := w.terminate(); code != 0 || took > 10*time.Second {
		t.Errorf("after SIGTERM: exit %d after %s", code, took)
	}
}
