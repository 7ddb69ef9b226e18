package playground

import (
	"fmt"
	"time"

	"github.com/chromedp/chromedp/kb"
)

// form opens a lease through the form, with a mistake in it, and returns which.
func (d *drive) form(instance string) (lease string) {
	d.t.Helper()
	d.as(Ann)
	d.typed("/sshforward")
	d.See(`dialog.modal[data-callback="lease.open"]`)
	d.Click("[data-block=instance] input")
	d.Keys(instance[:3])
	option := fmt.Sprintf(`document.querySelector(".suggestions [role=option]")?.textContent.startsWith(%q) === true`, instance+" (")
	d.JS(option)
	d.Looks("form-typeahead", ".suggestions")
	if d.Pictured() { // the list goes when the window changes
		d.Click("[data-block=instance] input")
		d.Keys(kb.ArrowDown)
		d.JS(option)
	}
	d.Click(".suggestions [role=option]")
	d.JS(fmt.Sprintf(`document.querySelector("[data-block=instance] input").value.startsWith(%q)`, instance+" ("))
	d.chooses("duration", "10m")
	d.write("source", "8.8.8.8")
	d.submit()
	d.JS(`document.querySelector("[data-block=source] .error").textContent.includes("8.8.8.8")`)
	d.Looks("form-error", "[data-block=source] .error")
	d.write("source", "127.0.0.1")
	d.submit()
	d.See(`dialog.modal[data-callback="lease.confirm"]`)
	d.Looks("form-confirm", "dialog.modal .dialog-buttons")
	d.submit()
	d.JS(`document.querySelector("dialog.modal")?.textContent.includes("Opening")`)
	d.Looks("form-done", "dialog.modal .dialog-buttons")
	lease = d.Get(`document.querySelector("dialog.modal .modal-body").textContent.match(/lease ([0-9a-z]{6,8})/)[1]`)
	d.Click("dialog.modal .plain")
	d.Gone("dialog")
	d.card(lease, instance)
	return lease
}

// chooses types into a list that follows the typing, and takes what it offers.
func (d *drive) chooses(block, text string) {
	d.t.Helper()
	input := "[data-block=" + block + "] input"
	const first = ".suggestions:not([hidden]) [role=option]" // each of the lists has one
	option := fmt.Sprintf(`document.querySelector(%q)?.textContent === %q`, first, text)
	// What was chosen before has the view updated, which may come in the middle
	// of this; people begin again then.
	for range 5 {
		d.Click(input)
		d.fill(input, "")
		d.Keys(text)
		offered := func() bool { return d.Get(`String(`+option+`)`) == "true" }
		for end := time.Now().Add(2 * time.Second); !offered() && time.Now().Before(end); {
			time.Sleep(50 * time.Millisecond)
		}
		if offered() {
			break
		}
	}
	d.JS(option)
	d.Click(first)
	d.JS(fmt.Sprintf(`document.querySelector(%q).value === %q`, input, text))
}

// whyNot is the reason of a denial.
const whyNot = "Not before the backup has run"

// deny is a no with a reason.
func (d *drive) deny() {
	d.t.Helper()
	db := d.ask("/sshforward open db-1 5m because of curiosity")
	d.press("lease.confirm", db)
	d.card(db, "Needs approval")
	d.as(Carol)
	d.press("lease.deny", db)
	d.See(`dialog.modal[data-callback="lease.deny"]`)
	d.submit()
	d.JS(`document.querySelector("[data-block=reason] .error").textContent !== ""`)
	d.write("reason", whyNot)
	d.Looks("deny", "dialog.modal .dialog-buttons")
	d.submit()
	d.Gone("dialog")
	d.as(Ann)
	d.card(db, whyNot)
	d.Looks("denied", ".message:not(.ephemeral)")
}

// urgent is whoever is on call going past the approvers, which #ops is told.
// Their language is Japanese, and the browser knows.
func (d *drive) urgent() {
	d.t.Helper()
	d.as(Yuki)
	d.typed("/sshforward")
	d.See("dialog.modal h2[lang=ja]")
	d.Looks("japanese-form", "dialog.modal .dialog-buttons")
	d.Click("dialog.modal .plain")
	d.Gone("dialog")
	db := d.ask("/sshforward open db-1 2m urgent because of the outage")
	d.press("lease.confirm", db)
	d.See(fmt.Sprintf(`[data-action="lease.confirm"][data-value=%q]`, db+" urgent"))
	d.See(".ephemeral .block[lang=ja]")
	d.Looks("urgent", ".ephemeral .danger")
	d.press("lease.confirm", db+" urgent")
	d.card(db, "ssh -p")
	d.Click("#sidebar [data-key=" + Ops + "]")
	d.JS(`document.getElementById("messages").textContent.includes("without the approval of")`)
	d.Looks("urgent-ops", ".message")
	d.home(Yuki)
	d.See("#home .block[lang=ja]")
	d.Looks("japanese-home", "#home .block:last-child")
	d.as(Yuki)
	d.close(db)
}

// home goes to the bot's Home as somebody.
func (d *drive) home(user string) {
	d.t.Helper()
	d.Click("[data-user=" + user + "]")
	d.Click("#sidebar [data-key=" + d.p.workspace.DM(user) + "]")
	d.Click("[data-tab=home]")
	d.See("#home .block")
}

// write fills in one input of the modal.
func (d *drive) write(block, text string) {
	d.t.Helper()
	field := "dialog.modal [data-block=" + block + "] :is(input, textarea)"
	d.See(field)
	d.fill(field, text)
}

// fill sets what is in a field, of the form that is there then: an update of the
// view makes another one.
func (d *drive) fill(css, text string) {
	d.t.Helper()
	d.JS(fmt.Sprintf(`(() => {
		const field = document.querySelector(%[1]q);
		if (!field) return false;
		field.value = %[2]q;
		field.dispatchEvent(new Event("input", { bubbles: true }));
		field.dispatchEvent(new Event("change", { bubbles: true }));
		return field.isConnected && field.value === %[2]q;
	})()`, css, text))
}

// submit presses the modal's own button.
func (d *drive) submit() {
	d.t.Helper()
	d.Click("dialog.modal [data-action=submit]")
}
