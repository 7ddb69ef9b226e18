package webtest

import (
	"embed"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/chromedp/chromedp"

	"github.com/sshforward/sshforward/internal/testenv"
)

//go:embed axe/package.json axe/package-lock.json axe/.npmrc
var axeFiles embed.FS

// axeSource is the text of axe-core, as npm has it; it is no part of the page.
var axeSource = sync.OnceValues(func() (string, error) {
	files, err := fs.Sub(axeFiles, "axe")
	if err != nil {
		return "", err
	}
	modules, err := testenv.NPM(chrome.ctx, "axe", files)
	if err != nil {
		return "", err
	}
	text, err := os.ReadFile(filepath.Join(modules, "axe-core", "axe.min.js"))
	return string(text), err
})

// Axe fails the test for what axe-core finds wrong with the page as it is now,
// in light and in dark. Without node, npm or a registry it finds nothing, unless
// SSHFORWARD_REQUIRE names axe.
func (b *Browser) Axe(state string) {
	b.t.Helper()
	b.axe(state, "light", "dark")
}

func (b *Browser) axe(state string, schemes ...string) {
	b.t.Helper()
	source, err := axeSource()
	if err != nil {
		if testenv.Required("axe") {
			b.t.Fatal(err)
		}
		b.t.Logf("%s is not held against axe-core: %v (SSHFORWARD_REQUIRE=axe makes this a failure)", state, err)
		return
	}
	if there, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](`typeof axe === "object"`)); err != nil || !there {
		if _, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](source+`; true`)); err != nil {
			b.t.Fatal(err)
		}
	}
	for _, scheme := range schemes {
		if scheme != b.scheme {
			b.Scheme(scheme)
			b.settle()
		}
		var found []struct {
			ID, Help string
			Nodes    []struct {
				Target         []any
				FailureSummary string
			}
		}
		text := b.Get(`axe.run(document, { resultTypes: ["violations"] }).then((r) => JSON.stringify(r.violations))`)
		if err := json.Unmarshal([]byte(text), &found); err != nil {
			b.t.Fatal(err)
		}
		for _, v := range found {
			for _, n := range v.Nodes {
				b.t.Errorf("%s, %s: %s (%s) at %v: %s", state, scheme, v.Help, v.ID, n.Target, n.FailureSummary)
			}
		}
		if len(found) > 0 {
			b.Shot("axe-" + scheme)
		}
	}
	if b.scheme != "light" {
		b.Scheme("light")
	}
}
