package testenv

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

const module = "github.com/sshforward/sshforward"

// Program builds the program into a folder, with the race detector if this
// process runs under it, and returns its path. The result is also kept in the
// user's cache directory, from where the next that asks begins, in this run of
// the tests or in a later one: the go command sees that it is up to date and
// does not link it again. Of those that ask together, one links.
func Program(dir string) (path string, err error) {
	path = filepath.Join(dir, "sshforward")
	args := []string{"build", "-o", path}
	if Race {
		args = append(args, "-race")
	}
	kept := keptAt()
	defer alone(kept)()
	_ = copyFile(path, kept) // without it the program is linked anew, and that is all
	if out, err := exec.Command("go", append(args, module+"/cmd/sshforward")...).CombinedOutput(); err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, out)
	}
	if kept != "" {
		keep(path, kept)
	}
	return path, QuickExit()
}

// keptAt is where the program is kept, for each checkout and way to build one
// file; empty if this user has no cache.
func keptAt() string {
	cache, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	root, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	if err != nil {
		return ""
	}
	name := fmt.Sprintf("%x", sha256.Sum256(root))[:16]
	if Race {
		name += "-race"
	}
	return filepath.Join(cache, "sshforward-test", name)
}

// keep replaces the file in one step, since others may read it. If it cannot,
// the next one links again.
func keep(path, kept string) {
	if os.MkdirAll(filepath.Dir(kept), 0o700) != nil {
		return
	}
	half := fmt.Sprintf("%s.%d", kept, os.Getpid())
	defer os.Remove(half)
	if copyFile(half, path) == nil {
		_ = os.Rename(half, kept)
	}
}

func copyFile(to, from string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o700)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// QuickExit keeps the race detector from sleeping for a second at the end of
// every process that is started from here, as it does by itself.
func QuickExit() error {
	options := os.Getenv("GORACE")
	if strings.Contains(options, "atexit_sleep_ms") {
		return nil
	}
	return os.Setenv("GORACE", strings.TrimSpace(options+" atexit_sleep_ms=0"))
}
