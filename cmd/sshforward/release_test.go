package main

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sshforward/sshforward/internal/testenv"
)

// maxRelease is the most that the program may weigh without symbols, in bytes.
const maxRelease = 24_200_000

// reflective are the functions that the linker marks as looking up a method by
// a name that it cannot know. One is enough to keep every exported method of
// every type in the program, and with it all 800 calls of the EC2 client: that
// is 35 MB on disk and some 20 MB of memory. text/template has one, which is
// why templates of one's own are not to be set in cobra.
const reflective = "<ReflectMethod>"

// TestNothingLooksMethodsUp links the program and asks the linker why it keeps
// what it keeps.
//
// Linking with the race detector takes seconds of both cores, so there it is
// asked only if the program that the other tests run has calls that nobody makes.
func TestNothingLooksMethodsUp(t *testing.T) {
	testenv.SkipRaced(t, "it builds the program")
	t.Parallel()
	if testenv.Race && !keepsAllMethods(t) {
		return
	}
	program := filepath.Join(t.TempDir(), "sshforward")
	build := buildOf(program, "-dumpdep")
	if testenv.Race { // what is compiled already is compiled so
		build = exec.Command("go", "build", "-race", "-ldflags=-s -w -dumpdep", "-o", program, ".")
	}
	says, err := build.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := build.Start(); err != nil {
		t.Fatal(err)
	}
	users := make(map[string][]string) // of each such function
	edges := 0
	lines := bufio.NewScanner(says)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		from, to, ok := strings.Cut(lines.Text(), " -> ")
		if !ok {
			continue
		}
		edges++
		if strings.Contains(to, reflective) && !slices.Contains(users[to], from) {
			users[to] = append(users[to], from)
		}
	}
	if err := build.Wait(); err != nil {
		t.Fatalf("go %s: %v", strings.Join(build.Args[1:], " "), err)
	}
	if edges < 1000 {
		t.Fatalf("the linker tells of %d references; does it still know -dumpdep?", edges)
	}
	for function, from := range users {
		t.Errorf("%s is in the program, because of %s.\nIt keeps every exported method, those of the EC2 client among them. "+
			"Ask who needs it:\n\tgo build -ldflags=-dumpdep -o /dev/null ./cmd/sshforward 2>&1 | grep -F -- '-> %s'\n"+
			"and so on from there, to a package that can be left out.", function, strings.Join(from, ", "), strings.Fields(function)[0])
	}
	info, err := os.Stat(program)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%.1f MB", float64(info.Size())/1e6)
	if !testenv.Race && info.Size() > maxRelease {
		t.Errorf("the program has %d bytes, more than %d. What takes the room is in docs/performance.md, and how to find out",
			info.Size(), maxRelease)
	}
}

// buildOf builds the program as it is released, into a file.
func buildOf(program, ldflags string) *exec.Cmd {
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w "+ldflags, "-o", program, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	return build
}

// keepsAllMethods reports whether methods of the EC2 client are in the program
// that nothing calls.
func keepsAllMethods(t *testing.T) bool {
	t.Helper()
	symbols, err := exec.Command("go", "tool", "nm", binary).Output()
	if err != nil {
		t.Fatalf("go tool nm: %v", err)
	}
	has := func(call string) bool { return bytes.Contains(symbols, []byte("/service/ec2.(*Client)."+call+"\n")) }
	if !has("DescribeInstances") {
		t.Fatal("the program has no DescribeInstances; does nm still tell of methods?")
	}
	return has("AcceptAddressTransfer") || has("CreateVpc")
}
