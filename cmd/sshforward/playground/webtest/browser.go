// Package webtest drives the page in a headless Chromium, for tests.
package webtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/sshforward/sshforward/internal/testenv"
)

// Browser is a headless Chromium on the page.
type Browser struct {
	// Cut is set by a test that breaks the connection, which the console may say.
	Cut atomic.Bool

	t      *testing.T
	ctx    context.Context
	shot   string // where screenshots go, and how their names begin
	scheme string // light or dark
}

// patience is how long something may take to show; the machine may be busy.
const patience = time.Minute

// testWithin is how long one page may be used.
const testWithin = 5 * time.Minute

// chromium finds the browser. Without one the test is skipped, unless
// SSHFORWARD_REQUIRE names chromium.
func chromium(t *testing.T) string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	testenv.Missing(t, "chromium", errors.New("chromium is not installed"))
	return ""
}

// chrome is the one Chromium of this process: starting one costs as much as a
// test. Each test has a profile of its own in it.
var chrome struct {
	sync.Mutex
	ctx  context.Context
	quit func()
}

// start returns the Chromium that runs, or starts it.
func start(t *testing.T) context.Context {
	t.Helper()
	path := chromium(t)
	chrome.Lock()
	defer chrome.Unlock()
	if chrome.ctx != nil {
		return chrome.ctx
	}
	profile, err := os.MkdirTemp("", "sshforward-chromium-")
	if err != nil {
		t.Fatal(err)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.UserDataDir(profile), chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true))
	ctx, stop := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, end := chromedp.NewContext(ctx)
	chrome.quit = func() {
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
		chrome.quit()
		t.Fatal(err)
	}
	chrome.ctx = ctx
	return ctx
}

// Quit ends the Chromium, if one was started; TestMain calls it after all tests.
func Quit() {
	chrome.Lock()
	defer chrome.Unlock()
	if chrome.ctx != nil {
		chrome.quit()
		chrome.ctx = nil
	}
}

// Open opens a page, in a Chromium that the tests of a process share. Screenshots
// go where SSHFORWARD_ARTEFACTS
// says, with names that begin with shots; if it says nothing, there are none,
// which is quicker. Whatever the page writes to the console, an
// exception or a refusal of its policy among them, fails the test at the end.
func Open(t *testing.T, url, shots string) *Browser {
	t.Helper()
	b := &Browser{t: t}
	if dir := os.Getenv("SSHFORWARD_ARTEFACTS"); dir != "" {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		b.shot = filepath.Join(dir, shots)
	}
	late, cancel := context.WithTimeout(start(t), testWithin)
	t.Cleanup(cancel)
	ctx, end := chromedp.NewContext(late, chromedp.WithNewBrowserContext())
	b.ctx = ctx
	b.Do(chromedp.Navigate("about:blank"))
	// Several pages may be open at a time, and each thinks that it has the focus.
	if _, err := chromedp.Call(ctx, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true}); err != nil {
		t.Fatal(err)
	}

	var wg sync.WaitGroup
	wg.Go(func() {
		for m, err := range chromedp.Console(ctx) {
			if err != nil {
				return // the browser is closed
			}
			if m.Type != "debug" && m.Type != "info" && !(b.Cut.Load() && m.Source == "network") {
				t.Errorf("console: %v", m)
			}
		}
	})
	t.Cleanup(func() {
		end()
		wg.Wait()
	})
	b.Size(1440, 900)
	b.Scheme("light")
	b.Do(chromedp.Navigate(url))
	b.See("#chat-head h2")
	return b
}

// Do does something that has no method here.
func (b *Browser) Do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.t.Fatal(err)
	}
}

// See waits until something is visible.
func (b *Browser) See(css string) {
	b.t.Helper()
	b.within("see "+css, chromedp.WaitVisible(chromedp.CSS(css)))
}

// Gone waits until something is there no more.
func (b *Browser) Gone(css string) {
	b.t.Helper()
	b.within("be rid of "+css, chromedp.WaitNotPresent(chromedp.CSS(css)))
}

func (b *Browser) within(what string, step chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	err := chromedp.Do(ctx, step)
	for err != nil && ctx.Err() == nil && replaced(err) {
		time.Sleep(50 * time.Millisecond)
		err = chromedp.Do(ctx, step)
	}
	if err != nil {
		b.Shot("failed")
		b.t.Fatalf("did not %s: %v", what, err)
	}
}

// replaced reports whether the page drew anew what was found before anything
// could be done with it: then nothing was done, and what is there now is meant.
func replaced(err error) bool {
	return strings.Contains(err.Error(), "(-32000)") // the protocol's code for all of these
}

// Click waits until something is visible, and presses it.
func (b *Browser) Click(css string) {
	b.t.Helper()
	b.within("click "+css, chromedp.Click(chromedp.CSS(css)))
}

// Keys types into whatever has the focus.
func (b *Browser) Keys(s string) {
	b.t.Helper()
	b.Do(chromedp.KeyEvent(s))
}

// JS evaluates an expression, and waits until it is true.
func (b *Browser) JS(expression string) {
	b.t.Helper()
	late := time.Now().Add(patience)
	for {
		ok, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](expression))
		if ok {
			return
		}
		if time.Now().After(late) {
			b.Shot("failed")
			b.t.Fatalf("never true: %s (%v)", expression, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// Get is what an expression says.
func (b *Browser) Get(expression string) string {
	b.t.Helper()
	s, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.Shot("failed")
		b.t.Fatalf("%s: %v", expression, err)
	}
	return s
}

// Clipboard is what was copied last.
func (b *Browser) Clipboard() string {
	b.t.Helper()
	_, err := chromedp.CallBrowser(b.ctx, browser.SetPermission, browser.SetPermissionParams{
		Permission: &browser.PermissionDescriptor{Name: "clipboard-read"}, Setting: browser.PermissionSettingGranted,
		BrowserContextID: chromedp.FromContext(b.ctx).BrowserContextID,
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return b.Get("navigator.clipboard.readText()")
}

// Size is that of the window.
func (b *Browser) Size(width, height int64) {
	b.t.Helper()
	b.Do(chromedp.EmulateViewport(width, height))
}

// Scheme is what the person's system prefers, "light" or "dark". Nothing moves,
// so that a screenshot need not wait.
func (b *Browser) Scheme(s string) {
	b.t.Helper()
	b.scheme = s
	_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: s}, {Name: "prefers-reduced-motion", Value: "reduce"}},
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

// Shot keeps a picture of the page.
func (b *Browser) Shot(name string) {
	b.t.Helper()
	if b.shot == "" {
		return
	}
	png, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		b.t.Errorf("screenshot %s: %v", name, err)
		return
	}
	if png, err = small(png); err != nil {
		b.t.Error(err)
	}
	if err := os.WriteFile(b.shot+"-"+name+".png", png, 0o644); err != nil {
		b.t.Error(err)
	}
}

// Pictured tells whether pictures are kept, which takes its time.
func (b *Browser) Pictured() bool { return b.shot != "" }

// Looks holds the page as it is against axe-core, and keeps a picture of it on a
// desktop, in the dark and on a phone, each with an element in sight; it leaves it
// on the desktop. Where no pictures are kept it is looked at in light alone.
func (b *Browser) Looks(name, css string) {
	b.t.Helper()
	if b.shot == "" {
		b.axe(name, "light")
		return
	}
	b.Axe(name)
	look := func(name string) {
		b.JS(fmt.Sprintf(`(() => {
			const all = document.querySelectorAll(%q);
			all[all.length - 1]?.scrollIntoView({ block: "center" });
			return all.length > 0;
		})()`, css))
		b.settle()
		b.Shot(name)
	}
	look(name)
	b.Scheme("dark")
	look(name + "-dark")
	b.Scheme("light")
	b.Size(390, 800)
	look(name + "-narrow")
	b.Size(1280, 800)
	b.settle()
}

// settle waits until all is in its place, with the colours that another scheme
// fades into.
func (b *Browser) settle() {
	b.t.Helper()
	b.Get(`new Promise((done) => requestAnimationFrame(() => setTimeout(() => requestAnimationFrame(() => done("")), 300)))`)
}
