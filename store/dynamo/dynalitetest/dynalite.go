// Package dynalitetest starts dynalite, somebody else's DynamoDB, for tests. It
// has conditional writes of single items and consistent reads of local indexes,
// and neither throttling nor recovery.
package dynalitetest

import (
	"bufio"
	"context"
	"crypto/sha256"
	"embed"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

//go:embed testdata/package.json testdata/package-lock.json testdata/.npmrc testdata/server.js
var files embed.FS

// Region is where its tables are.
const Region = "ap-northeast-1"

// Config is the SDK's configuration for the server that Start returned.
func Config(url string) aws.Config {
	return aws.Config{
		Region: Region, BaseEndpoint: aws.String(url),
		Credentials: credentials.NewStaticCredentialsProvider("AKIATEST", "secret", ""),
	}
}

// Start returns the address of a server, the same for all tests of a package,
// which ends with the test binary. Without node, npm or a registry the test is
// skipped, unless SSHFORWARD_REQUIRE names dynalite.
func Start(t testing.TB) (url string) {
	t.Helper()
	url, err := start()
	switch {
	case err == nil:
		return url
	case slices.Contains(strings.Split(os.Getenv("SSHFORWARD_REQUIRE"), ","), "dynalite"):
		t.Fatal(err)
	}
	t.Skipf("%v (SSHFORWARD_REQUIRE=dynalite makes this a failure)", err)
	return ""
}

var start = sync.OnceValues(func() (url string, err error) {
	dir, err := install()
	if err != nil {
		return "", fmt.Errorf("dynalite: %w", err)
	}
	cmd := exec.Command("node", filepath.Join(dir, "server.js"))
	cmd.Stderr = os.Stderr
	// The pipe to its input closes when this process ends, however it does.
	if _, err := cmd.StdinPipe(); err != nil {
		return "", err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", err
	}
	if err := cmd.Start(); err != nil {
		return "", fmt.Errorf("dynalite: %w", err)
	}
	lines := bufio.NewReader(out)
	port, err := lines.ReadString('\n')
	if err != nil {
		return "", fmt.Errorf("dynalite says no port: %w", err)
	}
	go func() {
		_, _ = io.Copy(io.Discard, lines)
		_ = cmd.Wait()
	}()
	return "http://127.0.0.1:" + strings.TrimSpace(port), nil
})

// install returns a folder with the server and what it needs, made with npm ci
// once per lock file, in the user's cache.
func install() (dir string, err error) {
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			return "", err
		}
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	sum := sha256.New()
	names, err := files.ReadDir("testdata")
	if err != nil {
		return "", err
	}
	content := make(map[string][]byte)
	for _, f := range names {
		b, err := files.ReadFile("testdata/" + f.Name())
		if err != nil {
			return "", err
		}
		content[f.Name()] = b
		_, _ = sum.Write(b)
	}
	dir = filepath.Join(cache, "sshforward-test", fmt.Sprintf("dynalite-%x", sum.Sum(nil))[:25])
	if _, err := os.Stat(filepath.Join(dir, "node_modules", "dynalite")); err == nil {
		return dir, nil
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return "", err
	}
	tmp, err := os.MkdirTemp(filepath.Dir(dir), "installing-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(tmp)
	for name, b := range content {
		if err := os.WriteFile(filepath.Join(tmp, name), b, 0o644); err != nil {
			return "", err
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	npm := exec.CommandContext(ctx, "npm", "ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund")
	npm.Dir = tmp
	if out, err := npm.CombinedOutput(); err != nil {
		return "", fmt.Errorf("npm ci: %w\n%s", err, out)
	}
	// Another test process may have been faster; either copy will do.
	if err := os.Rename(tmp, dir); err != nil {
		if _, err2 := os.Stat(filepath.Join(dir, "node_modules")); err2 != nil {
			return "", err
		}
	}
	return dir, nil
}
