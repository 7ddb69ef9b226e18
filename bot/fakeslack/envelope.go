package fakeslack

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// Types of envelopes.
const (
	TypeSlashCommands = "slash_commands"
	TypeInteractive   = "interactive"
	TypeEventsAPI     = "events_api"
)

// What a person is shown when a command or click comes to nothing.
const (
	ErrTimeout      = "operation_timeout"        // nobody acknowledged in time
	ErrDispatch     = "dispatch_failed"          // no connection to send it to
	ErrBadResponse  = "invalid_command_response" // the acknowledgement's content was refused
	ErrModalTrouble = "trouble_connecting"       // the same, in a modal
	ErrUninstalled  = "app_not_installed"        // the app is not in the workspace any more
	ErrInThread     = "command_in_thread"        // "/sshforward is not supported in threads. Sorry!"
)

// maxAckSize is where Slack drops an acknowledgement without a word.
const maxAckSize = 20 * 1024

// Envelope is what Slack sends over Socket Mode.
type Envelope struct {
	ID              string // made up if empty; give the same one again for a duplicate
	Type            string
	Payload         any
	AcceptsResponse bool
	RetryAttempt    int
	RetryReason     string
	Connection      int // which one gets it; 0 is any, as in Slack
}

// Delivery is one envelope on its way to one connection.
type Delivery struct {
	EnvelopeID string          `json:"envelope_id"`
	Type       string          `json:"type"`
	Payload    json.RawMessage `json:"payload"`
	Retry      int             `json:"retry,omitempty"`
	Connection int             `json:"connection"` // 0: there was none
	Sent       time.Time       `json:"sent"`
	Acked      bool            `json:"acked"`
	Latency    time.Duration   `json:"latency,omitempty"` // from sent to acknowledged
	Ack        json.RawMessage `json:"ack,omitempty"`     // its payload, if any
	Error      string          `json:"error,omitempty"`   // operation_timeout or dispatch_failed
	// StrayAcks counts acknowledgements that did not count: too late, too big,
	// a second time, or over another connection than the envelope went to.
	StrayAcks int `json:"stray_acks,omitempty"`

	accepts bool
}

// pending is a delivery that waits for its acknowledgement. It stays in the
// list after that, to recognise strays, as long as the delivery is remembered.
type pending struct {
	d    *Delivery
	c    *conn
	done chan struct{} // closed when acked
}

// newEnvelopeID needs mu.
func (w *Workspace) newEnvelopeID() string {
	w.serial++
	return fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", w.rnd.Uint32(), w.rnd.Uint32N(1<<16), w.rnd.Uint32N(1<<12),
		w.rnd.Uint32N(1<<12), w.serial)
}

// alter replaces a delivery with a changed copy. Needs mu.
func (w *Workspace) alter(p *pending, change func(*Delivery)) {
	d := *p.d
	change(&d)
	if i := slices.Index(w.deliveries, p.d); i >= 0 {
		w.deliveries[i] = &d
	}
	p.d = &d
	w.note(Change{Kind: ChangeDelivery, Delivery: &d})
}

// acknowledge takes what a client sent over a connection.
func (w *Workspace) acknowledge(c *conn, frame []byte) {
	var ack struct {
		EnvelopeID string          `json:"envelope_id"`
		Payload    json.RawMessage `json:"payload"`
	}
	_ = json.Unmarshal(frame, &ack)
	call, out := w.begin(Call{Method: MethodAck, Args: map[string]any{"envelope_id": ack.EnvelopeID, "connection": c.ID, "bytes": len(frame)}})
	w.pause(w.ctx, out.Delay)
	w.mu.Lock()
	code := w.take(c, ack.EnvelopeID, ack.Payload, len(frame), out)
	w.mu.Unlock()
	w.end(call, out, 0, code, nil)
}

// take matches an acknowledgement with its delivery and says why it did not
// count, if so. Only the connection that got the envelope may acknowledge it:
// Slack does not say what it does otherwise, this is the stricter reading. Needs mu.
func (w *Workspace) take(c *conn, id string, payload json.RawMessage, size int, out Outcome) string {
	var known, match *pending
	for i := len(w.pending) - 1; i >= 0; i-- {
		if p := w.pending[i]; p.d.EnvelopeID == id {
			known = p
			if p.c == c && !p.d.Acked && p.d.Error == "" {
				match = p // the oldest wins, so that duplicates are answered in order
			}
		}
	}
	code := ""
	switch {
	case out.LoseRequest:
		return "lost"
	case known == nil:
		return "unknown_envelope"
	case size >= maxAckSize:
		code = "too_big"
	case match == nil:
		code = "stray"
	}
	if code != "" {
		w.alter(known, func(d *Delivery) { d.StrayAcks++ })
		return code
	}
	w.alter(match, func(d *Delivery) {
		d.Acked, d.Latency = true, time.Since(d.Sent)
		// Bolt sends an empty object where there is nothing to say.
		if s := string(payload); d.accepts && s != "" && s != "null" && s != "{}" {
			d.Ack = payload
		}
	})
	close(match.done)
	return ""
}
