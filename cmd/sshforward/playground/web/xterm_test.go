package web_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestXterm holds the terminal's files against the packages on npm, of which
// xterm/package-lock.json has the integrity. It is for whoever changes them, so
// it runs only where it is required.
func TestXterm(t *testing.T) {
	if !slices.Contains(strings.Split(os.Getenv("SSHFORWARD_REQUIRE"), ","), "xterm") {
		t.Skip("SSHFORWARD_REQUIRE=xterm has npm asked for the packages")
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("xterm")); err != nil {
		t.Fatal(err)
	}
	npm := exec.CommandContext(t.Context(), "npm", "ci", "--prefer-offline", "--ignore-scripts", "--no-audit", "--no-fund")
	npm.Dir = dir
	if out, err := npm.CombinedOutput(); err != nil {
		t.Fatalf("npm ci: %v\n%s", err, out)
	}
	from := map[string]string{
		"xterm.mjs.gz": "xterm/lib/xterm.mjs", "xterm.css": "xterm/css/xterm.css", "LICENSE": "xterm/LICENSE",
		"addon-fit.mjs": "addon-fit/lib/addon-fit.mjs", "addon-fit.LICENSE": "addon-fit/LICENSE",
	}
	here, err := os.ReadDir("assets/xterm")
	if err != nil {
		t.Fatal(err)
	}
	if len(here) != len(from) {
		t.Errorf("there are %d files and not %d", len(here), len(from))
	}
	for _, f := range here {
		ours, err := os.ReadFile(filepath.Join("assets/xterm", f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(f.Name(), ".gz") {
			ours = unpacked(t, ours)
		}
		theirs, err := os.ReadFile(filepath.Join(dir, "node_modules", "@xterm", from[f.Name()]))
		if err != nil || !bytes.Equal(ours, theirs) {
			t.Errorf("%s is not what npm has: %v", f.Name(), err)
		}
	}
}

func unpacked(t *testing.T, b []byte) []byte {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	if b, err = io.ReadAll(r); err != nil {
		t.Fatal(err)
	}
	return b
}
