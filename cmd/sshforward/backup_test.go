package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/store/bolt"
)

func TestBackupCommand(t *testing.T) {
	path, s, stop := served(t)
	config, dir := configFor(t, path), t.TempDir()
	l := &sshforward.Lease{ID: "aaaaaaa", State: sshforward.Open}
	if err := s.Put(t.Context(), l, someEvents()...); err != nil {
		t.Fatal(err)
	}
	check := func(how string) {
		t.Helper()
		dest := filepath.Join(dir, how)
		if err := os.WriteFile(dest, []byte("what was there before"), 0o644); err != nil {
			t.Fatal(err)
		}
		if out, says, code := export(t, "backup", "--config", config, dest); code != exitOK || out != "" || !strings.Contains(says, "bytes") {
			t.Fatalf("%s: %d %q %q", how, code, out, says)
		}
		piped, says, code := export(t, "backup", "--config", config, "-")
		if code != exitOK || says != "" {
			t.Fatalf("%s to stdout: %d %q", how, code, says)
		}
		if err := os.WriteFile(dest+"-piped", []byte(piped), 0o600); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(dest); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v, %v", how, info.Mode(), err)
		}
		for _, file := range []string{dest, dest + "-piped"} {
			c, err := bolt.Open(file, bolt.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.Lease(t.Context(), l.ID); err != nil {
				t.Errorf("%s: %v", file, err)
			}
			n := 0
			for _, err := range c.Events(t.Context(), time.Time{}) {
				if n++; err != nil {
					t.Error(err)
				}
			}
			if n != len(someEvents()) {
				t.Errorf("%s has %d events", file, n)
			}
			c.Close()
		}
	}
	check("running")
	onlyFile(t, path, "the socket")
	stop()
	check("stopped")
	onlyFile(t, path)
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 4 {
		t.Errorf("beside the copies there is %v (%v)", entries, err)
	}

	_, says, code := export(t, "backup", "--config", config, filepath.Join(dir, "nowhere", "copy"))
	if code != exitError || !strings.Contains(says, "nowhere") {
		t.Errorf("into a folder that is not there: %d %q", code, says)
	}
}

// A copy that nobody reads holds room on the disk that leases are on: there is
// one at a time, and it goes when its reader has had time enough.
func TestBackupThatNobodyReads(t *testing.T) {
	limits := defaultLimits
	limits.grace = 500 * time.Millisecond
	path, s, _ := servedWith(t, limits)
	large := sshforward.Event{Act: sshforward.ActOpen, Detail: strings.Repeat("more than fits into a socket's buffer ", 100_000)}
	if err := s.Append(t.Context(), large); err != nil {
		t.Fatal(err)
	}
	unread, err := askSocket(t.Context(), path, "/backup")
	if err != nil {
		t.Fatal(err)
	}
	defer unread.Close()
	if other, err := askSocket(t.Context(), path, "/backup"); err == nil || !strings.Contains(err.Error(), "another copy is being made") {
		t.Errorf("a second one at the same time: %v", err)
		if err == nil {
			other.Close()
		}
	}
	var again *answer
	for end := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		if again, err = askSocket(t.Context(), path, "/backup"); err == nil {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("the copy that nobody reads is still there: %v", err)
		}
	}
	if _, err := io.Copy(io.Discard, again); err != nil {
		t.Errorf("the next one: %v", err)
	}
	again.Close()
	if _, err := io.Copy(io.Discard, unread); err == nil {
		t.Error("the first one is whole although its time was over")
	}
	onlyFile(t, path, "the socket")
}

func TestBackupNeedsRoomForTwo(t *testing.T) {
	limits := defaultLimits
	path, s, _ := servedWith(t, limits)
	size, err := s.Size(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	f, err := scratch(path)
	if err != nil {
		t.Fatal(err)
	}
	defer os.Remove(f.Name())
	defer f.Close()
	for room, want := range map[int64]string{2*size - 1: "room for two copies", 2 * size: ""} {
		limits.free = func(dir string) (int64, error) {
			if dir != filepath.Dir(path) {
				t.Errorf("it looks for room in %s", dir)
			}
			return room, nil
		}
		if err := limits.copyTo(t.Context(), f, s); fmt.Sprint(err) == "<nil>" != (want == "") || !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("with room for %d bytes: %v", room, err)
		}
	}
	if free, err := freeSpace(filepath.Dir(path)); err != nil || free <= 0 {
		t.Errorf("there is room for %d bytes, %v", free, err)
	}
}
