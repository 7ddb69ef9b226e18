// Package mototest runs moto_server, somebody else's stand-in for AWS, as a
// second opinion for tests.
package mototest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"github.com/sshforward/sshforward/internal/testenv"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"testing"
	"time"
)

// Start runs a moto_server on a free loopback port until the test ends and
// returns its address. Where the program is missing the test is skipped, or
// fails if SSHFORWARD_REQUIRE lists moto, as CI does.
func Start(t testing.TB) (url string) {
	t.Helper()
	s, err := start(t.Context())
	if err != nil {
		unavailable(t, err)
	}
	t.Cleanup(s.stop)
	return s.url
}

// shared is the server of Shared.
var shared struct {
	sync.Mutex
	*server
	err      error // it could not be started; asking again would only take time
	accounts int   // given away
}

// Shared returns the way to an account of the test's own in the one moto_server
// of this test binary: starting one takes seconds. There is nothing in the
// account, so that tests may run side by side. The test is skipped as in Start.
// The server runs until Stop, which belongs at the end of TestMain, or, on Linux,
// until the test binary ends in whatever way.
func Shared(t testing.TB) Transport {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if shared.server == nil && shared.err == nil {
		shared.server, shared.err = start(context.Background())
	}
	if shared.err != nil {
		unavailable(t, shared.err)
	}
	shared.accounts++
	return Transport{URL: shared.url, Account: fmt.Sprintf("%012d", 500000000000+shared.accounts)}
}

// Stop ends the server of Shared, if there is one.
func Stop() {
	shared.Lock()
	defer shared.Unlock()
	if shared.server != nil {
		shared.stop()
		shared.server = nil
	}
}

func unavailable(t testing.TB, err error) {
	t.Helper()
	if !errors.Is(err, exec.ErrNotFound) {
		t.Fatal(err)
	}
	testenv.Missing(t, "moto", errors.New("moto_server is not on this machine (it is the Python package moto[server])"))
}

// server is a running moto_server.
type server struct {
	url    string
	log    *safeBuffer
	kill   func()
	exited chan struct{}
}

func (s *server) stop() {
	s.kill()
	<-s.exited
}

func start(ctx context.Context) (*server, error) {
	program, err := exec.LookPath("moto_server")
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	s := &server{url: fmt.Sprintf("http://127.0.0.1:%d", port), log: &safeBuffer{}, exited: make(chan struct{})}
	cmd := exec.Command(program, "-H", "127.0.0.1", "-p", fmt.Sprint(port))
	cmd.Env = append(os.Environ(), "MOTO_EC2_LOAD_DEFAULT_AMIS=false") // starts in half the time
	cmd.Stderr = s.log
	cmd.WaitDelay = time.Second // should a child of its own hold the pipe
	endWithUs(cmd)

	started := make(chan error)
	go func() {
		defer close(s.exited)
		// The kernel takes the thread that started it for its parent.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	s.kill = func() { killAll(cmd.Process) }
	if err := s.await(ctx); err != nil {
		s.stop()
		return nil, fmt.Errorf("moto_server does not answer: %w\n%s", err, s.log)
	}
	return s, nil
}

func (s *server) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+"/moto-api/data.json", nil)
		if err != nil {
			return err
		}
		if resp, err := http.DefaultClient.Do(req); err == nil {
			return resp.Body.Close()
		}
		select {
		case <-s.exited:
			return errors.New("it has exited")
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// freePort finds a port that is free now. Somebody may take it before the
// server does; then the server exits and the test says so.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// safeBuffer is what the server says, read while it may say more. It keeps the
// end only: the server logs every request.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

const keepLog = 64 << 10

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.b.Len() > keepLog {
		s.b.Next(s.b.Len() - keepLog/2)
	}
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
