package fakeslack

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Result is how Slack took the bot's answer to something a person did.
type Result struct {
	EnvelopeID  string        `json:"envelope_id"`
	TriggerID   string        `json:"trigger_id,omitempty"`
	ResponseURL string        `json:"response_url,omitempty"`
	Connection  int           `json:"connection"`
	Acked       bool          `json:"acked"`
	Latency     time.Duration `json:"latency"` // until the acknowledgement
	// Error is what the person is shown when it went wrong: one of the Err
	// constants. It is in Failures too.
	Error  string   `json:"error,omitempty"`
	Detail []string `json:"detail,omitempty"` // why the content was refused

	Text    string   `json:"text,omitempty"`    // of the acknowledgement
	Blocks  []Block  `json:"blocks,omitempty"`  // of the acknowledgement
	Message *Message `json:"message,omitempty"` // what it became, mostly ephemeral

	Action     string            `json:"action,omitempty"`      // response_action of a submitted view
	ViewErrors map[string]string `json:"view_errors,omitempty"` // by block id
	View       *View             `json:"view,omitempty"`        // the view that is now on top, if the answer changed it
	Options    []Option          `json:"options,omitempty"`     // of a Suggest
}

// Option is one choice in a menu.
type Option struct {
	Text  string `json:"text"`
	Value string `json:"value"`
}

// Slash types the app's slash command in a channel. A text that begins with a
// slash carries its own command. The error is about the call (no such user,
// context ended); what the person sees go wrong is in Result.Error.
//
// In a thread (the ts of a message) Slack has no slash commands: it says so to
// the person, ErrInThread, and the app hears nothing of it.
func (w *Workspace) Slash(ctx context.Context, user, channel, text string, thread ...string) (Result, error) {
	command := w.opt.Command
	if strings.HasPrefix(text, "/") {
		command, text, _ = strings.Cut(text, " ")
	}
	w.mu.Lock()
	u, err := w.person(user)
	c := w.channels.get(channel)
	switch {
	case err != nil:
	case c == nil:
		err = fmt.Errorf("fakeslack: no channel %q", channel)
	case c.Archived:
		err = fmt.Errorf("fakeslack: channel %s is archived", channel)
	case !w.sees(c, user):
		err = fmt.Errorf("fakeslack: %s is not in %s", user, channel)
	}
	root := ""
	if err == nil {
		root, err = w.thread(channel, thread)
	}
	if err != nil || root != "" {
		defer w.mu.Unlock()
		if err != nil {
			return Result{}, err
		}
		w.fail(Failure{User: user, Channel: channel, Thread: root, What: command, Error: ErrInThread})
		return Result{Error: ErrInThread}, nil
	}
	back := responseURL{user: user, channel: channel}
	payload := map[string]any{
		"token": "verification-token", "team_id": w.opt.TeamID, "team_domain": w.opt.TeamDomain,
		"channel_id": channel, "channel_name": c.slashName(), "user_id": user, "user_name": u.Name,
		"command": command, "text": text, "api_app_id": w.opt.AppID,
		"is_enterprise_install": strconv.FormatBool(w.opt.OrgInstall), // a string here, a bool elsewhere
		"response_url":          w.newResponseURL("commands", back), "trigger_id": w.newTrigger(user),
	}
	if w.opt.EnterpriseID != "" {
		payload["enterprise_id"], payload["enterprise_name"] = w.opt.EnterpriseID, w.opt.EnterpriseName
	}
	w.mu.Unlock()
	return w.act(ctx, Envelope{Type: TypeSlashCommands, Payload: payload, AcceptsResponse: true}, actor{user, channel, command},
		func(res *Result, ack map[string]any) {
			res.Text = str(ack["text"])
			res.Blocks, _ = blocksOf(ack["blocks"])
			m, err := w.reply(&back, ack, "ack")
			if err != nil {
				res.Error, res.Detail = ErrBadResponse, err.messages
				return
			}
			if m != nil {
				copied := *m
				res.Message = &copied
			}
		})
}

// actor is who did what where, for the failure they are shown.
type actor struct{ user, channel, what string }

// act delivers an envelope, hands an acknowledgement's payload to a function
// (which runs with mu held), and tells the person what went wrong.
func (w *Workspace) act(ctx context.Context, e Envelope, who actor, taken func(*Result, map[string]any)) (Result, error) {
	w.mu.Lock()
	if w.uninstalled {
		defer w.mu.Unlock()
		w.fail(Failure{User: who.user, Channel: who.channel, What: who.what, Error: ErrUninstalled})
		return Result{Error: ErrUninstalled}, nil
	}
	w.mu.Unlock()
	d, err := w.Deliver(ctx, e)
	p := object(e.Payload)
	res := Result{EnvelopeID: d.EnvelopeID, TriggerID: str(p["trigger_id"]), ResponseURL: str(p["response_url"]),
		Connection: d.Connection, Acked: d.Acked, Latency: d.Latency, Error: d.Error}
	if err != nil {
		return res, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if d.Acked && taken != nil {
		var ack map[string]any
		if d.Ack != nil {
			if json.Unmarshal(d.Ack, &ack) != nil {
				// Slack takes a bare string for a text.
				var s string
				if json.Unmarshal(d.Ack, &s) == nil {
					ack = map[string]any{"text": s}
				} else {
					res.Error = ErrBadResponse
				}
			}
		}
		if res.Error == "" {
			taken(&res, ack)
		}
	}
	if res.Error != "" {
		w.fail(Failure{User: who.user, Channel: who.channel, What: who.what, Error: res.Error})
	}
	return res, nil
}

// OpenHome is a person opening the app's home tab. The payload's team is the
// one where the app is installed, whoever the person is. Like every event it is
// delivered again if it is not acknowledged; the result is of the first time.
func (w *Workspace) OpenHome(ctx context.Context, user string) (Result, error) {
	w.mu.Lock()
	_, err := w.person(user)
	if err != nil {
		w.mu.Unlock()
		return Result{}, err
	}
	event := map[string]any{"type": "app_home_opened", "user": user, "channel": w.dm(user).ID, "tab": "home", "event_ts": w.newTS()}
	if v := w.homes[user]; v != nil {
		event["view"] = v.wire(w, nil)
	}
	w.mu.Unlock()
	return w.Event(ctx, event)
}

// Event sends an Events API event. It returns after the first delivery; the
// repeats of an unacknowledged event go on in the background, each with an
// envelope id of its own and the same event_id, as Slack does it.
func (w *Workspace) Event(ctx context.Context, event map[string]any) (Result, error) {
	w.mu.Lock()
	payload := map[string]any{
		"token": "verification-token", "team_id": w.opt.TeamID, "api_app_id": w.opt.AppID, "type": "event_callback",
		"event": event, "event_id": w.newID("Ev"), "event_time": time.Now().Unix(), "is_ext_shared_channel": false,
		"authorizations": []any{map[string]any{"enterprise_id": nil, "team_id": w.opt.TeamID, "user_id": w.opt.BotUserID,
			"is_bot": true, "is_enterprise_install": w.opt.OrgInstall}},
	}
	if w.opt.EnterpriseID != "" {
		payload["enterprise_id"] = w.opt.EnterpriseID
		object(list(payload["authorizations"])[0])["enterprise_id"] = w.opt.EnterpriseID
	}
	uninstalled := w.uninstalled
	w.mu.Unlock()
	if uninstalled {
		return Result{Error: ErrUninstalled}, nil
	}
	e := Envelope{Type: TypeEventsAPI, Payload: payload}
	// An event that is not taken is not shown to anybody as an error.
	d, err := w.Deliver(ctx, e)
	res := Result{EnvelopeID: d.EnvelopeID, Connection: d.Connection, Acked: d.Acked, Latency: d.Latency, Error: d.Error}
	if err == nil && !d.Acked {
		w.redeliver(e)
	}
	return res, err
}

func (w *Workspace) redeliver(e Envelope) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return
	}
	w.wg.Go(func() {
		for i, delay := range w.opt.RetryDelays {
			w.pause(w.ctx, delay)
			if w.ctx.Err() != nil {
				return
			}
			e.RetryAttempt, e.RetryReason = i+1, "timeout"
			if d, err := w.Deliver(w.ctx, e); err != nil || d.Acked {
				return
			}
		}
	})
}
