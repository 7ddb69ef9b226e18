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
	all, frame := w.dispatch(e, payload)
	if all[0].c == nil {
		return *all[0].d, nil
	}
	deadline := time.Now().Add(w.opt.AckDeadline)
	first := make(chan *pending, len(all)) // of an envelope that goes out more than once, the first acknowledgement counts
	over := make(chan struct{})
	defer close(over)
	for _, p := range all {
		w.send(ctx, p, frame)
		go func() {
			select {
			case <-p.done:
				first <- p
			case <-over:
			}
		}()
	}
	p := all[0]
	t := time.NewTimer(time.Until(deadline))
	defer t.Stop()
	select {
	case p = <-first:
	case <-t.C:
		for _, p := range all {
			w.giveUp(p)
		}
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
	if !p.d.Acked && p.d.Error == "" {
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

// Spread has a function say which connections get each envelope from now on, all
// of them at the same moment, by their ids: for tests in which several processes
// share the app, and an envelope comes to more than one of them. Nothing, or what
// is not there, is one at random. nil is as it was. over may not ask the Workspace.
func (w *Workspace) Spread(over func(Envelope, []Connection) []int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.spread = over
}

// dispatch picks a connection, or more, and records the deliveries before
// anything is sent. Without a connection the delivery has failed already.
func (w *Workspace) dispatch(e Envelope, payload json.RawMessage) (all []*pending, frame map[string]any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if e.ID == "" {
		e.ID = w.newEnvelopeID()
	}
	frame = map[string]any{"envelope_id": e.ID, "type": e.Type, "payload": payload, "accepts_response_payload": e.AcceptsResponse}
	if e.Type == TypeEventsAPI {
		frame["retry_attempt"], frame["retry_reason"] = e.RetryAttempt, e.RetryReason
	}
	for _, c := range w.chosen(e) {
		all = append(all, w.queue(e, payload, c))
	}
	return all, frame
}

// chosen are the connections that get an envelope; nil for none. Needs mu.
func (w *Workspace) chosen(e Envelope) (out []*conn) {
	if w.spread != nil && e.Connection == 0 {
		for _, id := range w.spread(e, w.listed()) {
			if c := w.pick(id, nil); c != nil {
				out = append(out, c)
			}
		}
	}
	if len(out) > 0 {
		return out
	}
	out = []*conn{w.pick(e.Connection, nil)}
	if w.twins > 0 && out[0] != nil {
		w.twins--
		if c := w.pick(0, out[0]); c != nil {
			out = append(out, c)
		}
	}
	return out
}

// listed are the connections that take anything new. Needs mu.
func (w *Workspace) listed() (out []Connection) {
	for _, c := range w.conns {
		if !c.Draining {
			out = append(out, c.Connection)
		}
	}
	return out
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
