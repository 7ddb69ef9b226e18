package bolt

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sshforward/sshforward/internal/testenv"
)

// crashEnv makes this test binary the process that is killed: its value is the
// store it writes to.
const crashEnv = "SSHFORWARD_TEST_STORE"

func TestMain(m *testing.M) {
	if path := os.Getenv(crashEnv); path != "" {
		writeForEver(path)
	}
	if path := os.Getenv(openEnv); path != "" {
		openAndSay(path)
		return
	}
	if err := testenv.QuickExit(); err != nil { // there are many of those processes
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	testenv.Exit(m.Run())
}

// writeForEver writes leases from many goroutines and says so, a line for each
// write that was acknowledged: id, revision.
func writeForEver(path string) {
	s, err := Open(path, Options{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	var out sync.Mutex
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			for n := 0; ; n++ {
				l := newLease(fmt.Sprintf("%d-%d-%d", os.Getpid(), i, n))
				for range 3 {
					l.DueAt = l.DueAt.Add(time.Second)
					if err := s.Put(context.Background(), l); err != nil {
						fmt.Fprintln(os.Stderr, err)
						os.Exit(1)
					}
					out.Lock()
					fmt.Println(l.ID, l.Revision)
					out.Unlock()
				}
			}
		})
	}
	all.Wait()
}

func TestKilledMidWriteEveryAcknowledgedWriteIsThere(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "leases.db")
	acknowledged := map[string]uint64{}
	for round := range testenv.UnlessRaced(5, 2) {
		killWhileWriting(t, path, 50+100*round, acknowledged)

		s := mustOpen(t, path)
		for id, revision := range acknowledged {
			l, err := s.Lease(t.Context(), id)
			if err != nil {
				t.Fatalf("round %d: acknowledged lease is lost: %v", round, err)
			}
			if l.Revision < revision {
				t.Fatalf("round %d: lease %s is at revision %d, %d was acknowledged", round, id, l.Revision, revision)
			}
		}
		wantConsistent(t, s)
		mustClose(t, s)
	}
	t.Logf("%d leases", len(acknowledged))
}

// killWhileWriting kills a writing process after some lines and adds what it
// said to acknowledged.
func killWhileWriting(t *testing.T, path string, lines int, acknowledged map[string]uint64) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env = append(os.Environ(), crashEnv+"="+path)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	n := 0
	// What was written to the pipe before the kill is read to its end.
	for in := bufio.NewScanner(stdout); in.Scan(); n++ {
		var id string
		var revision uint64
		if _, err := fmt.Sscan(in.Text(), &id, &revision); err != nil {
			t.Fatalf("line %q: %v", in.Text(), err)
		}
		acknowledged[id] = revision
		if n == lines {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n < lines {
		t.Fatalf("the writer ended by itself after %d lines: %s", n, stderr.String())
	}
}
