// Package dynalitetest starts dynalite, somebody else's DynamoDB, for tests. It
// has conditional writes of single items and consistent reads of local indexes,
// and neither throttling nor recovery.
package dynalitetest

import (
	"bufio"
	"context"
	"embed"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/sshforward/sshforward/internal/testenv"
)

var (
	//go:embed testdata/package.json testdata/package-lock.json testdata/.npmrc
	pinned embed.FS
	//go:embed testdata/server.js
	server string
)

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
	if err != nil {
		testenv.Missing(t, "dynalite", err)
	}
	return url
}

var start = sync.OnceValues(func() (url string, err error) {
	files, err := fs.Sub(pinned, "testdata")
	if err != nil {
		return "", err
	}
	modules, err := testenv.NPM(context.Background(), "dynalite", files)
	if err != nil {
		return "", fmt.Errorf("dynalite: %w", err)
	}
	cmd := exec.Command("node", "-e", server)
	cmd.Env, cmd.Stderr = append(os.Environ(), "NODE_PATH="+modules), os.Stderr
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
