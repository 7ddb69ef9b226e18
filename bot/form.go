package bot

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/sshforward/sshforward"
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
