package playground

import (
	"fmt"

	"github.com/chromedp/chromedp"
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
	d.chooses("duration", "50s")
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
	d.Click(input)
	d.Do(chromedp.SetValue(chromedp.CSS(input), ""))
	d.Keys(text)
	d.JS(fmt.Sprintf(`document.querySelector(".suggestions [role=option]")?.textContent === %q`, text))
	d.Click(".suggestions [role=option]")
	d.JS(fmt.Sprintf(`document.querySelector(%q).value === %q`, input, text))
}

// deny is a no with a reason.
func (d *drive) deny() {
	d.t.Helper()
	const why = "Not before the backup has run"
	db := d.ask("/sshforward open db-1 20s because of curiosity")
	d.press("lease.confirm", db)
	d.card(db, "Needs approval")
	d.as(Carol)
	d.press("lease.deny", db)
	d.See(`dialog.modal[data-callback="lease.deny"]`)
	d.submit()
	d.JS(`document.querySelector("[data-block=reason] .error").textContent !== ""`)
	d.write("reason", why)
	d.Looks("deny", "dialog.modal .dialog-buttons")
	d.submit()
	d.Gone("dialog")
	d.as(Ann)
	d.card(db, why)
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
	db := d.ask("/sshforward open db-1 20s urgent because of the outage")
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
	d.Do(chromedp.SetValue(chromedp.CSS(field), text))
}

// submit presses the modal's own button.
func (d *drive) submit() {
	d.t.Helper()
	d.Click("dialog.modal [data-action=submit]")
}
