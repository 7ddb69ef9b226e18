package playground

import (
	"context"
	"errors"
	"fmt"
	"github.com/sshforward/sshforward/bot/fakeslack"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// readyWithin is how long the bot may take to connect.
const readyWithin = 30 * time.Second

// startBots writes the configuration and starts the bot, or several, and waits
// until all are connected.
func (p *Playground) startBots(ctx context.Context, awsURL string) error {
	binary := p.opts.Binary
	if binary == "" {
		var err error
		if binary, err = os.Executable(); err != nil {
			return err
		}
	}
	file := filepath.Join(p.dir, configFile)
	if err := os.WriteFile(file, []byte(config(p.storeConfig(), p.addrs.port, p.opts.Speed, p.opts.Language)), 0o600); err != nil {
		return err
	}
	log, err := os.OpenFile(filepath.Join(p.dir, logFile), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	p.undo = append(p.undo, func() { _ = log.Close() })
	for n := range p.opts.Replicas {
		b := &botProcess{
			binary: binary, args: []string{"serve", "--config", file}, log: log, changed: p.note, record: p.record.of,
			env: botEnv(p.workspace.APIURL(), p.workspace.BotToken(), p.workspace.AppToken(), awsURL, accessKey(n+1)),
		}
		if p.table != nil {
			b.env = append(b.env, "AWS_ENDPOINT_URL_DYNAMODB="+p.table.url)
		}
		p.bots = append(p.bots, b)
		if err := b.start(); err != nil {
			return err
		}
	}
	p.undo = append(p.undo, func() { p.eachBot((*botProcess).stop) })
	p.chronicle.add(time.Now(), ofBot, "The bot starts, on an empty cloud")
	return p.connected(ctx)
}

// storeConfig says in the configuration where leases are kept.
func (p *Playground) storeConfig() string {
	if p.table != nil {
		return fmt.Sprintf("{dynamodb: {table: %s, create: true}}", tableName)
	}
	return fmt.Sprintf("{bolt: %q}", filepath.Join(p.dir, storeFile))
}

// eachBot does something to all bots, at the same time.
func (p *Playground) eachBot(do func(*botProcess)) {
	var all sync.WaitGroup
	for _, b := range p.bots {
		all.Go(func() { do(b) })
	}
	all.Wait()
}

// connected waits until the bot is connected to Slack; of several, until each that
// runs has both its connections. One that is paused may have lost them.
func (p *Playground) connected(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, readyWithin, errors.New("it did not connect in time"))
	defer cancel()
	exited := errors.New("it has exited")
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	want := 0
	for _, b := range p.bots {
		if b.pid() == 0 || b.isPaused() {
			continue
		}
		want += 2
		gone := b.gone()
		go func() {
			select {
			case <-gone:
				fail(exited)
			case <-ctx.Done():
			}
		}()
	}
	if len(p.bots) == 1 && want > 0 {
		want = 1 // the second comes four seconds later
	}
	err := p.workspace.Wait(ctx, func(s *fakeslack.Snapshot) bool { return len(s.Connections()) >= want })
	if err != nil {
		return fmt.Errorf("start the bot: %w\n%s", context.Cause(ctx), p.lastOfLog())
	}
	return nil
}

// lastOfLog is how the bot's log ends.
func (p *Playground) lastOfLog() string {
	f, err := os.Open(filepath.Join(p.dir, logFile))
	if err != nil {
		return ""
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Size() > 2000 {
		_, _ = f.Seek(-2000, io.SeekEnd)
	}
	text, _ := io.ReadAll(f)
	return strings.TrimSpace(string(text))
}

// running is how many bots run.
func (p *Playground) running() (n int) {
	for _, b := range p.bots {
		if b.pid() != 0 {
			n++
		}
	}
	return n
}
