package web_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// browser is a headless Chromium on the page.
type browser struct {
	t   *testing.T
	ctx context.Context
	dir string      // screenshots
	cut atomic.Bool // the test has broken the connection, which the console may say
}

// chromium finds the browser. Without one the test is skipped, unless
// SSHFORWARD_REQUIRE names chromium.
func chromium(t *testing.T) string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if slices.Contains(strings.Split(os.Getenv("SSHFORWARD_REQUIRE"), ","), "chromium") {
		t.Fatal("chromium is required and not installed")
	}
	t.Skip("chromium is not installed (SSHFORWARD_REQUIRE=chromium makes this a failure)")
	return ""
}

// open starts a browser on a page. Whatever the page writes to the console, an
// exception or a refusal of its policy among them, fails the test at the end.
func open(t *testing.T, url string) *browser {
	path := chromium(t)
	profile, err := os.MkdirTemp("", "sshforward-chromium-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// Its children write for a moment after it has ended.
		for range 50 {
			if os.RemoveAll(profile) == nil {
				return
			}
			time.Sleep(100 * time.Millisecond)
		}
	})
	b := &browser{t: t, dir: os.Getenv("SSHFORWARD_ARTEFACTS")}
	if b.dir == "" {
		b.dir = t.TempDir()
	} else if err := os.MkdirAll(b.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.UserDataDir(profile), chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true))
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(cancel)
	ctx, stop := chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(stop)
	ctx, end := chromedp.NewContext(ctx)
	b.ctx = ctx
	b.do(chromedp.Navigate("about:blank"))

	var wg sync.WaitGroup
	wg.Go(func() {
		for m, err := range chromedp.Console(ctx) {
			if err != nil {
				return // the browser is closed
			}
			if m.Type != "debug" && m.Type != "info" && !(b.cut.Load() && m.Source == "network") {
				t.Errorf("console: %v", m)
			}
		}
	})
	t.Cleanup(func() {
		end()
		wg.Wait()
	})
	b.do(chromedp.EmulateViewport(1440, 900))
	b.scheme("light")
	b.do(chromedp.Navigate(url))
	b.see("#chat-head h1")
	return b
}

func (b *browser) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.t.Fatal(err)
	}
}

// see waits until something is visible.
func (b *browser) see(css string) {
	b.t.Helper()
	b.within("see "+css, chromedp.WaitVisible(chromedp.CSS(css)))
}

// gone waits until something is there no more.
func (b *browser) gone(css string) {
	b.t.Helper()
	b.within("be rid of "+css, chromedp.WaitNotPresent(chromedp.CSS(css)))
}

func (b *browser) within(what string, step chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 15*time.Second)
	defer cancel()
	if err := chromedp.Do(ctx, step); err != nil {
		b.shot("failed")
		b.t.Fatalf("did not %s: %v", what, err)
	}
}

func (b *browser) click(css string) {
	b.t.Helper()
	b.within("click "+css, chromedp.Click(chromedp.CSS(css)))
}

// keys types into whatever has the focus.
func (b *browser) keys(s string) {
	b.t.Helper()
	b.do(chromedp.KeyEvent(s))
}

// js evaluates an expression, and waits until it is true.
func (b *browser) js(expression string) {
	b.t.Helper()
	late := time.Now().Add(15 * time.Second)
	for {
		ok, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](expression))
		if ok {
			return
		}
		if time.Now().After(late) {
			b.shot("failed")
			b.t.Fatalf("never true: %s (%v)", expression, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// scheme is what the person's system prefers, "light" or "dark".
func (b *browser) scheme(s string) {
	b.t.Helper()
	_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: s}},
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

// shot keeps a picture of the page.
func (b *browser) shot(name string) {
	b.t.Helper()
	time.Sleep(600 * time.Millisecond) // what fades has faded
	png, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		b.t.Errorf("screenshot %s: %v", name, err)
		return
	}
	if err := os.WriteFile(filepath.Join(b.dir, "web-"+name+".png"), png, 0o644); err != nil {
		b.t.Error(err)
	}
}
