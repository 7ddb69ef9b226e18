package playground

import (
	"bufio"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sshforward/sshforward/internal/testenv"
)

// TestTour is a lease with the real ssh: it gets in, from the leased address
// and no other, and is cut when the time is up. At speed 2 it is shorter.
func TestTour(t *testing.T) { playFile(t, Options{Speed: 2}, "testdata/tour.txt") }

// TestApproval has the bot killed while it opens, and a rule taken away.
func TestApproval(t *testing.T) { playFile(t, Options{}, "testdata/approval.txt") }

// TestRepair is the longest: it takes the bot 20 s to believe that a rule is
// missing.
func TestRepair(t *testing.T) {
	testenv.SkipRaced(t, "TestTrouble goes the same ways")
	playFile(t, Options{Speed: 5}, "testdata/repair.txt")
}

func TestDataPath(t *testing.T) {
	t.Parallel()
	p := start(t, Options{})
	if p.addrs.few() > 0 {
		t.Skip("this machine has no loopback addresses beside 127.0.0.1")
	}
	at := netip.AddrPortFrom(p.addrs.all[0], uint16(p.addrs.port)).String()
	_, port, _ := net.SplitHostPort(strings.TrimSuffix(strings.TrimPrefix(p.URL(), "http://"), "/"))
	if n, _ := strconv.Atoi(port); at != netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, byte(n >> 8), byte(n), 1}),
		uint16(p.addrs.port)).String() {
		t.Errorf("the first load balancer is at %s, with the page at %s", at, p.URL())
	}
	if _, err := dial("127.0.0.1", at); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("before any lease: %v, want connection refused", err)
	}

	p.play(t, "open", "type /sshforward open app-1 10m from 127.0.0.3\nclick Open\nexpect card \"ssh -p\" \"127.0.0.3\"")
	await(t, "a way in", func() bool { greeting, _ := dial("127.0.0.3", at); return strings.HasPrefix(greeting, "SSH-2.0-") })
	for _, from := range []string{"127.0.0.1", "127.0.0.2"} {
		if greeting, err := dial(from, at); err == nil || greeting != "" {
			t.Errorf("from %s: %q, want a reset", from, greeting)
		}
	}
	live, err := (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP("127.0.0.3")}}).Dial("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	defer live.Close()
	await(t, "a session", func() bool { return p.Status().Sessions == 1 })

	// An instance that stops takes its sessions with it.
	p.cloud.Home().Stop(p.fieldNote.App)
	await(t, "no session", func() bool { return p.Status().Sessions == 0 })
	await(t, "no way in", func() bool { _, err := dial("127.0.0.3", at); return errors.Is(err, syscall.ECONNREFUSED) })
	p.play(t, "rest", "type /sshforward close\nexpect nothing left")
}

func TestTrouble(t *testing.T) {
	t.Parallel()
	needSSH(t)
	p := start(t, Options{})
	pid := p.Status().BotPID
	// A lost database is rebuilt from the tags; a session does not notice.
	// What is in service stays in service when health gets slow, and what comes
	// then waits.
	p.play(t, "first", `
as ann in #ops
type /sshforward open web-1 10m
click Open
expect card "ssh -p"
session
trouble lose-database
expect session alive
trouble slow-health
as yuki in #dev
type /sshforward open app-1 10m
click 開く
wait 3s
expect session alive
`)
	now := p.Status()
	if !now.BotRunning || now.BotPID == pid || !now.SlowHealth {
		t.Errorf("after the database was lost, and with slow health: %+v; before the process was %d", now, pid)
	}
	select {
	case <-p.Changed():
	default:
		t.Error("no change was announced")
	}
	if said := messages(p.workspace); strings.Contains(said, "ssh -p") {
		t.Errorf("open although health is slow:\n%s", said)
	}
	p.play(t, "second", "trouble fast-health\ntrouble throttle\nwait 1s")
	if !p.Status().Throttled {
		t.Error("the cloud is calm")
	}
	p.play(t, "third", "trouble calm")
	await(t, "yuki's lease to be open", func() bool { return strings.Contains(messages(p.workspace), "ssh -p") })
	if now := p.Status(); now.Throttled || now.SlowHealth {
		t.Errorf("calm is %+v", now)
	}
	if err := p.Trouble(t.Context(), "kill-bot"); err != nil || p.Status().BotRunning {
		t.Error(err, p.Status())
	}
	if err := p.Trouble(t.Context(), "kill-bot"); err == nil {
		t.Error("the bot was killed twice")
	}
	if err := p.Trouble(t.Context(), "tickle"); err == nil {
		t.Error("unknown trouble is no error")
	}
	p.play(t, "end", `
trouble restart-bot
as yuki in #dev
type /sshforward close
as ann in #ops
type /sshforward close
expect nothing left
`)
}

// TestLanguage has a channel spoken to in one language and Ann in her own.
func TestLanguage(t *testing.T) {
	t.Parallel()
	start(t, Options{Language: "ja"}).play(t, "japanese", `
type /sshforward open web-1 10m
expect answer "Open SSH"
click Open
expect card "接続可能"
type /sshforward close
expect nothing left
`)
}

func TestLoopbackOnly(t *testing.T) {
	for _, addr := range []string{"0.0.0.0:0", ":0", "192.0.2.1:0", "example.com:80", "8022"} {
		if l, err := listenLoopback(addr); err == nil {
			l.Close()
			t.Errorf("%q was taken", addr)
		}
	}
	for _, addr := range []string{"127.0.0.1:0", "localhost:0"} {
		l, err := listenLoopback(addr)
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
	}
}

// TestCommand runs the program as people do: it is ready soon, says one URL,
// and a signal ends it with all that it started.
func TestCommand(t *testing.T) {
	t.Parallel()
	temp := t.TempDir()
	cmd := exec.Command(binary, "playground", "--listen", "127.0.0.1:0")
	cmd.Env = append(os.Environ(), "TMPDIR="+temp)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill() }()
	lines := bufio.NewScanner(out)
	lines.Scan()
	t.Logf("ready after %s: %s", time.Since(began), lines.Text())
	url := regexp.MustCompile(`http://127\.0\.0\.1:\d+/$`).FindString(lines.Text())
	if url == "" {
		t.Fatalf("the first line is %q", lines.Text())
	}
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("the page answers %s", resp.Status)
	}
	dirs, _ := filepath.Glob(filepath.Join(temp, "sshforward-playground-*"))
	if len(dirs) != 1 {
		t.Fatalf("state is in %v", dirs)
	}

	for range 2 { // as timeout does
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Millisecond)
	}
	rest := ""
	for lines.Scan() { // until the child, which has no part in this pipe, and the parent are done
		rest += lines.Text()
	}
	if strings.Contains(rest, "http://") {
		t.Errorf("more than one URL: %s", rest)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("exit: %v", err)
	}
	if left, _ := os.ReadDir(temp); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestDir keeps the hosts' keys and ids, and nothing that speaks of a cloud
// that is gone.
func TestDir(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	known := func() string {
		text, err := os.ReadFile(filepath.Join(dir, knownHostsFile))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	first := start(t, Options{Dir: dir})
	before := known()
	if _, err := Start(t.Context(), Options{Dir: dir, Binary: binary, Listen: "127.0.0.1:0"}); err == nil ||
		!strings.Contains(err.Error(), "in use") {
		t.Errorf("a second one in the same directory: %v", err)
	}
	for _, i := range first.Cloud().Home().Instances() {
		key := strings.Fields(before[strings.Index(before, i.ID):])[2]
		begin, end := strings.Index(i.Console, "-----BEGIN SSH HOST KEY KEYS-----"), strings.Index(i.Console, "-----END SSH HOST KEY KEYS-----")
		if at := strings.Index(i.Console, key); at < begin || at > end {
			t.Errorf("the console of %s does not show its key", i.ID)
		}
	}
	first.Close()
	start(t, Options{Dir: dir})
	if after := known(); after != before {
		t.Errorf("hosts have changed:\n%s\n%s", before, after)
	}
	if _, err := os.Stat(filepath.Join(dir, storeFile+".previous")); err != nil {
		t.Error(err)
	}
}
