package bot

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/slack-go/slack"

	"github.com/sshforward/sshforward"
)

// Callback ids of modals. Others rely on them. The block ids of their inputs
// are the same as the action ids, see the Field… constants of the domain.
const (
	formOpen    = "lease.open"
	formConfirm = "lease.confirm"
	formDeny    = "lease.deny"
	formSource  = "source.save"
	formNote    = "note" // has nothing to submit
)

const (
	// savedWait is how long a form may wait for what was saved: a trigger_id
	// lives for 3 s, of which views.open needs its part.
	savedWait = 300 * time.Millisecond
	// voiceWait is how long the look-up of a person's language may take where
	// Slack waits for an answer.
	voiceWait = 400 * time.Millisecond
	// viewWait bounds views.open; after that the trigger is of no use.
	viewWait = 4 * time.Second
)

// meta travels with a view in its private_metadata (3000 characters at most):
// the payload of a submission does not say where the view was opened from.
type meta struct {
	Channel string `json:"channel,omitempty"`
	Direct  bool   `json:"direct,omitempty"`
	Message string `json:"message,omitempty"` // ts of the message with the button
	Port    int    `json:"port,omitempty"`    // typed before the form came
	Urgent  bool   `json:"urgent,omitempty"`
	Lease   string `json:"lease,omitempty"`
	Extend  string `json:"extend,omitempty"` // the extension that is to be denied
	Click   string `json:"click,omitempty"`  // key of the click that opened the view
}

func metaOf(c sshforward.Caller) meta {
	return meta{Channel: c.Channel, Direct: c.Direct, Message: c.Message}
}

func (m meta) String() string {
	b, _ := json.Marshal(m) // strings, bools and a number
	return string(b)
}

// viewPayload is what is used of the view in an interaction's payload.
type viewPayload struct {
	ID         string          `json:"id"`
	Type       string          `json:"type"` // modal or home
	CallbackID string          `json:"callback_id"`
	Metadata   string          `json:"private_metadata"`
	State      json.RawMessage `json:"state"`
}

// meta reads what String wrote. It is empty if somebody else wrote it.
func (p viewPayload) meta() (m meta) {
	if json.Unmarshal([]byte(p.Metadata), &m) != nil {
		return meta{}
	}
	return m
}

// input is what a person has put into one input of a view.
type input struct {
	Value    string `json:"value"`
	Selected *struct {
		Text struct {
			Text string `json:"text"`
		} `json:"text"`
		Value string `json:"value"`
	} `json:"selected_option"`
}

// input finds one by its id; an empty one if there is none, or none that can
// be read.
func (p viewPayload) input(id string) (in input) {
	var state struct {
		Values map[string]map[string]json.RawMessage `json:"values"`
	}
	_ = json.Unmarshal(p.State, &state)
	_ = json.Unmarshal(state.Values[id][id], &in)
	return in
}

// formFields is what stands in the form for a lease.
type formFields struct {
	instance                 *slack.OptionBlockObject
	duration, source, reason string
	saved                    string // the address that is taken when source is empty
}

// filledIn is the form as it was submitted.
func (p viewPayload) filledIn() formFields {
	f := formFields{duration: p.input(sshforward.FieldDuration).Value, source: p.input(sshforward.FieldSource).Value,
		reason: p.input(sshforward.FieldReason).Value}
	if s := p.input(sshforward.FieldInstance).Selected; s != nil && s.Value != "" && utf8.RuneCountInString(s.Value) <= maxValue {
		f.instance = option(s.Value, s.Text.Text)
	}
	return f
}

// typedIn is the form with what was typed before it came.
func (b *Bot) typedIn(open sshforward.OpenLease) formFields {
	f := formFields{source: sshforward.FormatSources(open.Sources), reason: open.Because}
	switch {
	case open.Duration > 0:
		f.duration = sshforward.FormatDuration(open.Duration)
	case b.opt.Duration > 0:
		f.duration = sshforward.FormatDuration(b.opt.Duration)
	}
	return f
}

// voice is how to speak to somebody who waits for an answer.
func (d *dispatcher) voice(h *handling, user string) render {
	ctx, cancel := context.WithDeadline(d.ctx, h.envelope.at.Add(voiceWait))
	defer cancel()
	return d.b.in(ctx, user)
}

// openForm shows the form for a lease, with what was typed already. The saved
// address is waited for as long as the trigger allows, and filled in later if
// that is not enough.
func (d *dispatcher) openForm(h *handling, to recipient, trigger string, open sshforward.OpenLease) {
	c, b := to.caller, d.b
	if trigger == "" { // a server that stands in for Slack may know no modals
		h.answer(to, d.voice(h, c.User).typeInstead(open))
		return
	}
	h.acknowledge(nil)
	v := d.voice(h, c.User)
	f, m := b.typedIn(open), metaOf(c)
	m.Port, m.Urgent = open.Port, open.Urgent
	saved := d.start(c, sshforward.SetSource{})
	late := false
	select {
	case o := <-saved:
		f = f.withSaved(o)
	case <-time.After(savedWait):
		late = true
	}
	id, hash, err := b.openView(trigger, v.form(f, m, ""))
	if err != nil {
		b.log.Warn("the form did not open", "user", c.User, "err", b.clean(err))
		b.answer(to, v.typeInstead(open), false)
		return
	}
	if !late {
		return
	}
	o := <-saved
	if f = f.withSaved(o); f.saved == "" {
		return
	}
	ctx, cancel := context.WithTimeout(d.ctx, viewWait)
	defer cancel()
	// With the hash it is refused if the form was submitted meanwhile. Inputs
	// that keep their ids keep what was typed, and a new initial value may not
	// show in them (bolt-python issue 1064): then the hint has the address, and
	// the keeper takes it for an input that is left empty.
	if _, err := b.api.UpdateViewContext(ctx, v.form(f, m, ""), "", hash, id); err != nil {
		b.suspectToken(err)
		b.log.Info("the saved address came too late for the form", "user", c.User, "err", b.clean(err))
	}
}

// withSaved fills the saved address in where none was typed.
func (f formFields) withSaved(o outcome) formFields {
	if o.err != nil || len(o.reply.Sources) == 0 {
		return f // the form works without
	}
	f.saved = sshforward.FormatSources(o.reply.Sources)
	if f.source == "" {
		f.source = f.saved
	}
	return f
}

// openView spends a trigger, which works once and for 3 s.
func (b *Bot) openView(trigger string, view slack.ModalViewRequest) (id, hash string, err error) {
	if trigger == "" {
		return "", "", errors.New("no trigger")
	}
	ctx, cancel := context.WithTimeout(context.Background(), viewWait)
	defer cancel()
	resp, err := b.api.OpenViewContext(ctx, trigger, view)
	if err != nil {
		b.suspectToken(err)
		b.explain("a modal", err)
		return "", "", err
	}
	return resp.ID, resp.Hash, nil
}

// explain logs what Slack finds wrong with a view of ours.
func (b *Bot) explain(what string, err error) {
	if e, ok := errors.AsType[slack.SlackErrorResponse](err); ok && e.Err == "invalid_arguments" {
		b.log.Error("Slack refuses "+what, "err", b.clean(err), "why", cut(strings.Join(e.ResponseMetadata.Messages, "; "), 500))
	}
}

// read makes a command of the form, or says what is wrong with which input.
func (v render) read(f formFields, m meta) (cmd sshforward.OpenLease, wrong map[string]string) {
	wrong = map[string]string{}
	cmd.Port, cmd.Urgent, cmd.Because = m.Port, m.Urgent, strings.TrimSpace(f.reason)
	if f.instance != nil {
		cmd.Instance = f.instance.Value
	}
	if cmd.Instance == "" {
		wrong[sshforward.FieldInstance] = v.say("Choose an instance.")
	} else if problem := badName(cmd.Instance); !problem.IsZero() {
		wrong[sshforward.FieldInstance] = v.text(problem)
	}
	var err error
	if s := strings.TrimSpace(f.duration); s != "" {
		if cmd.Duration, err = sshforward.ParseDuration(s); err != nil {
			wrong[sshforward.FieldDuration] = v.inForm(err)
		}
	}
	if s := strings.TrimSpace(f.source); s != "" {
		if cmd.Sources, err = sshforward.ParseSources(sourceText(s)); err != nil {
			wrong[sshforward.FieldSource] = v.inForm(err)
		}
	}
	if s := tooLongReason(cmd.Because); !s.IsZero() {
		wrong[sshforward.FieldReason] = v.text(s)
	}
	return cmd, wrong
}
