package testenv

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// npmWithin is how long npm may take to install.
const npmWithin = 3 * time.Minute

// NPM installs what a lock file pins, with npm ci, and returns the node_modules
// folder with it. That is done once per lock file, in the user's cache; no
// script of a package is run. The files are package.json, package-lock.json and
// .npmrc. The error is a machine without node, npm or a registry.
func NPM(ctx context.Context, name string, files fs.FS) (modules string, err error) {
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			return "", err
		}
	}
	lock, err := fs.ReadFile(files, "package-lock.json")
	if err != nil {
		return "", err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	dir := filepath.Join(cache, "sshforward-test", name+fmt.Sprintf("-%x", sha256.Sum256(lock))[:17])
	modules = filepath.Join(dir, "node_modules")
	if _, err := os.Stat(modules); err == nil {
		return modules, nil
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return "", err
	}
	tmp, err := os.MkdirTemp(filepath.Dir(dir), "installing-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(tmp)
	for _, f := range []string{"package.json", "package-lock.json", ".npmrc"} {
		text, err := fs.ReadFile(files, f)
		if err == nil {
			err = os.WriteFile(filepath.Join(tmp, f), text, 0o600)
		}
		if err != nil {
			return "", err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, npmWithin)
	defer cancel()
	npm := exec.CommandContext(ctx, "npm", "ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund")
	npm.Dir = tmp
	if out, err := npm.CombinedOutput(); err != nil {
		return "", fmt.Errorf("npm ci: %w\n%s", err, out)
	}
	// Another test process may have been faster; either copy will do.
	if err := os.Rename(tmp, dir); err != nil {
		if _, there := os.Stat(modules); there != nil {
			return "", errors.Join(err, there)
		}
	}
	return modules, nil
}
