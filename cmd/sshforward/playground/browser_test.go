package playground

import (
	"fmt"
	"testing"
	"time"

	"github.com/sshforward/sshforward/cmd/sshforward/playground/webtest"
	"github.com/sshforward/sshforward/internal/testenv"
)

// TestInTheBrowser is all of it as people see it: the real bot, the page in a
// real browser, and openssh with the command that was copied from the card. Each
// state is held against axe-core, and a picture of it is kept where
// SSHFORWARD_ARTEFACTS says. What the page writes to the browser's console fails
// the test.
//
// Leases last long, however slow the machine is, and are ended by somebody; one
// alone is there to see how it ends by itself. At speed 10 a reminder comes 6 s
// before that.
func TestInTheBrowser(t *testing.T) {
	testenv.SkipRaced(t, "TestGuide goes the same ways")
	t.Parallel()
	needSSH(t)
	p := start(t, Options{Speed: 10})
	d := &drive{t: t, p: p, Browser: webtest.Open(t, p.URL(), "play")}
	d.Size(1280, 800)

	d.as(Ann)
	d.See(".welcome")
	d.Looks("welcome", ".welcome")
	web := d.ask("/sshforward open web-1 20m because the disk is full")
	d.Looks("prompt", ".ephemeral [data-action='lease.confirm']")
	d.press("lease.confirm", web)
	d.card(web, "Opening")
	d.Looks("opening", ".message:not(.ephemeral)")

	// While that opens: production needs somebody else's yes.
	db := d.ask("/sshforward open db-1 5m because of the migration")
	d.press("lease.confirm", db)
	d.card(db, "Needs approval")
	d.press("lease.approve", db)
	d.told("somebody else")
	d.Looks("pending", "[data-action='lease.approve']")
	d.card(db, "Prepared, waits for approval") // all but the yes is there, and nobody is let in
	d.See(".lock")
	d.Looks("locked", ".lock")

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
	d.typed("/sshforward extend " + web + " 1m")
	d.told("Extended")
	d.Looks("extended", ".ephemeral")

	d.home(Carol)
	d.Looks("home-approver", "#home [data-action='lease.approve']")
	d.Click(fmt.Sprintf(`#home [data-action="lease.approve"][data-value=%q]`, db))
	app := d.form("app-1")
	d.card(db, "ssh -p")
	d.login(d.copied(db), "db-1")
	d.extension(db)
	d.tidy(db, app)

	session.alive(t)
	d.as(Ann)
	d.close(web)
	session.cut(t)
	d.card(web, "Closed")

	ending, session := d.short()
	d.urgent()
	d.deny()
	session.cut(t)
	d.as(Ann)
	d.card(ending, "time was up")
	d.Looks("expired", ".replies .message")
	d.nothingLeft()
	d.home(Ann)
	d.JS(`document.getElementById("home").textContent.includes("Past leases")`)
	d.Looks("home-history", "#home .block:last-child")
	d.story("Somebody logs in to web-1 by ssh", "the ssh session on web-1 from 127.0.0.1 is cut", "Mallory is refused to close web-1",
		"Carol approves db-1 for Ann", "ゆき goes past the approvers of db-1", "Carol denies db-1 to ゆき: "+whyNot, "web-1 ends: the time is up")
}

// story waits until all of that is in what happened.
func (d *drive) story(all ...string) {
	d.t.Helper()
	d.t.Cleanup(func() {
		for _, h := range d.p.Happened() {
			d.t.Logf("%s %s: %s", h.At.Format(time.TimeOnly), h.Kind, h.Text)
		}
	})
	for _, text := range all {
		d.JS(fmt.Sprintf(`[...document.querySelectorAll(".entry > .what")].some((e) =>
			e.textContent.toLowerCase().includes(%q.toLowerCase()))`, text))
	}
	d.Looks("happened", ".log")
}

// short opens a lease that will end by itself, with somebody in.
func (d *drive) short() (lease string, s *stay) {
	d.t.Helper()
	lasts := "45s"
	if d.Pictured() {
		lasts = "100s"
	}
	lease = d.ask("/sshforward open web-1 " + lasts + " from 127.0.0.1") // not from the saved address
	d.press("lease.confirm", lease)
	d.card(lease, "ssh -p")
	return lease, d.session(d.copied(lease))
}

// extension of production needs a yes too.
func (d *drive) extension(lease string) {
	d.t.Helper()
	d.press("lease.extend", lease+" 5m")
	d.home(Carol)
	yes := fmt.Sprintf(`#home [data-action="lease.approve"][data-value=%q]`, lease+" 5m")
	d.See(yes)
	d.Looks("home-extension", "#home [data-action='lease.approve']")
	d.Click(yes)
	d.Gone(yes)
}

// tidy ends leases in Home, and saves another source address there.
func (d *drive) tidy(leases ...string) {
	d.t.Helper()
	d.home(Ann)
	d.See("#home [data-action='lease.extend']")
	d.Looks("home", "#home [data-action='lease.extend']")
	d.Click("#home [data-action='home.source']")
	d.See(`dialog.modal[data-callback="source.save"]`)
	d.write("source", "127.0.0.9")
	d.Looks("home-source", "dialog.modal .dialog-buttons")
	d.submit()
	d.Gone("dialog")
	d.JS(`document.getElementById("home").textContent.includes("127.0.0.9")`)
	for _, l := range leases {
		button := fmt.Sprintf(`#home [data-action="lease.close"][data-value=%q]`, l)
		d.Click(button)
		d.Click("dialog.confirm .danger")
		d.Gone(button)
	}
}
