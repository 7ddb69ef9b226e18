package main

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sshforward/sshforward/provisioner"
)

// Without a key of its own the bot has one for each app token; a key that cannot
// be read signs nothing, and one that is too short ends the start.
func TestSigningKey(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte(strings.Repeat("k", 40)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		env     map[string]string
		app     string
		want    int // bytes
		refused bool
		says    string
	}{
		"derived":             {app: "xapp-1", want: provisioner.MinKey},
		"without a token":     {},
		"its own":             {app: "xapp-1", env: map[string]string{"SSHFORWARD_KEY": strings.Repeat("k", 32)}, want: 32},
		"in a file":           {app: "xapp-1", env: map[string]string{"SSHFORWARD_KEY_FILE": file}, want: 40},
		"too short":           {app: "xapp-1", env: map[string]string{"SSHFORWARD_KEY": "short"}, refused: true},
		"a file that is gone": {app: "xapp-1", env: map[string]string{"SSHFORWARD_KEY_FILE": file + "x"}, says: "tags are not signed"},
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			key, err := signingKey(func(k string) string { return c.env[k] }, tokens{app: c.app}, slog.New(slog.NewTextHandler(&log, nil)))
			if len(key) != c.want || (err != nil) != c.refused || !strings.Contains(log.String(), c.says) {
				t.Errorf("%d bytes, %v, log %q; want %d bytes, refused %t, a log with %q", len(key), err, log.String(), c.want, c.refused, c.says)
			}
			if strings.Contains(log.String(), "short") {
				t.Error("the log tells the key")
			}
		})
	}
	one, _ := signingKey(func(string) string { return "" }, tokens{app: "xapp-1"}, slog.Default())
	two, _ := signingKey(func(string) string { return "" }, tokens{app: "xapp-2"}, slog.Default())
	if bytes.Equal(one, two) {
		t.Error("two app tokens give one key")
	}
}
