package fakeslack

import (
	"context"
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

// Deliver sends an envelope to one random connection and waits for the
// acknowledgement, at most Options.AckDeadline. The error is the context's or
// about the arguments; what went wrong in Slack's eyes is in the Delivery.
func (w *Workspace) Deliver(ctx context.Context, e Envelope) (Delivery, error) {
	payload, err := json.Marshal(e.Payload)
	if err != nil {
		return Delivery{}, fmt.Errorf("fakeslack: payload: %w", err)
	}
	p, sent, frame := w.dispatch(e, payload)
	if p.c == nil {
		return *sent, nil
	}
	call, out := w.begin(Call{Method: MethodEnvelope, Args: map[string]any{"type": e.Type, "envelope_id": sent.EnvelopeID, "connection": p.c.ID}})
	w.pause(ctx, out.Delay)
	code := ""
	if out.LoseRequest || p.c.send(frame) != nil {
		code = "lost"
	}
	w.end(call, out, 0, code, nil)

	t := time.NewTimer(time.Until(sent.Sent.Add(w.opt.AckDeadline)))
	defer t.Stop()
	select {
	case <-p.done:
	case <-t.C:
	case <-ctx.Done():
		err = ctx.Err()
	case <-w.ctx.Done():
		err = fmt.Errorf("fakeslack: workspace closed")
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if !p.d.Acked && p.d.Error == "" {
		w.alter(p, func(d *Delivery) { d.Error = ErrTimeout })
	}
	return *p.d, err
}

// Repeat delivers an envelope that was sent before once more, under its own id:
// a duplicate, as clients have seen them even of slash commands.
func (w *Workspace) Repeat(ctx context.Context, envelopeID string) (Delivery, error) {
	w.mu.Lock()
	i := slices.IndexFunc(w.deliveries, func(d *Delivery) bool { return d.EnvelopeID == envelopeID })
	var e Envelope
	if i >= 0 {
		d := w.deliveries[i]
		e = Envelope{ID: d.EnvelopeID, Type: d.Type, Payload: d.Payload, AcceptsResponse: d.accepts}
	}
	w.mu.Unlock()
	if i < 0 {
		return Delivery{}, fmt.Errorf("fakeslack: no envelope %q was sent", envelopeID)
	}
	return w.Deliver(ctx, e)
}

// dispatch picks a connection and records the delivery before anything is sent.
func (w *Workspace) dispatch(e Envelope, payload json.RawMessage) (*pending, *Delivery, map[string]any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if e.ID == "" {
		e.ID = w.newEnvelopeID()
	}
	d := &Delivery{EnvelopeID: e.ID, Type: e.Type, Payload: payload, Retry: e.RetryAttempt, Sent: time.Now(), accepts: e.AcceptsResponse}
	var ready []*conn
	for _, c := range w.conns {
		if !c.Draining {
			ready = append(ready, c)
		}
	}
	p := &pending{d: d, done: make(chan struct{})}
	if len(ready) == 0 {
		d.Error = ErrDispatch
	} else {
		p.c = ready[w.rnd.IntN(len(ready))]
		p.c.Delivered++
		d.Connection = p.c.ID
		w.pending = trim(append(w.pending, p), w.opt.History)
	}
	w.deliveries = trim(append(w.deliveries, d), w.opt.History)
	w.note(Change{Kind: ChangeDelivery, Delivery: d})
	frame := map[string]any{"envelope_id": e.ID, "type": e.Type, "payload": payload, "accepts_response_payload": e.AcceptsResponse}
	if e.Type == TypeEventsAPI {
		frame["retry_attempt"], frame["retry_reason"] = e.RetryAttempt, e.RetryReason
	}
	return p, d, frame
}

// newEnvelopeID needs mu.
func (w *Workspace) newEnvelopeID() string {
	w.serial++
	return fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", w.rnd.Uint32(), w.rnd.Uint32N(1<<16), w.rnd.Uint32N(1<<12), w.rnd.Uint32N(1<<12), w.serial)
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
