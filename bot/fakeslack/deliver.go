package fakeslack

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// Deliver sends an envelope to one random connection and waits for the
// acknowledgement, at most Options.AckDeadline. The error is the context's or
// about the arguments; what went wrong in Slack's eyes is in the Delivery.
func (w *Workspace) Deliver(ctx context.Context, e Envelope) (Delivery, error) {
	payload, err := json.Marshal(e.Payload)
	if err != nil {
		return Delivery{}, fmt.Errorf("fakeslack: payload: %w", err)
	}
	p, twin, frame := w.dispatch(e, payload)
	if p.c == nil {
		return *p.d, nil
	}
	deadline := time.Now().Add(w.opt.AckDeadline)
	w.send(ctx, p, frame)
	var second chan struct{} // of an envelope that goes out twice, the first acknowledgement counts
	if twin != nil {
		w.send(ctx, twin, frame)
		second = twin.done
	}
	t := time.NewTimer(time.Until(deadline))
	defer t.Stop()
	select {
	case <-p.done:
	case <-second:
		p, twin = twin, p
	case <-t.C:
		w.giveUp(twin)
		w.giveUp(p)
	case <-ctx.Done():
		err = ctx.Err()
		w.giveUp(p)
	case <-w.ctx.Done():
		err = fmt.Errorf("fakeslack: workspace closed")
		w.giveUp(p)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return *p.d, err
}

// send writes an envelope to its connection, unless a fault loses it.
func (w *Workspace) send(ctx context.Context, p *pending, frame map[string]any) {
	call, out := w.begin(Call{Method: MethodEnvelope,
		Args: map[string]any{"type": frame["type"], "envelope_id": frame["envelope_id"], "connection": p.c.ID}})
	w.pause(ctx, out.Delay)
	code := ""
	if out.LoseRequest || out.Silent || p.c.send(frame) != nil {
		code = "lost"
	}
	w.end(call, out, 0, code, nil)
}

// giveUp is Slack losing patience.
func (w *Workspace) giveUp(p *pending) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if p != nil && !p.d.Acked && p.d.Error == "" {
		w.alter(p, func(d *Delivery) { d.Error = ErrTimeout })
	}
}

// Repeat delivers an envelope that was sent before once more, under its own id:
// a duplicate, as clients have seen them even of slash commands. It goes to any
// connection, or to the one with this id.
func (w *Workspace) Repeat(ctx context.Context, envelopeID string, connection ...int) (Delivery, error) {
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
	if len(connection) > 0 {
		e.Connection = connection[0]
	}
	return w.Deliver(ctx, e)
}

// DuplicateNext sends each of the next n envelopes twice under one id, to two
// connections at the same moment where there are two. Which one is acknowledged
// first counts.
func (w *Workspace) DuplicateNext(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.twins = n
}

// dispatch picks a connection, or two, and records the delivery before anything
// is sent. Without a connection the delivery has failed already.
func (w *Workspace) dispatch(e Envelope, payload json.RawMessage) (p, twin *pending, frame map[string]any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if e.ID == "" {
		e.ID = w.newEnvelopeID()
	}
	frame = map[string]any{"envelope_id": e.ID, "type": e.Type, "payload": payload, "accepts_response_payload": e.AcceptsResponse}
	if e.Type == TypeEventsAPI {
		frame["retry_attempt"], frame["retry_reason"] = e.RetryAttempt, e.RetryReason
	}
	p = w.queue(e, payload, w.pick(e.Connection, nil))
	if w.twins > 0 && p.c != nil {
		w.twins--
		if c := w.pick(0, p.c); c != nil {
			twin = w.queue(e, payload, c)
		}
	}
	return p, twin, frame
}

// pick chooses a connection: the one with an id, or any but one. Needs mu.
func (w *Workspace) pick(id int, not *conn) *conn {
	var ready []*conn
	for _, c := range w.conns {
		if !c.Draining && c != not && (id == 0 || c.ID == id) {
			ready = append(ready, c)
		}
	}
	if len(ready) == 0 {
		return nil
	}
	return ready[w.rnd.IntN(len(ready))]
}

// queue records that an envelope goes to a connection; nil for none. Needs mu.
func (w *Workspace) queue(e Envelope, payload json.RawMessage, c *conn) *pending {
	d := &Delivery{EnvelopeID: e.ID, Type: e.Type, Payload: payload, Retry: e.RetryAttempt, Sent: time.Now(), accepts: e.AcceptsResponse}
	p := &pending{d: d, c: c, done: make(chan struct{})}
	if c == nil {
		d.Error = ErrDispatch
	} else {
		c.Delivered++
		d.Connection = c.ID
		w.pending = trim(append(w.pending, p), w.opt.History)
	}
	w.deliveries = trim(append(w.deliveries, d), w.opt.History)
	w.note(Change{Kind: ChangeDelivery, Delivery: d})
	return p
}
