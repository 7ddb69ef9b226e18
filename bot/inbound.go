package bot

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/slack-go/slack/socketmode"
)

// ackTimeout is how long an acknowledgement may wait for a place in slack-go's
// queue; after 3 s Slack no longer wants it.
const ackTimeout = 3 * time.Second

// acker queues an acknowledgement on the connection the envelope came over.
type acker func(ctx context.Context, envelope string, payload any) error

// envelope is one thing that Slack wants acknowledged.
type envelope struct {
	id      string
	kind    string // slash_commands, interactive, events_api
	payload json.RawMessage
	at      time.Time // when it came
	// answerable: an acknowledgement may carry an answer. Slack says so for
	// slash commands; what comes with any other acknowledgement is dropped.
	answerable bool
}

// envelopeOf takes the envelope as it came over the wire. slack-go's own types
// are not used: they refuse a whole envelope for one field of a kind they do
// not expect (is_enterprise_install comes as a bool or as a string), and what
// was refused would never be acknowledged.
func envelopeOf(evt socketmode.Event) (envelope, bool) {
	req := evt.Request
	if bad, ok := evt.Data.(*socketmode.ErrorBadMessage); ok {
		req = new(socketmode.Request)
		if json.Unmarshal(bad.Message, req) != nil {
			return envelope{}, false
		}
	}
	if req == nil || req.EnvelopeID == "" {
		return envelope{}, false
	}
	return envelope{id: req.EnvelopeID, kind: req.Type, payload: req.Payload, at: time.Now(), answerable: req.AcceptsResponsePayload}, true
}

// inbound is one envelope on its way to its acknowledgement.
type inbound struct {
	envelope
	client   *client
	delivery *delivery
	ack      acker
	onAck    func(time.Duration) // see Options.OnAck; may be nil
	once     sync.Once
}

// acknowledge acknowledges the envelope; only the first call does anything.
// payload is nil or what Slack is to show.
func (in *inbound) acknowledge(payload any) {
	in.once.Do(func() {
		select {
		case <-in.delivery.done: // a repeat
		default:
			in.delivery.ack = payload
			close(in.delivery.done)
		}
		ctx, cancel := context.WithTimeout(context.Background(), ackTimeout)
		defer cancel()
		if err := in.ack(ctx, in.id, payload); err != nil {
			in.client.log.Warn("envelope not acknowledged", "envelope", in.id, "kind", in.kind, "err", in.client.clean(err))
			return
		}
		if in.onAck != nil {
			in.onAck(time.Since(in.at))
		}
	})
}

// answer acknowledges with an answer or, where an acknowledgement cannot carry
// one, sends it after the acknowledgement.
func (in *inbound) answer(to recipient, m message) {
	if in.answerable {
		ctx, cancel := context.WithTimeout(context.Background(), ackTimeout/2)
		defer cancel()
		var payload any
		if in.client.answers(ctx, to.caller) {
			payload = ephemeral(m, false)
		}
		in.acknowledge(payload)
		return
	}
	in.acknowledge(nil)
	in.client.answer(to, m, false)
}

// repeat acknowledges an envelope that came before with the same answer, as soon
// as that is there: the first acknowledgement may have been lost with its
// connection.
func (in *inbound) repeat() {
	in.client.log.Info("envelope came again", "envelope", in.id, "kind", in.kind)
	select {
	case <-in.delivery.done:
		in.acknowledge(in.delivery.ack)
	case <-time.After(ackTimeout):
		in.once.Do(func() {}) // too late anyway, and the first one is still at it
	}
}
