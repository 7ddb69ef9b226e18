package bot

import (
	"encoding/json"
	"sync"
	"time"
)

// dispatcher gives each envelope to the handler once, in a goroutine of its own,
// so that none waits for another.
type dispatcher struct {
	handler *handler
	seen    *dedup
	onAck   func(time.Duration)

	mu       sync.Mutex
	stopping bool
	running  sync.WaitGroup
}

func newDispatcher(h *handler, onAck func(time.Duration)) *dispatcher {
	return &dispatcher{handler: h, seen: newDedup(), onAck: onAck}
}

// deliver handles one envelope; it never blocks.
func (d *dispatcher) deliver(e envelope, ack acker) {
	entry, fresh := d.seen.first(e.id, e.at)
	in := &inbound{envelope: e, client: d.handler.client, delivery: entry, ack: ack, onAck: d.onAck}
	d.mu.Lock()
	if !d.stopping {
		d.running.Add(1)
	}
	stopping := d.stopping
	d.mu.Unlock()
	if stopping {
		d.turnAway(in, fresh)
		return
	}
	go func() {
		defer d.running.Done()
		defer in.acknowledge(nil) // does nothing if it was
		defer in.client.recovered(e.kind, nil)
		if !fresh {
			in.repeat()
			return
		}
		switch e.kind {
		case "slash_commands":
			d.handler.slash(in)
		case "interactive":
			d.handler.interactive(in)
		case "events_api":
			d.handler.event(in)
		}
	}()
}

// turnAway answers what comes while the bot stops. A click is not recorded any
// more, so it is not acknowledged either, and Slack tells the person.
func (d *dispatcher) turnAway(in *inbound, fresh bool) {
	if in.kind != "slash_commands" || !fresh {
		return
	}
	var p slashPayload
	_ = json.Unmarshal(in.payload, &p) // what can be read of it is enough
	go func() {
		defer in.client.recovered(in.kind, nil)
		in.answer(recipient{caller: p.caller(), responseURL: p.ResponseURL}, d.handler.renderCached(p.UserID).restarting())
	}()
}

// stop takes no more commands, waits for the running ones, and after grace
// cancels them.
func (d *dispatcher) stop(grace time.Duration) {
	d.mu.Lock()
	d.stopping = true
	d.mu.Unlock()
	done := make(chan struct{})
	go func() { d.running.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(grace):
		d.handler.client.log.Warn("commands are cut short by the stop")
	}
	d.handler.cancel()
	select { // those that were cut short still tell their caller
	case <-done:
	case <-time.After(time.Second):
	}
}
