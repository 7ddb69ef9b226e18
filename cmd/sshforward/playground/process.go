package playground

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"time"
)

// stopWithin is how long the bot may take after SIGTERM; it promises ten
// seconds.
const stopWithin = 11 * time.Second

// errRunning is a start of what runs already.
var errRunning = errors.New("the bot is running already")

// botProcess is the unmodified bot as a process of its own, which can be
// killed and started again.
type botProcess struct {
	binary  string
	args    []string
	env     []string
	log     io.Writer
	record  func() io.Writer // where a process writes its audit record
	changed func()           // is called when it has started or is gone

	mu     sync.Mutex
	paused bool
	cmd    *exec.Cmd
	exited chan struct{} // closed when cmd is gone
}

// start runs it. It does not wait until the bot is connected.
func (b *botProcess) start() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.running() {
		return errRunning
	}
	cmd := exec.Command(b.binary, b.args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = b.env, b.record(), b.log
	ownGroup(cmd)
	exited, started := make(chan struct{}), make(chan error)
	go func() {
		// Where the kernel ends a child with its parent, it means the thread
		// that started it; this one stays until the child is gone.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // how it ended is in its log
			close(exited)
			b.changed()
		}
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("start the bot: %w", err)
	}
	b.cmd, b.exited, b.paused = cmd, exited, false
	b.changed()
	return nil
}

// pause stops the process where it is, and resume has it go on.
func (b *botProcess) pause() error { return b.signal(pauseSignal, true) }

func (b *botProcess) resume() error { return b.signal(resumeSignal, false) }

func (b *botProcess) signal(s os.Signal, paused bool) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if s == nil {
		return errNoPause
	}
	if !b.running() {
		return errors.New("it is not running")
	}
	if err := b.cmd.Process.Signal(s); err != nil {
		return err
	}
	b.paused = paused
	return nil
}

func (b *botProcess) isPaused() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.paused && b.running()
}

// running is called with b.mu held.
func (b *botProcess) running() bool {
	if b.cmd == nil {
		return false
	}
	select {
	case <-b.exited:
		return false
	default:
		return true
	}
}

// pid is the process id, 0 if it does not run.
func (b *botProcess) pid() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.running() {
		return 0
	}
	return b.cmd.Process.Pid
}

// gone is closed when the process that runs now is gone.
func (b *botProcess) gone() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.exited
}

// kill is kill -9. It returns when the process is gone.
func (b *botProcess) kill() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.running() {
		_ = b.cmd.Process.Kill()
		<-b.exited
	}
}

// stop asks it to end, and insists if it does not.
func (b *botProcess) stop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.running() {
		return
	}
	if b.paused && resumeSignal != nil {
		_ = b.cmd.Process.Signal(resumeSignal) // or it would not hear that it is to end
	}
	if err := b.cmd.Process.Signal(terminate); err == nil {
		select {
		case <-b.exited:
			return
		case <-time.After(stopWithin):
		}
	}
	_ = b.cmd.Process.Kill()
	<-b.exited
}

// botEnv is this process's environment with nothing in it that could lead the
// bot to a real workspace or a real cloud.
func botEnv(slackURL, botToken, appToken, awsURL, accessKey string) []string {
	var env []string
	for _, kv := range os.Environ() {
		name, _, _ := strings.Cut(kv, "=")
		if !strings.HasPrefix(name, "AWS_") && !strings.HasPrefix(name, "SLACK_") {
			env = append(env, kv)
		}
	}
	return append(env,
		"SLACK_API_URL="+slackURL, "SLACK_BOT_TOKEN="+botToken, "SLACK_APP_TOKEN="+appToken,
		"AWS_ENDPOINT_URL="+awsURL, "AWS_ACCESS_KEY_ID="+accessKey, "AWS_SECRET_ACCESS_KEY=playground",
		"AWS_EC2_METADATA_DISABLED=true", "AWS_CONFIG_FILE="+os.DevNull, "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull)
}
