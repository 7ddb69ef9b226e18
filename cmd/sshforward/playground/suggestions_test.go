package playground

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/sshforward/sshforward/bot/fakeslack"
	"github.com/sshforward/sshforward/cmd/sshforward/playground/webtest"
	"github.com/sshforward/sshforward/internal/testenv"
)

// offered is every line that the completions lead to which can be sent as it is.
const offered = `import("/js/completion.js").then(({ complete }) => {
	const all = new Set();
	const walk = (text, depth) => {
		for (const o of complete(text).options) {
			if (o.whole) all.add(o.text.trim());
			if (o.text !== text && depth < 5) walk(o.text.endsWith(" ") ? o.text : o.text + " ", depth + 1);
		}
	};
	walk("/sshforward ", 0);
	return JSON.stringify([...all]);
})`

// TestSuggestionsWork types whatever the page suggests, at a speed at which
// lengths are far from the usual ones: none is answered with an error.
func TestSuggestionsWork(t *testing.T) {
	testenv.SkipRaced(t, "what is suggested is the page")
	t.Parallel()
	p := start(t, Options{Speed: 100})
	d := &drive{t: t, p: p, Browser: webtest.Open(t, p.URL(), "suggestions")}
	d.as(Ann)
	d.See(".welcome .command")
	d.JS(`document.querySelector(".shell code") !== null`)
	var first []string
	shown := d.Get(`JSON.stringify([...document.querySelectorAll(".welcome .command, .shell code")].map((e) => e.textContent))`)
	if err := json.Unmarshal([]byte(shown), &first); err != nil {
		t.Fatal(err)
	}
	if len(first) != 4 || first[0] != p.hint() || first[3] != p.hint() {
		t.Errorf("the page begins with %q, want %q first", first, p.hint())
	}
	suggested := func() []string {
		var all []string
		if err := json.Unmarshal([]byte(d.Get(offered)), &all); err != nil {
			t.Fatal(err)
		}
		return all
	}
	none := suggested()
	if slices.ContainsFunc(none, func(s string) bool { return strings.Contains(s, "urgent") }) {
		t.Errorf("Ann, who may not, is offered urgent: %q", none)
	}
	for _, line := range append(first, none...) {
		if !strings.HasPrefix(line, "/sshforward open app-1") { // as web-1, and 30 in a minute are the most
			d.works(Ann, line)
		}
	}

	d.as(Yuki)
	urgent := suggested()
	if !slices.ContainsFunc(urgent, func(s string) bool { return strings.Contains(s, "open db-1") && strings.Contains(s, "urgent") }) {
		t.Errorf("Yuki, who is on call, is not offered urgent: %q", urgent)
	}
	d.as(Ann)
	lease := d.ask(p.hint())
	d.press("lease.confirm", lease)
	d.card(lease, "ssh -p")
	await(t, "what can be done with a lease is suggested", func() bool { return slices.Contains(suggested(), "/sshforward close "+lease) })
	for _, line := range suggested() {
		if !slices.Contains(none, line) && !strings.HasPrefix(line, "/sshforward close") && line != "/sshforward again" {
			d.works(Ann, line)
		}
	}
	d.works(Ann, "/sshforward close "+lease)
	await(t, "again is suggested when something is over", func() bool { return slices.Contains(suggested(), "/sshforward again") })
	d.works(Ann, "/sshforward again")
}

// works types a line as somebody, and fails the test if the answer is an error.
func (d *drive) works(user, line string) {
	d.t.Helper()
	began := len(d.p.workspace.Snapshot().Ephemerals(user, ""))
	views := len(d.p.workspace.Snapshot().Views(user))
	refused := d.refusals()
	result, err := d.p.workspace.Slash(d.t.Context(), user, Dev, line)
	if err := shown(result, err); err != nil {
		d.t.Errorf("%s: %v", line, err)
		return
	}
	answered := func(s *fakeslack.Snapshot) bool {
		return len(s.Ephemerals(user, "")) > began || len(s.Views(user)) != views
	}
	if err := d.p.workspace.Wait(d.t.Context(), answered); err != nil {
		d.t.Errorf("%s: %v", line, err)
		return
	}
	all := d.p.workspace.Snapshot().Ephemerals(user, "")
	says := all[len(all)-1].Visible()
	for _, bad := range []string{":x:", ":no_entry:", ":warning:", "I do not understand", "do not know"} {
		if strings.Contains(says, bad) {
			d.t.Errorf("%s is answered: %s", line, says)
		}
	}
	if now := d.refusals(); now != refused {
		d.t.Errorf("%s is refused: %s", line, says)
	}
	last := all[len(all)-1]
	for _, b := range last.Buttons() { // five that wait are the most
		if b.ActionID == "lease.cancel" {
			if _, err := d.p.workspace.Click(d.t.Context(), user, last.TS, b.ActionID, b.Value); err != nil {
				d.t.Error(err)
			}
		}
	}
}

// refusals is how many refusals the story has.
func (d *drive) refusals() (n int) {
	for _, h := range d.p.Happened() {
		if h.Kind == ofRefusal {
			n++
		}
	}
	return n
}
