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

// TestInTheBrowser is all of it as people see it: the real bot, the page in a
// real browser, and openssh with the command that was copied from the card. A
// picture of every state is kept where SSHFORWARD_ARTEFACTS says. What the page
// writes to the browser's console fails the test.
//
// At speed 120 a reminder comes 8 s before the end.
func TestInTheBrowser(t *testing.T) {
	needSSH(t)
	p := start(t, Options{Speed: 120})
	d := &drive{t: t, p: p, Browser: webtest.Open(t, p.URL(), "play")}
	d.Size(1280, 800)

	d.as(Ann)
	d.See(".welcome")
	d.Looks("welcome", ".welcome")
	web := d.ask("/sshforward open web-1 16s because the disk is full")
	d.Looks("prompt", ".ephemeral [data-action='lease.confirm']")
	d.press("lease.confirm", web)
	d.card(web, "Opening")
	d.Looks("opening", ".message:not(.ephemeral)")

	// While that opens: production needs somebody else's yes.
	db := d.ask("/sshforward open db-1 25s because of the migration")
	d.press("lease.confirm", db)
	d.card(db, "Needs approval")
	d.press("lease.approve", db)
	d.told("somebody else")
	d.Looks("pending", "[data-action='lease.approve']")

	d.card(web, "ssh -p")
	d.Looks("open", ".code .copy")
	toWeb := d.copied(web)
	d.login(toWeb, "web-1")
	session := d.session(toWeb)

	d.as(Mallory)
	d.close(web)
	d.told("not yours")
	d.Looks("stranger", ".ephemeral")
	session.alive(t)

	d.as(Ann)
	d.See(".replies [data-action='lease.extend']")
	d.Looks("reminder", ".replies [data-action='lease.extend']")
	d.Click(".replies [data-action='lease.extend']")
	d.card(web, "Extend 16s")
	d.Gone(".replies [data-action='lease.extend']")
	session.alive(t)

	d.as(Carol)
	d.press("lease.approve", db)
	d.card(db, "ssh -p")
	d.Looks("approved", "#messages > .message:not(.ephemeral) .code")
	d.login(d.copied(db), "db-1")

	d.as(Ann)
	d.close(db)
	d.card(db, "Closed")

	session.cut(t)
	d.card(web, "expired")
	d.Looks("expired", ".replies .message")
	d.nothingLeft()
}

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
	d.JS(fmt.Sprintf(`[...document.querySelectorAll("#messages > .message:not(.ephemeral)")].some((m) => m.textContent.includes(%q) && m.textContent.includes(%q))`, lease, says))
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
		const copy = [...document.querySelectorAll("#messages > .message:not(.ephemeral)")].find((m) => m.textContent.includes(%q))?.querySelector(".copy");
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

// cut waits until the process has ended, by no doing of ours.
func (s *stay) cut(t *testing.T) {
	t.Helper()
	select {
	case <-s.gone:
		if code := s.ssh.ProcessState.ExitCode(); code != 255 {
			t.Errorf("ssh exits with %d, want 255 for a connection that is gone", code)
		}
	case <-time.After(patience):
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
