package main

import (
	"bytes"
	endian "encoding/binary"
	"errors"
	"hash/fnv"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sshforward/sshforward/bot/fakeslack"
	"github.com/sshforward/sshforward/internal/testenv"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

// What happens to the store's file under the running process. Access ends on
// time all the same, and the process ends so that whatever supervises it starts
// another one, which rebuilds what was lost.
func TestStoreLostWhileRunning(t *testing.T) {
	t.Parallel()
	for name, c := range testenv.ThinnedRows(map[string]struct {
		spoil func(t *testing.T, w *world, file string)
		moved bool // aside: what is there is not a store any more
	}{
		"overwritten by an older copy": {moved: true, spoil: func(t *testing.T, w *world, file string) {
			older, err := os.ReadFile(filepath.Join(w.dir, "older.db"))
			if err != nil {
				t.Fatal(err)
			}
			overwrite(t, file, older)
		}},
		"cut off": {moved: true, spoil: func(t *testing.T, w *world, file string) {
			if err := os.Truncate(file, 3*4096); err != nil {
				t.Fatal(err)
			}
		}},
		"emptied": {moved: true, spoil: func(t *testing.T, w *world, file string) {
			if err := os.Truncate(file, 0); err != nil {
				t.Fatal(err)
			}
		}},
		"pages gone bad": {moved: true, spoil: func(t *testing.T, w *world, file string) {
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			copy(content[2*4096:], bytes.Repeat([]byte{0xa5}, 40*4096))
			overwrite(t, file, content)
		}},
		"removed": {spoil: func(t *testing.T, w *world, file string) {
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
		}},
	}, 5) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cl, aws, _ := fakeCloud(t, fakeaws.Options{})
			w := newWorld(t, cl, worldOptions{})
			file := filepath.Join(w.dir, "leases.db")
			if out, err := w.command("backup", filepath.Join(w.dir, "older.db")).CombinedOutput(); err != nil {
				t.Fatalf("backup: %v %s", err, out)
			}
			long := w.open(bob, dev, cl.instance+" 15s from 203.0.113.8")
			longEnd := w.opened(long).Add(15 * time.Second)
			short := w.open(ann, dev, cl.instance+" 5s from 203.0.113.7")
			shortEnd := w.opened(short).Add(5 * time.Second)
			c.spoil(t, w, file)

			// Whatever ends the process, /healthz and /readyz answer until then.
			gone := time.Now()
			code := w.exitWithin(25 * time.Second)
			if code != 1 {
				t.Errorf("it ends with %d", code)
			}
			t.Logf("gone after %s", time.Since(gone))
			time.Sleep(restartPause) // what supervises it waits so long
			w.start()
			w.accessEnds(aws, short, shortEnd)
			w.accessEnds(aws, long, longEnd)
			w.nothingLeftSoon()
			if moved, _ := filepath.Glob(file + ".damaged-*"); (len(moved) == 1) != c.moved {
				t.Errorf("moved aside: %v", moved)
			}
			w.await("word of it in the operators' channel", func(s *fakeslack.Snapshot) bool {
				return !c.moved || strings.Contains(allText(s), "My lease store was damaged")
			})
		})
	}
}

// TestClosesFromMemory: what is due when the store is lost is closed before the
// process ends.
func TestClosesFromMemory(t *testing.T) {
	t.Parallel()
	cl, aws, _ := fakeCloud(t, fakeaws.Options{InterfaceLinger: 2 * time.Second})
	w := newWorld(t, cl, worldOptions{})
	id := w.open(ann, dev, cl.instance+" 2s from 203.0.113.7")
	w.card(dev, id, "Closing")
	overwrite(t, filepath.Join(w.dir, "leases.db"), nil)
	if code := w.exitWithin(20 * time.Second); code != 1 {
		t.Errorf("it ends with %d", code)
	}
	if left := aws.Leftovers("sshforward:lease", id); len(left) > 0 {
		t.Errorf("it has ended, and there is %v", left)
	}
}

// TestStopsAlthoughTheStoreIsLost: SIGTERM is obeyed while nothing of the file
// answers any more.
func TestStopsAlthoughTheStoreIsLost(t *testing.T) {
	t.Parallel()
	cl, _, _ := fakeCloud(t, fakeaws.Options{})
	w := newWorld(t, cl, worldOptions{})
	w.opened(w.open(ann, dev, cl.instance+" 1m from 203.0.113.7"))
	overwrite(t, filepath.Join(w.dir, "leases.db"), bytes.Repeat([]byte{0xa5}, 1<<20))
	// It may have found that out and ended by itself.
	if err := w.process.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatal(err)
	}
	w.exitWithin(10 * time.Second)
}

// TestStoreThatOthersMayWrite: who can write the store decides who gets in where.
func TestStoreThatOthersMayWrite(t *testing.T) {
	testenv.SkipRaced(t, "TestStoreLostWhileRunning goes the same ways")
	t.Parallel()
	cl, _, _ := fakeCloud(t, fakeaws.Options{})
	w := newWorld(t, cl, worldOptions{})
	w.kill()
	file := filepath.Join(w.dir, "leases.db")
	if err := os.Chmod(file, 0o666); err != nil {
		t.Fatal(err)
	}
	w.start()
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if mode := info.Mode().Perm(); mode != 0o600 {
		t.Errorf("its mode is %v", mode)
	}
	if !strings.Contains(w.log.String(), "others could write the lease store") {
		t.Error("and it says nothing of that")
	}
}

// TestStoreWhoseModeCannotBeChanged is a warning, and nothing more.
func TestStoreWhoseModeCannotBeChanged(t *testing.T) {
	file := filepath.Join(t.TempDir(), "leases.db")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, nil))
	refuse := func(string, os.FileMode) error { return os.ErrPermission }
	mendMode(file, refuse, logger)
	if log.Len() > 0 {
		t.Errorf("a file that is good: %s", &log)
	}
	if err := os.Chmod(file, 0o660); err != nil {
		t.Fatal(err)
	}
	mendMode(file, refuse, logger)
	if !strings.Contains(log.String(), "level=WARN") || !strings.Contains(log.String(), "others can write the lease store") {
		t.Errorf("it says: %s", &log)
	}
}

// overwrite is what cp does to a file that is there.
func overwrite(t *testing.T, file string, content []byte) {
	t.Helper()
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(content); err != nil {
		t.Fatal(err)
	}
}

// opened waits until the lease is open and returns about when that was.
func (w *world) opened(id string) time.Time {
	w.t.Helper()
	w.card(dev, id, "ssh -p 22")
	return time.Now()
}

// exitWithin waits until the process has ended by itself and returns its code.
func (w *world) exitWithin(d time.Duration) int {
	w.t.Helper()
	select {
	case <-w.exited:
	case <-time.After(d):
		w.t.Fatalf("it still runs after %s", d)
	}
	return w.process.ProcessState.ExitCode()
}

// accessEnds fails unless what belongs to the lease is gone when its time is
// up, a restart and the interval of the loops allowed for on a slow machine: a call
// to Slack that is waited for to its end would take longer.
func (w *world) accessEnds(aws *fakeaws.Cloud, id string, at time.Time) {
	w.t.Helper()
	const slack = 20 * time.Second
	for len(aws.Leftovers("sshforward:lease", id)) > 0 {
		if time.Now().After(at.Add(slack)) {
			w.t.Fatalf("lease %s is %s beyond its end, and there is %v", id, time.Since(at), aws.Leftovers("sshforward:lease", id))
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// TestStoreThatBboltPanicsOn: in a file without a list of its free pages bbolt
// goes through all pages in a goroutine of its own, and a bad one there ends
// the process, at each start anew.
func TestStoreThatBboltPanicsOn(t *testing.T) {
	testenv.SkipRaced(t, "TestStoreLostWhileRunning goes the same ways")
	t.Parallel()
	cl, aws, _ := fakeCloud(t, fakeaws.Options{})
	w := newWorld(t, cl, worldOptions{})
	id := w.open(ann, dev, cl.instance+" 15s from 203.0.113.7")
	end := w.opened(id).Add(15 * time.Second)
	w.kill()
	file := filepath.Join(w.dir, "leases.db")
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	const page = 4096
	for _, p := range [][]byte{content, content[page:]} { // the meta pages: no list, and a checksum that is right
		m := p[16:80]
		endian.NativeEndian.PutUint64(m[32:], ^uint64(0))
		sum := fnv.New64a()
		sum.Write(m[:56])
		endian.NativeEndian.PutUint64(m[56:], sum.Sum64())
	}
	for at := 2 * page; at < 20*page; at += page {
		endian.NativeEndian.PutUint16(content[at+8:], 0x40) // no kind of page
	}
	overwrite(t, file, content)
	w.start()
	w.await("word of the rebuilt lease", func(s *fakeslack.Snapshot) bool {
		return strings.Contains(allText(s), "I lost my records")
	})
	w.accessEnds(aws, id, end)
	if moved, _ := filepath.Glob(file + ".damaged-*"); len(moved) != 1 {
		t.Errorf("moved aside: %v", moved)
	}
}
