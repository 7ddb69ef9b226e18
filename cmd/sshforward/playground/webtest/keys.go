package webtest

import (
	"fmt"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// Downloads has what the page saves go to a directory.
func (b *Browser) Downloads(dir string) {
	b.t.Helper()
	_, err := chromedp.CallBrowser(b.ctx, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{
		Behavior: browser.SetDownloadBehaviorBehaviorAllow, DownloadPath: dir,
		BrowserContextID: chromedp.FromContext(b.ctx).BrowserContextID,
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

// Tab presses Tab until an element has the focus. A terminal keeps Tab for
// itself, unless Escape was pressed before.
func (b *Browser) Tab(css string) {
	b.t.Helper()
	for range 300 {
		at := fmt.Sprintf(`((a) => a?.matches(%q) ? "there" : a?.closest(".xterm") ? "terminal" : "")(document.activeElement)`, css)
		switch b.Get(at) {
		case "there":
			return
		case "terminal":
			b.Keys(kb.Escape)
		}
		b.Keys(kb.Tab)
	}
	b.Shot("failed")
	b.t.Fatalf("no Tab leads to %s", css)
}
