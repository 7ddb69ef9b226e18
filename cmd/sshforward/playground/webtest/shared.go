package webtest

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// shared is the one Chromium of a test process, started by the first test that
// wants it. Each test has a context of its own in it, with its own storage, as a
// person with a window of their own has.
var shared struct {
	once sync.Once
	ctx  context.Context
	stop func()
	err  error
}

// Main runs the tests of a package, and ends the browser that they had. It is
// for TestMain.
func Main(run func() int) int {
	defer func() {
		if shared.stop != nil {
			shared.stop()
		}
	}()
	return run()
}

// window is a new one for a test.
func window(t *testing.T) (context.Context, context.CancelFunc) {
	t.Helper()
	path := chromium(t)
	shared.once.Do(func() { shared.err = launch(path) })
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	ctx, cancel := context.WithTimeout(shared.ctx, 5*time.Minute)
	ctx, end := chromedp.NewContext(ctx, chromedp.WithNewBrowserContext())
	return ctx, func() { end(); cancel() }
}

func launch(path string) error {
	profile, err := os.MkdirTemp("", "sshforward-chromium-")
	if err != nil {
		return err
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.UserDataDir(profile), chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true))
	ctx, stop := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, end := chromedp.NewContext(ctx)
	shared.ctx, shared.stop = ctx, func() {
		end()
		stop()
		// Its children write for a moment after it has ended.
		for range 50 {
			if os.RemoveAll(profile) == nil {
				return
			}
			time.Sleep(100 * time.Millisecond)
		}
	}
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil {
		return fmt.Errorf("start %s: %w", path, err)
	}
	return nil
}

// focus has the page believe that it has the focus, which only one of the
// windows has.
func (b *Browser) focus() {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true}); err != nil {
		b.t.Fatal(err)
	}
}

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
