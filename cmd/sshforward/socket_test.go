package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/store/bolt"
)

// served is a store with its socket, in a folder with a short path.
func served(t *testing.T) (path string, s *bolt.Store, stop func()) {
	t.Helper()
	return servedWith(t, defaultLimits)
}

func servedWith(t *testing.T, limits copyLimits) (path string, s *bolt.Store, stop func()) {
	t.Helper()
	dir, err := os.MkdirTemp("", "sock")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path = filepath.Join(dir, "leases.db")
	if s, err = bolt.Open(path, bolt.Options{}); err != nil {
		t.Fatal(err)
	}
	k, err := openSocket(path, s, limits, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); k.run(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		<-done
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(stop)
	return path, s, stop
}

// export runs the command and returns what it wrote.
func export(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), args, console{&out, &errs, func(string) string { return "" }})
	return out.String(), errs.String(), code
}

// configFor writes a configuration with a store.
func configFor(t *testing.T, store string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "sshforward.yaml")
	if err := os.WriteFile(file, []byte(strings.Replace(goodConfig, "/tmp/leases.db", store, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// onlyFile fails if a folder has anything but the store.
func onlyFile(t *testing.T, path string, more ...string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1+len(more) {
		t.Errorf("beside the store there is %v (%v)", entries, err)
	}
}

func TestSocketIsForItsOwnerAlone(t *testing.T) {
	path, _, stop := served(t)
	info, err := os.Stat(socketPath(path))
	if err != nil || info.Mode().Perm() != 0o600 || info.Mode().Type() != os.ModeSocket {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	onlyFile(t, path, "the socket")
	stop()
	onlyFile(t, path)
}

// A bot that was killed leaves its socket behind.
func TestStaleSocketIsReplaced(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "s.db")
	if len(socketPath(path)) > maxSocketPath-5 {
		t.Skip("the temporary folder's path is too long")
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: socketPath(path), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := askSocket(t.Context(), path, "/audit"); !errors.Is(err, errNoBot) {
		t.Errorf("a stale socket: %v", err)
	}
	s, err := bolt.Open(path, bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	k, err := openSocket(path, s, defaultLimits, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); k.run(ctx) }()
	body, err := askSocket(t.Context(), path, "/audit")
	if err != nil {
		t.Fatal(err)
	}
	body.Close()
	cancel()
	<-done
}

// Something else of that name is not ours to replace.
func TestWhatIsNoSocketStays(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.db")
	if err := os.WriteFile(socketPath(path), []byte("somebody's"), 0o644); err != nil {
		t.Fatal(err)
	}
	s, err := bolt.Open(path, bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := openSocket(path, s, defaultLimits, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "no socket") {
		t.Errorf("it says %v", err)
	}
	if text, err := os.ReadFile(socketPath(path)); err != nil || string(text) != "somebody's" {
		t.Errorf("it is %q now, %v", text, err)
	}
	onlyFile(t, path, "what was there")
}

func TestSocketPathTooLong(t *testing.T) {
	path := filepath.Join(t.TempDir(), strings.Repeat("x", 110))
	s, err := bolt.Open(path, bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	_, err = openSocket(path, s, defaultLimits, slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), "has at most 107") {
		t.Errorf("it says %v", err)
	}
	onlyFile(t, path)
	_, says, code := export(t, "audit", "--config", configFor(t, path))
	if code != exitError || !containsAll(says, []string{"too long for a Unix socket", "in use by another process"}) ||
		strings.Count(says, "\n") != 1 {
		t.Errorf("audit exits %d and says %q", code, says)
	}
}

// The same lines come through the socket and from the file.
func TestAuditWhileRunningAndAfter(t *testing.T) {
	t.Parallel()
	path, s, stop := served(t)
	config := configFor(t, path)
	for i := range 600 { // more than a page
		e := sshforward.Event{At: quarterPast.Add(time.Duration(i) * time.Second), Act: sshforward.ActOpen, Result: sshforward.ResultOK,
			Detail: fmt.Sprint("<", i, ">")}
		if err := s.Append(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	var later []func()
	for _, args := range [][]string{
		{"--format", "jsonl"}, {"--format", "csv"}, {"--since", quarterPast.Add(599 * time.Second).Format(time.RFC3339Nano)},
		{"--since", "2026-11-23"}, {"--since", "1s"},
	} {
		args = append([]string{"audit", "--config", config}, args...)
		running, says, code := export(t, args...)
		if code != exitOK || says != "" {
			t.Errorf("%v while running: %d %q", args, code, says)
		}
		want := 600
		switch {
		case strings.HasSuffix(args[4], ".5Z"):
			want = 1
		case args[4] == "csv":
			want = 601
		case args[4] == "1s":
			want = strings.Count(running, "\n") // depends on today
		}
		if n := strings.Count(running, "\n"); n != want {
			t.Errorf("%v: %d lines, want %d", args, n, want)
		}
		later = append(later, func() {
			if after, says, code := export(t, args...); after != running || code != exitOK {
				t.Errorf("%v after the stop: %d %q, and not the same lines", args, code, says)
			}
			onlyFile(t, path)
		})
	}
	stop()
	for _, check := range later {
		check()
	}
}

// What breaks off is told, and what came before it is there.
func TestAuditThatBreaksOff(t *testing.T) {
	path, s, stop := served(t)
	if err := s.Append(t.Context(), someEvents()...); err != nil {
		t.Fatal(err)
	}
	body, err := askSocket(t.Context(), path, "/audit?since=never")
	if err == nil {
		body.Close()
	}
	if err == nil || !strings.Contains(err.Error(), "neither a duration") {
		t.Errorf("a bad since: %v", err)
	}
	body, err = askSocket(t.Context(), path, "/backup")
	if err != nil {
		t.Fatal(err)
	}
	stop() // in the middle of an answer, or after it
	if _, err := io.ReadAll(body); err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !strings.Contains(err.Error(), "reset") {
		t.Errorf("cut off: %v", err)
	}
	body.Close()
}

func TestAuditWithoutAStore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "leases.db")
	_, says, code := export(t, "audit", "--config", configFor(t, path))
	if code != exitError || !containsAll(says, []string{"none runs on this store", "does not exist"}) {
		t.Errorf("%d %q", code, says)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("it made a store")
	}
	if _, says, code := export(t, "audit", "--config", configFor(t, path), "--since", "yesterday"); code != exitUsage ||
		!strings.Contains(says, "yesterday") {
		t.Errorf("a bad since: %d %q", code, says)
	}
}

// Nobody waits for whoever reads stdout.
func TestMirrorWaitsForNobody(t *testing.T) {
	r, w := io.Pipe()
	defer r.Close()
	var log logBuffer
	m := startMirror(w, slog.New(slog.NewTextHandler(&log, nil)))
	began := time.Now()
	for range mirrorHolds + 100 {
		m.event(sshforward.Event{Act: sshforward.ActOpen})
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
	if n := strings.Count(log.String(), "nobody reads stdout"); n != 1 {
		t.Errorf("said %d times", n)
	}
	m.stop()
	m.event(sshforward.Event{}) // too late is no crash
}
