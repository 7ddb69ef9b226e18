package playground

import (
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
	needSSH(t)
	p := start(t, Options{Speed: 60})
	d := &drive{t: t, p: p, Browser: webtest.Open(t, p.URL(), "play")}
	d.Size(1280, 800)

	d.as(Ann)
	d.See(".welcome")
	d.Looks("welcome", ".welcome")
	web := d.ask("/sshforward open web-1 24s because the disk is full")
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
	d.typed("/sshforward extend " + web + " 6s")
	d.told("Extended")
	d.Looks("extended", ".ephemeral")

	d.as(Carol)
	d.press("lease.approve", db)
	d.card(db, "ssh -p")
	d.Looks("approved", "#messages > .message:not(.ephemeral) .code")
	d.as(Ann)
	d.See(".replies [data-action='lease.extend']")
	d.Looks("reminder", ".replies [data-action='lease.extend']")
	session.alive(t)

	d.login(d.copied(db), "db-1")

	d.as(Ann)
	d.close(db)
	d.card(db, "Closed")

	session.cut(t)
	d.card(web, "expired")
	d.Looks("expired", ".replies .message")
	d.nothingLeft()
}
