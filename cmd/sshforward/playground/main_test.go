package playground

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sshforward/sshforward/bot/fakeslack"
	"github.com/sshforward/sshforward/cmd/sshforward/playground/webtest"
	"github.com/sshforward/sshforward/internal/testenv"
)

// binary is the program as built by TestMain: the bot is a process of its own.
var binary string

func TestMain(m *testing.M) {
	testenv.Exit(func() int {
		dir, err := os.MkdirTemp("", "sshforward-playground-test-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		if binary, err = testenv.Program(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		// The tests wait more than they work: most of it is the bot's own time.
		flag.Parse()
		if err := flag.Set("test.parallel", "16"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer webtest.Quit()
		return m.Run()
	}())
}

// needSSH skips the test where there is no openssh client.
func needSSH(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("ssh"); err != nil {
		if slices.Contains(strings.Split(os.Getenv("SSHFORWARD_REQUIRE"), ","), "ssh") {
			t.Fatal(err)
		}
		t.Skipf("%v (SSHFORWARD_REQUIRE=ssh makes this a failure)", err)
	}
}

// start starts one with a cloud that answers at once.
func start(t *testing.T, o Options) *Playground {
	t.Helper()
	o.Fast = true
	return startPaced(t, o)
}

// startPaced starts one as a person has it, with a cloud that takes its time.
func startPaced(t *testing.T, o Options) *Playground {
	t.Helper()
	o.Binary = binary
	if o.Listen == "" {
		o.Listen = "127.0.0.1:0"
	}
	p, err := Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("what is said in #dev:\n%s\nthe bot's log ends:\n%s", messages(p.workspace), p.lastOfLog())
		}
		p.Close()
	})
	return p
}

// play plays a script that has to go as written.
func (p *Playground) play(t *testing.T, name, text string) {
	t.Helper()
	var out bytes.Buffer
	err := p.Play(t.Context(), name, strings.NewReader(text), &out)
	t.Logf("played:\n%s", &out)
	if err != nil {
		t.Fatal(err)
	}
}

func playFile(t *testing.T, o Options, file string) {
	t.Helper()
	t.Parallel()
	needSSH(t)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	start(t, o).play(t, file, string(text))
}

// dial connects as a plain TCP client and waits for the first byte.
func dial(from, to string) (greeting string, err error) {
	d := net.Dialer{Timeout: 5 * time.Second, LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	c, err := d.Dial("tcp", to)
	if err != nil {
		return "", fmt.Errorf("dial: %w", err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(5 * time.Second))
	buf := make([]byte, 256)
	n, err := c.Read(buf)
	return string(buf[:n]), err
}

// await waits until something has become so.
func await(t *testing.T, what string, so func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for !so() {
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// messages is everything in #dev in one text.
func messages(w *fakeslack.Workspace) string {
	var b strings.Builder
	for _, m := range w.Messages(Dev) {
		b.WriteString(m.Visible() + "\n")
	}
	return b.String()
}
