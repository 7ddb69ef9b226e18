package fakeslack

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Click presses a button in a message (target is its ts), a modal or a home tab
// (target is the view's id). It refuses with an error if the person cannot see
// the target or no such button is on it now. A message may carry an action id
// more than once, in different blocks: then the value says which is meant.
func (w *Workspace) Click(ctx context.Context, user, target, actionID string, value ...string) (Result, error) {
	return w.use(ctx, user, target, actionID, func(e element) (map[string]any, bool) {
		if e.typ() != "button" || len(value) > 0 && str(e.el["value"]) != value[0] {
			return nil, false
		}
		return map[string]any{"text": e.el["text"], "value": e.el["value"], "style": e.el["style"]}, true
	})
}

// Choose picks an option of a menu, radio group or overflow by its value, or a
// user or channel by its id, outside of a form.
func (w *Workspace) Choose(ctx context.Context, user, target, actionID, value string) (Result, error) {
	return w.use(ctx, user, target, actionID, func(e element) (map[string]any, bool) {
		if e.typ() == "button" {
			return nil, false
		}
		v, err := typed(e, value)
		return v, err == nil
	})
}

// use finds the element, builds the payload and delivers it.
func (w *Workspace) use(ctx context.Context, user, target, actionID string, pick func(element) (map[string]any, bool)) (Result, error) {
	w.mu.Lock()
	var m *Message
	v := w.viewByID(target)
	_, err := w.person(user)
	if err == nil && v == nil {
		m, err = w.look(user, target)
	}
	if err == nil && v != nil && (v.User != user || !v.Open) {
		err = fmt.Errorf("fakeslack: view %s is not in front of %s", target, user)
	}
	if err != nil {
		w.mu.Unlock()
		return Result{}, err
	}
	blocks, channel := []Block(nil), ""
	if m != nil {
		blocks, channel = m.Blocks, m.Channel
	} else {
		blocks = v.Blocks
	}
	var found []map[string]any
	for _, e := range elementsOf(blocks) {
		if str(e.el["action_id"]) != actionID {
			continue
		}
		if fields, ok := pick(e); ok {
			action := map[string]any{"type": e.typ(), "action_id": actionID, "block_id": e.block, "action_ts": tsOf(time.Now())}
			for k, x := range fields {
				if x != nil {
					action[k] = x
				}
			}
			found = append(found, action)
		}
	}
	if len(found) != 1 {
		w.mu.Unlock()
		return Result{}, fmt.Errorf("fakeslack: %d elements %q to use on %s, want 1; there are %s", len(found), actionID, target, ids(blocks))
	}
	e := w.blockActions(user, m, v, found[0])
	w.mu.Unlock()
	return w.act(ctx, e, actor{user, channel, actionID}, nil)
}

// look finds a message that a person has before their eyes. Needs mu.
func (w *Workspace) look(user, ts string) (*Message, error) {
	m := w.find(ts)
	if m == nil {
		return nil, fmt.Errorf("fakeslack: no message or view %q", ts)
	}
	if c := w.channels.get(m.Channel); m.Ephemeral && m.To != user || c == nil || !w.sees(c, user) {
		return nil, fmt.Errorf("fakeslack: %s does not see message %s", user, ts)
	}
	return m, nil
}

// viewByID finds a view, home tabs included. Needs mu.
func (w *Workspace) viewByID(id string) *View {
	if i := slices.IndexFunc(w.views, func(v *View) bool { return v.ID == id }); i >= 0 {
		return w.views[i]
	}
	for _, v := range w.homes {
		if v.ID == id {
			return v
		}
	}
	return nil
}

func ids(blocks []Block) string {
	var out []string
	for _, e := range elementsOf(blocks) {
		out = append(out, str(e.el["action_id"])+"="+str(e.el["value"]))
	}
	return "[" + strings.Join(out, " ") + "]"
}

// Forged is a click that no honest client sends.
type Forged struct {
	Channel, TS              string // of the message; it need not exist
	Ephemeral                bool
	BlockID, ActionID, Value string
	// TeamID, if set, is claimed both as the person's own workspace and as the
	// one where the app is installed. UserTeamID is the person's alone.
	TeamID, UserTeamID string
}

// ForgeClick sends a block_actions payload with any action id and value, as
// somebody with a stolen or stale button would.
func (w *Workspace) ForgeClick(ctx context.Context, user string, f Forged) (Result, error) {
	w.mu.Lock()
	_, err := w.anybody(user)
	if err != nil {
		w.mu.Unlock()
		return Result{}, err
	}
	m := w.find(f.TS)
	if m == nil {
		m = &Message{Channel: f.Channel, TS: f.TS, Ephemeral: f.Ephemeral, User: w.opt.BotUserID}
	}
	if f.BlockID == "" {
		f.BlockID = w.newID("b")
	}
	action := map[string]any{"type": "button", "action_id": f.ActionID, "block_id": f.BlockID, "value": f.Value,
		"text": map[string]any{"type": "plain_text", "text": f.ActionID, "emoji": true}, "action_ts": tsOf(time.Now())}
	e := w.blockActions(user, m, nil, action)
	p := e.Payload.(map[string]any)
	if f.TeamID != "" {
		p["team"] = map[string]any{"id": f.TeamID, "domain": w.domain(f.TeamID)}
	}
	if team := cmp.Or(f.UserTeamID, f.TeamID); team != "" {
		object(p["user"])["team_id"] = team
	}
	w.mu.Unlock()
	return w.act(ctx, e, actor{user, f.Channel, f.ActionID}, nil)
}

// interaction is what all interactive payloads have: team is where the app is
// installed, user.team_id the person's own workspace. Needs mu.
func (w *Workspace) interaction(kind, user string) map[string]any {
	u := w.users.get(user)
	return map[string]any{
		"type": kind, "token": "verification-token", "api_app_id": w.opt.AppID,
		"enterprise": w.enterprise(), "is_enterprise_install": w.opt.OrgInstall,
		"team": map[string]any{"id": w.opt.TeamID, "domain": w.opt.TeamDomain},
		"user": map[string]any{"id": u.ID, "username": u.Name, "name": u.Name, "team_id": u.TeamID},
	}
}

// blockActions builds the envelope of a click. Needs mu.
func (w *Workspace) blockActions(user string, m *Message, v *View, action map[string]any) Envelope {
	p := w.interaction("block_actions", user)
	p["trigger_id"] = w.newTrigger(user)
	p["actions"] = []any{action}
	if v != nil {
		state := stateOf(v.Blocks, nil)
		p["container"] = map[string]any{"type": "view", "view_id": v.ID}
		p["view"] = v.wire(w, state)
		return Envelope{Type: TypeInteractive, Payload: p}
	}
	w.place(p, m)
	p["state"] = map[string]any{"values": stateOf(m.Blocks, nil)}
	p["response_url"] = w.newResponseURL("actions", responseURL{user: user, channel: m.Channel, origin: m.TS})
	return Envelope{Type: TypeInteractive, Payload: p}
}

// place adds container, channel and message. The message is absent when it is
// ephemeral: Slack does not keep those. Needs mu.
func (w *Workspace) place(p map[string]any, m *Message) {
	container := map[string]any{"type": "message", "message_ts": m.TS, "channel_id": m.Channel, "is_ephemeral": m.Ephemeral}
	if m.ThreadTS != "" {
		container["thread_ts"] = m.ThreadTS
	}
	name := ""
	if c := w.channels.get(m.Channel); c != nil {
		name = c.slashName()
	}
	p["container"] = container
	p["channel"] = map[string]any{"id": m.Channel, "name": name}
	if !m.Ephemeral {
		p["message"] = w.messageWire(m)
	}
}
