package playground

import (
	"bytes"
	"fmt"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"github.com/sshforward/sshforward/cmd/sshforward/playground/webtest"
	"github.com/sshforward/sshforward/internal/testenv"
)

// TestGuide walks the guide from its first step to its last, by its one button,
// with an openssh client inside when the lease is closed, at three widths, in
// light and in dark, once with the keyboard alone: three walks, and all six with a
// picture of each step where SSHFORWARD_ARTEFACTS says. Under the race detector it is
// one walk.
func TestGuide(t *testing.T) {
	t.Parallel()
	walks := []walk{
		{width: 1400, height: 900, scheme: "light"}, {width: 1024, height: 768, scheme: "dark", keyboard: true},
		{width: 390, height: 844, scheme: "light"}, {width: 390, height: 844, scheme: "dark"},
		{width: 1400, height: 900, scheme: "dark"}, {width: 1024, height: 768, scheme: "light"},
	}
	most := 3
	if os.Getenv("SSHFORWARD_ARTEFACTS") != "" {
		most = len(walks)
	}
	for _, w := range walks[:testenv.UnlessRaced(most, 1)] {
		t.Run(fmt.Sprintf("%d-%s", w.width, w.scheme), func(t *testing.T) {
			t.Parallel()
			needSSH(t)
			p := start(t, Options{})
			d := &drive{t: t, p: p, Browser: webtest.Open(t, p.URL(), fmt.Sprintf("guide-%d-%s", w.width, w.scheme))}
			d.Size(w.width, w.height)
			d.Scheme(w.scheme)
			w.axe = w.width != 1024 && w.scheme == "light" && !testenv.Race
			w.through(d)
		})
	}
}

// walk is one way through the guide.
type walk struct {
	width, height int64
	scheme        string
	keyboard      bool
	axe           bool // hold some states against axe-core, in light and in dark
}

const guideButton = "#guide .guide-button"

// press presses the guide's button when it says something.
func (w walk) press(d *drive, says string) {
	d.t.Helper()
	d.JS(fmt.Sprintf(`(() => {
		const b = document.querySelector(%q);
		return b?.textContent === %q && b.getAttribute("aria-disabled") === "false" && !b.getAttribute("aria-busy");
	})()`, guideButton, says))
	if !w.keyboard {
		d.Click(guideButton)
		return
	}
	d.Tab(guideButton)
	d.Keys(kb.Enter)
}

// use presses a button, by mouse or keyboard.
func (w walk) use(d *drive, css string) {
	d.t.Helper()
	if !w.keyboard {
		d.Click(css)
		return
	}
	d.Tab(css)
	d.Keys(kb.Enter)
}

// looks keeps a picture of a step.
func (w walk) looks(d *drive, name string, axe bool) {
	d.t.Helper()
	d.Shot(name)
	if axe && w.axe {
		d.Axe(name)
		d.Scheme(w.scheme)
	}
}

// on waits until the guide is at a step, or "end".
func (w walk) on(d *drive, step string) {
	d.t.Helper()
	d.JS(fmt.Sprintf(`document.getElementById("guide")?.dataset.step === %q`, step))
}

// picture looks at the cloud, which on a phone is a view of its own.
func (w walk) picture(d *drive) {
	d.t.Helper()
	if w.width < 900 {
		d.Click("#tabs [data-view=cloud]")
	}
	// Out of sight it had no width; when it has been drawn anew, all is in its place.
	d.JS(`document.querySelector(".vpc")?.getBoundingClientRect().right <= innerWidth`)
}

func (w walk) through(d *drive) {
	d.See("#guide")
	w.on(d, "open")
	w.looks(d, "0-begin", true)
	w.press(d, "Ask for web-1")
	w.press(d, "Press Open")
	w.on(d, "ssh")
	w.looks(d, "1-open", false)
	w.press(d, "Log in")
	d.JS(`document.querySelector(".xterm-accessibility-tree")?.textContent.includes("@web-1 ~]$") ?? false`)
	d.Keys("hostname" + kb.Enter)
	w.on(d, "stranger")
	d.See(".on-wire")
	d.See(".time-left")
	if d.p.addrs.few() > 0 {
		d.t.Skip("this machine has no loopback addresses beside 127.0.0.1, so there is no stranger")
	}
	w.press(d, "Connect from another address")
	d.See(".stranger .cross")
	w.looks(d, "2-stranger", false)
	w.on(d, "close")

	ssh := d.session(d.Get(`document.querySelector(".shell code, .shell .command")?.textContent ?? ""`))
	d.JS(`document.querySelectorAll(".on-wire").length === 2`)
	w.looks(d, "3-inside", true)
	w.reload(d)
	// Who reloads the page has left its terminal. The other one stays.
	ssh.alive(d.t)
	w.picture(d)
	w.use(d, "[data-terminal=button]")
	d.JS(`document.querySelector(".xterm-accessibility-tree")?.textContent.includes("@web-1 ~]$") ?? false`)
	w.press(d, "Press Close")
	d.See("dialog.confirm")
	w.looks(d, "4-close", false)
	if w.keyboard {
		d.Keys(kb.Enter)
	} else {
		d.Click("dialog.confirm .danger")
	}
	w.picture(d)
	d.See(".cut-wire")
	d.See(".tty[data-end=cut]")
	ssh.cut(d.t)
	w.on(d, "approve")
	w.looks(d, "5-cut", true)

	w.press(d, "Ask for db-1")
	w.press(d, "Press Open")
	w.picture(d)
	d.See(".lock")
	w.looks(d, "6-locked", false)
	w.press(d, "Be Carol and approve")
	w.on(d, "urgent")
	w.looks(d, "7-approved", false)
	w.press(d, "Ask for db-1")
	w.press(d, "Press the red button")
	d.JS(`[...document.querySelectorAll("[data-action='lease.confirm']")].some((b) => b.dataset.value.endsWith(" urgent"))`)
	w.looks(d, "8-urgent", false)
	w.press(d, "Press the red button")
	w.on(d, "break")

	w.leave(d)
	w.press(d, "Log in to db-1")
	d.JS(`document.querySelector(".xterm-accessibility-tree")?.textContent.includes("@db-1 ~]$") ?? false`)
	w.press(d, "kill -9 the bot")
	d.See("[data-kind=restart-bot]")
	d.See(".tty.live") // nobody was thrown out
	w.looks(d, "9-dead", false)
	w.press(d, "Start it again")
	w.on(d, "receipt")
	w.press(d, "Close what is open")
	w.press(d, "Show the receipt")
	w.receipt(d)
	w.on(d, "end")
	w.looks(d, "11-end", false)
	d.JS(`document.querySelectorAll(".guide-steps .done").length === 8`)
	d.nothingLeft()
}

// reload begins the page anew; the guide is where it was.
func (w walk) reload(d *drive) {
	d.t.Helper()
	d.Get(`(window.isOld = true, location.reload(), "")`)
	d.JS(`!window.isOld && document.querySelectorAll(".guide-steps .done").length === 3`)
	w.on(d, "close")
}

// leave leaves the guide and comes back to it.
func (w walk) leave(d *drive) {
	d.t.Helper()
	d.Click(".guide-leave")
	d.See("#guide.left")
	d.JS(`!document.querySelector("#guide .guide-button").checkVisibility()`)
	w.looks(d, "left", false)
	d.Click(".guide-leave")
	d.See("#guide:not(.left) .guide-button")
}

// receipt looks at the receipt, replays it and saves it.
func (w walk) receipt(d *drive) {
	d.t.Helper()
	d.See("dialog .receipt-picture svg")
	w.looks(d, "10-receipt", true)
	text := d.Get(`document.querySelector("dialog .receipt-picture svg").textContent`)
	for _, says := range []string{
		"Ann (asks) asked", "Carol (approves) said yes", "Nothing is left", "Access has ended", "of the migration", "The session was cut",
	} {
		if !strings.Contains(text, says) {
			d.t.Errorf("the receipt does not say %q: %s", says, text)
		}
	}
	d.Tab("#receipt-slider")
	d.Keys(kb.Home)
	d.JS(`document.querySelector("dialog.receipt output").textContent.includes("requested")`)
	d.JS(`document.querySelector("dialog .receipt-picture svg").textContent.includes("nothing is there")`)
	d.Keys(kb.End)
	d.JS(`document.querySelector("dialog.receipt output").textContent.includes("closed")`)
	dir := d.t.TempDir()
	d.Downloads(dir)
	for _, kind := range []string{"svg", "png"} {
		d.Click("[data-receipt=" + kind + "]")
		var b []byte
		await(d.t, "the saved "+kind, func() bool {
			files, _ := filepath.Glob(filepath.Join(dir, "receipt-*."+kind))
			if len(files) != 1 {
				return false
			}
			b, _ = os.ReadFile(files[0])
			return kind == "png" && bytes.HasSuffix(b, []byte("IEND\xaeB`\x82")) || bytes.HasSuffix(b, []byte("</svg>"))
		})
		if kind == "png" {
			if c, err := png.DecodeConfig(bytes.NewReader(b)); err != nil || c.Width != 2*680 {
				d.t.Errorf("the saved picture: %+v %v", c, err)
			}
		} else if !bytes.Contains(b, []byte("Carol (approves) said yes")) {
			d.t.Error("the saved SVG is another one")
		}
	}
	d.Keys(kb.Escape)
	d.Gone("dialog.receipt")
}
