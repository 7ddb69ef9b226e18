package playground

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"

	"github.com/sshforward/sshforward/cmd/sshforward/playground/webtest"
)

// drive is a person at the page.
type drive struct {
	*webtest.Browser
	t *testing.T
	p *Playground
}

// as is a click on somebody's face, in #dev.
func (d *drive) as(user string) {
	d.t.Helper()
	d.Click("[data-user=" + user + "]")
	d.Click("#sidebar [data-key=" + Dev + "]")
}

// ask types a command that is answered with a prompt, and returns whose.
func (d *drive) ask(text string) (lease string) {
	d.t.Helper()
	const last = `[...document.querySelectorAll(".ephemeral [data-action='lease.confirm']")].at(-1)?.dataset.value ?? ""`
	before := d.Get(last)
	d.typed(text)
	d.JS(fmt.Sprintf("%s !== %q", "("+last+")", before))
	return d.Get(last)
}

func (d *drive) typed(text string) {
	d.t.Helper()
	d.Click("#composer-text")
	d.Keys(text + kb.Enter)
}

// press presses a button outside of threads and dialogs.
func (d *drive) press(action, value string) {
	d.t.Helper()
	d.Click(fmt.Sprintf(`#messages > .message [data-action=%q][data-value=%q]`, action, value))
}

// close presses Close, and means it.
func (d *drive) close(lease string) {
	d.t.Helper()
	d.press("lease.close", lease)
	d.Click("dialog.confirm .danger")
}

// card waits until the card of a lease says something.
func (d *drive) card(lease, says string) {
	d.t.Helper()
	d.JS(fmt.Sprintf(`[...document.querySelectorAll("#messages > .message:not(.ephemeral)")].some((m) =>
		m.textContent.includes(%q) && m.textContent.includes(%q))`, lease, says))
}

// told waits until something stands in what this person alone sees.
func (d *drive) told(says string) {
	d.t.Helper()
	d.JS(fmt.Sprintf(`[...document.querySelectorAll(".ephemeral")].some((m) => m.textContent.includes(%q))`, says))
}

// copied presses Copy on the card of a lease and returns what that copied.
func (d *drive) copied(lease string) string {
	d.t.Helper()
	d.JS(fmt.Sprintf(`(() => {
		const card = [...document.querySelectorAll("#messages > .message:not(.ephemeral)")].find((m) => m.textContent.includes(%q));
		const copy = card?.querySelector(".copy");
		copy?.setAttribute("id", "copy-"+%q);
		return !!copy;
	})()`, lease, lease))
	d.Click("#copy-" + lease)
	d.See("#copy-" + lease + ".done")
	text := d.Clipboard()
	if !strings.HasPrefix(text, "ssh -p ") {
		d.t.Fatalf("copied %q", text)
	}
	return text
}

// login runs the copied command with one more word, as a person would.
func (d *drive) login(command, host string) {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.t.Context(), sshWithin)
	defer cancel()
	out, err := d.p.ssh(ctx, strings.Fields(command), "", "hostname").CombinedOutput()
	if err != nil || !strings.Contains(string(out), host+"\n") {
		d.t.Fatalf("%s hostname: %v, %s", command, err, out)
	}
}

// session runs the copied command and stays.
func (d *drive) session(command string) *stay {
	d.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ssh := d.p.ssh(ctx, strings.Fields(command), "")
	live, err := begin(ssh, cancel)
	if live != nil {
		d.t.Cleanup(live.end)
	}
	if err != nil {
		d.t.Fatal(err)
	}
	return &stay{live, ssh}
}

// stay is an ssh that stays.
type stay struct {
	*liveSession
	ssh *exec.Cmd
}

func (s *stay) alive(t *testing.T) {
	t.Helper()
	select {
	case <-s.gone:
		t.Fatal("the session was cut")
	default:
	}
}

// endsWithin is longer than the longest of the leases that these tests let run out.
const endsWithin = 3 * time.Minute

// cut waits until the process has ended, by no doing of ours.
func (s *stay) cut(t *testing.T) {
	t.Helper()
	select {
	case <-s.gone:
		if code := s.ssh.ProcessState.ExitCode(); code != 255 {
			t.Errorf("ssh exits with %d, want 255 for a connection that is gone", code)
		}
	case <-time.After(endsWithin):
		t.Fatal("the session lives on")
	}
}

// nothingLeft waits until the cloud is as it was.
func (d *drive) nothingLeft() {
	d.t.Helper()
	await(d.t, "nothing left", func() bool {
		sessions, listeners := d.p.forward.count()
		return sessions+listeners == 0 && len(d.p.cloud.Leftovers("sshforward:deployment", deployment)) == 0
	})
}
