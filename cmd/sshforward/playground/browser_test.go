package playground

import (
	"fmt"
	"testing"

	"github.com/sshforward/sshforward/cmd/sshforward/playground/webtest"
)

// TestInTheBrowser is all of it as people see it: the real bot, the page in a
// real browser, and openssh with the command that was copied from the card. A
// picture of every state is kept where SSHFORWARD_ARTEFACTS says. What the page
// writes to the browser's console fails the test.
//
// At speed 60 a reminder comes 15 s before the end.
func TestInTheBrowser(t *testing.T) {
	t.Parallel()
	needSSH(t)
	p := start(t, Options{Speed: 60})
	d := &drive{t: t, p: p, Browser: webtest.Open(t, p.URL(), "play")}
	d.Size(1280, 800)
	lasts := "28s"
	if d.Pictured() {
		lasts = "60s"
	}

	d.as(Ann)
	d.See(".welcome")
	d.Looks("welcome", ".welcome")
	web := d.ask("/sshforward open web-1 " + lasts + " because the disk is full")
	d.Looks("prompt", ".ephemeral [data-action='lease.confirm']")
	d.press("lease.confirm", web)
	d.card(web, "Opening")
	d.Looks("opening", ".message:not(.ephemeral)")

	// While that opens: production needs somebody else's yes.
	db := d.ask("/sshforward open db-1 40s because of the migration")
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
	d.typed("/sshforward extend " + web + " 6s")
	d.told("Extended")
	d.Looks("extended", ".ephemeral")

	d.home(Carol)
	d.Looks("home-approver", "#home [data-action='lease.approve']")
	d.Click(fmt.Sprintf(`#home [data-action="lease.approve"][data-value=%q]`, db))
	app := d.form("app-1")

	d.See(".replies [data-action='lease.extend']")
	d.Looks("reminder", ".replies [data-action='lease.extend']")
	session.alive(t)

	d.card(db, "ssh -p")
	d.login(d.copied(db), "db-1")
	d.extension(db)
	d.tidy(db, app)
	d.urgent()

	session.cut(t)
	d.as(Ann)
	d.card(web, "time was up")
	d.Looks("expired", ".replies .message")
	d.deny()
	d.nothingLeft()
	d.home(Ann)
	d.JS(`document.getElementById("home").textContent.includes("Past leases")`)
	d.Looks("home-history", "#home .block:last-child")
}

// extension of production needs a yes too.
func (d *drive) extension(lease string) {
	d.t.Helper()
	d.press("lease.extend", lease+" 40s")
	d.home(Carol)
	yes := fmt.Sprintf(`#home [data-action="lease.approve"][data-value=%q]`, lease+" 40s")
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
