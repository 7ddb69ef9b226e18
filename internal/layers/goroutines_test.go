package layers_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sshforward/sshforward/internal/layers"
)

// One poisoned lease must not take down what ends all the others. The stand-ins
// are for tests and the playground, and may end with a panic.
func TestNoPanicEndsTheProcess(t *testing.T) {
	layers.CheckGoroutines(t, "../..", "bot/fakeslack", "provisioner/fakeaws", "provisioner/mototest", "provisioner/provisionertest",
		"store/storetest", "store/dynamo/dynalitetest", "cmd/sshforward/playground", "internal/sim", "internal/testenv")
}

func TestCheckGoroutines(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"bad.go": `package p

func f() {
	go work()
	go func() { work() }()
	wg.Go(func() { work() })
	time.AfterFunc(d, func() { work() })
	group.DoChan(key, func() (any, error) {
		work()
		defer safe.Recover(&err)
		return nil, nil
	})
	go func() { defer wg.Done(); work() }()
}`,
		"good.go": `package p

func f() {
	go func() { defer safe.Catch(log); work() }()
	go func() { defer close(done); defer safe.Recover(&err); work() }()
	wg.Go(func() { defer c.recovered("x", nil); work() })
	go func() { wg.Wait(); close(done) }()
	context.AfterFunc(ctx, stop)
	context.AfterFunc(ctx, func() { time.AfterFunc(d, func() { close(late) }) })
}`,
		"bad_test.go":      "package p\n\nfunc f() { go work() }\n",
		"fake/bad.go":      "package p\n\nfunc f() { go work() }\n",
		".hidden/bad.go":   "package p\n\nfunc f() { go work() }\n",
		"testdata/some.go": "package p\n\nfunc f() { go work() }\n",
	} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r := &reports{TB: t}
	layers.CheckGoroutines(r, dir, "fake")
	const says = ": a panic in this goroutine ends the process"
	want := "bad.go:4" + says + "\nbad.go:5" + says + "\nbad.go:6" + says + "\nbad.go:7" + says + "\nbad.go:8" + says + "\nbad.go:13" + says
	if got := strings.Join(r.said, "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
