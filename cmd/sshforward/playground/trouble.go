package playground

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/sshforward/sshforward/bot/fakeslack"
	"github.com/sshforward/sshforward/cmd/sshforward/playground/web"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

// slowBy is how much later an instance accepts connections after it was
// registered, while health is slow.
const slowBy = 20 * time.Second

// chaosRate is the share of calls to the cloud that go wrong while it
// throttles: besides throttling there are server errors, connections that fail
// and answers that get lost.
const chaosRate = 0.3

// kinds are what Trouble takes, with what each does.
var kinds = []struct{ name, does string }{
	{"slow-health", "instances take 20 seconds longer to come into service"},
	{"fast-health", "they do not any more"},
	{"throttle", "three in ten calls to the cloud are throttled, fail, or lose their answer"},
	{"calm", "no slow health, no failing calls"},
	{"kill-bot", "kill -9 the bot"},
	{"restart-bot", "start the bot, after an orderly stop if it runs, and wait until it is connected"},
	{"remove-rule", "take a lease's rule out of the instance's security group"},
	{"lose-database", "kill the bot, delete its database, start it again"},
}

// Trouble does something to the playground. The error is for whoever asked.
func (p *Playground) Trouble(ctx context.Context, kind string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	p.acts.Lock()
	defer p.acts.Unlock()
	defer p.note()
	if what, n, ok := replicaTrouble(kind); ok {
		return p.troubleReplica(ctx, what, n)
	}
	switch kind {
	case "slow-health":
		p.health.slow(true)
		p.chronicle.add(time.Now(), ofTrouble, "Somebody makes health slow: what opens waits 20 s longer")
	case "fast-health":
		p.health.slow(false)
		p.chronicle.add(time.Now(), ofTrouble, "Health is as quick as it was")
	case "throttle":
		p.throttle(true)
		p.chronicle.add(time.Now(), ofTrouble, "Somebody makes AWS throttle: three in ten calls fail")
	case "calm":
		p.health.slow(false)
		p.throttle(false)
		p.chronicle.add(time.Now(), ofTrouble, "AWS and health are calm again")
	case "kill-bot":
		if p.running() == 0 {
			return errors.New("the bot is down already: start it first")
		}
		p.eachBot((*botProcess).kill)
		p.repairs.begin("kill-bot")
		p.chronicle.add(time.Now(), ofTrouble, "Somebody kills the bot (kill -9); sessions go on")
		p.tour.died()
	case "restart-bot":
		p.eachBot((*botProcess).stop)
		return p.startAgain(ctx)
	case "remove-rule":
		return p.removeRule()
	case "lose-database":
		p.eachBot((*botProcess).kill)
		p.repairs.begin("lose-database")
		if err := p.loseStore(); err != nil {
			return err
		}
		if err := p.startAgain(ctx); err != nil {
			return err
		}
		if took, ok := p.repairs.end("lose-database"); ok {
			p.chronicle.add(time.Now(), ofBot, "The bot is back after %.1f s, with what the tags in AWS say", took.Seconds())
		}
	default:
		return fmt.Errorf("trouble %q is not known", kind)
	}
	return nil
}

// loseStore deletes the file of the one bot, or the table of several.
func (p *Playground) loseStore() error {
	if p.table != nil {
		p.chronicle.add(time.Now(), ofTrouble, "Somebody kills every replica and deletes their table")
		p.table.lose()
		return nil
	}
	p.chronicle.add(time.Now(), ofTrouble, "Somebody kills the bot and deletes its database")
	if err := os.Remove(filepath.Join(p.dir, storeFile)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("delete the database: %w", err)
	}
	return nil
}

// startAgain starts the bot that was ended, or all of them, and returns when it is
// connected.
func (p *Playground) startAgain(ctx context.Context) error {
	// The connections of the old one, which Slack may not have missed yet, are
	// not to be taken for those of the new one.
	late, cancel := context.WithTimeout(ctx, stopWithin)
	defer cancel()
	if err := p.workspace.Wait(late, func(s *fakeslack.Snapshot) bool { return len(s.Connections()) == 0 }); err != nil {
		return fmt.Errorf("wait for the old connections to end: %w", err)
	}
	for _, b := range p.bots {
		if err := b.start(); err != nil {
			return err
		}
	}
	if err := p.connected(ctx); err != nil {
		return err
	}
	p.tour.returned()
	if took, ok := p.repairs.end("kill-bot"); ok {
		p.chronicle.add(time.Now(), ofBot, "The bot is back after %.1f s, and goes on where it was", took.Seconds())
	}
	return nil
}

func (p *Playground) throttle(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.throttled = on
	if !on {
		p.cloud.SetFault(nil)
		return
	}
	chaos := fakeaws.NewChaos(0, chaosRate)
	p.log.Info("the cloud fails calls from now on", "again", chaos)
	p.cloud.SetFault(chaos.Fault)
}

func (p *Playground) removeRule() error {
	region := p.cloud.Home()
	for _, r := range region.Rules() {
		if !r.Egress && r.Group == p.fieldNote.Group && r.Tags["sshforward:deployment"] == deployment {
			// Counted first: the bot may be quick.
			p.repairs.begin("remove-rule")
			region.RemoveRule(r.ID)
			p.repairs.missing(r.Tags["sshforward:lease"])
			p.chronicle.add(time.Now(), ofTrouble, "Somebody removes the rule of a lease from the instances' group: nobody new gets through")
			return nil
		}
	}
	return errors.New("there is no lease's rule in the instances' group now: open a lease first")
}

// Status says how the playground fares.
func (p *Playground) Status() web.Status {
	pid := p.bots[0].pid()
	sessions, _ := p.forward.count()
	p.mu.Lock()
	defer p.mu.Unlock()
	return web.Status{
		BotRunning: p.running() > 0, BotPID: pid, Replicas: p.replicas(), SlowHealth: p.health.isSlow(), Throttled: p.throttled,
		Sessions: sessions, Command: p.hint(), OnCall: []string{Yuki}, Repairs: p.repairs.get(),
	}
}

// Changed gets a value when Status has changed; several changes may become one
// value. There is one channel, for one reader.
func (p *Playground) Changed() <-chan struct{} { return p.changed }

// note announces a change of Status.
func (p *Playground) note() {
	select {
	case p.changed <- struct{}{}:
	default: // one is waiting already
	}
}

// health answers whether something listens on an instance.
type health struct {
	mu        sync.Mutex
	isOn      bool
	inService map[string]bool
	asked     map[string]time.Time // since when an instance that is not in service was looked at
}

// slow turns it on or off. Instances in service stay in service.
func (h *health) slow(on bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.isOn = on
	h.asked = make(map[string]time.Time)
}

func (h *health) isSlow() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.isOn
}

// seen is told what is in service.
func (h *health) seen(inService map[string]bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for id := range h.inService {
		if !inService[id] {
			delete(h.asked, id) // the next time it waits again
		}
	}
	h.inService = inService
}

// listening is for fakeaws.Options.Listening: every instance has an SSH server
// and nothing else.
func (h *health) listening(i fakeaws.Instance, port int) bool {
	if port != 22 || i.State != fakeaws.Running {
		return false
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.isOn || h.inService[i.ID] {
		return true
	}
	now := time.Now()
	if h.asked == nil {
		h.asked = make(map[string]time.Time)
	}
	if h.asked[i.ID].IsZero() {
		h.asked[i.ID] = now
	}
	return now.Sub(h.asked[i.ID]) >= slowBy
}
