package fakeslack

import (
	"slices"
	"time"
)

// View is a modal or a home tab of one user.
type View struct {
	ID              string            `json:"id"`
	User            string            `json:"user"`
	Type            string            `json:"type"` // modal or home
	CallbackID      string            `json:"callback_id"`
	ExternalID      string            `json:"external_id,omitempty"`
	PrivateMetadata string            `json:"private_metadata,omitempty"`
	Title           string            `json:"title,omitempty"`
	Submit          string            `json:"submit,omitempty"`
	Close           string            `json:"close,omitempty"`
	Blocks          []Block           `json:"blocks"`
	NotifyOnClose   bool              `json:"notify_on_close,omitempty"`
	ClearOnClose    bool              `json:"clear_on_close,omitempty"`
	Hash            string            `json:"hash"`
	RootID          string            `json:"root_view_id,omitempty"`
	PreviousID      string            `json:"previous_view_id,omitempty"`
	Open            bool              `json:"open"`
	Errors          map[string]string `json:"errors,omitempty"` // shown under its inputs, by block id
	Changed         time.Time         `json:"changed"`

	source map[string]any // as the app sent it
}

// Buttons lists the buttons that can be pressed, in order.
func (v View) Buttons() []Button { return buttonsOf(v.Blocks) }

// HasButton tells whether a button with this action id is there.
func (v View) HasButton(actionID string) bool { return hasButton(v.Blocks, actionID) }

// Visible is all that is to be read in the view, one piece a line.
func (v View) Visible() string { return visible("", append([]Block{{"text": v.Title}}, v.Blocks...)) }

// wire is the view as answers and payloads carry it.
func (v *View) wire(w *Workspace, state map[string]any) map[string]any {
	orNil := func(s string) any {
		if s == "" {
			return nil
		}
		return s
	}
	out := map[string]any{
		"id": v.ID, "team_id": w.opt.TeamID, "type": v.Type, "blocks": v.Blocks, "private_metadata": v.PrivateMetadata,
		"callback_id": v.CallbackID, "state": map[string]any{"values": state}, "hash": v.Hash,
		"title": v.source["title"], "submit": v.source["submit"], "close": v.source["close"],
		"clear_on_close": v.ClearOnClose, "notify_on_close": v.NotifyOnClose,
		"root_view_id": v.RootID, "previous_view_id": orNil(v.PreviousID), "app_id": w.opt.AppID,
		"external_id": v.ExternalID, "app_installed_team_id": w.opt.TeamID, "bot_id": w.opt.BotID,
	}
	if state == nil {
		out["state"] = map[string]any{"values": map[string]any{}}
	}
	if v.Type == "home" {
		delete(out, "submit")
	}
	return out
}

// build makes a view out of what the app sent, once it was checked. Needs mu.
func (w *Workspace) build(src map[string]any, user string) *View {
	blocks, _ := blocksOf(src["blocks"])
	notify, _ := src["notify_on_close"].(bool)
	clears, _ := src["clear_on_close"].(bool)
	return &View{
		User: user, Type: str(src["type"]), CallbackID: str(src["callback_id"]), ExternalID: str(src["external_id"]),
		PrivateMetadata: str(src["private_metadata"]), Title: textOf(src["title"]), Submit: textOf(src["submit"]),
		Close: textOf(src["close"]), Blocks: w.fillIDs(blocks), NotifyOnClose: notify, ClearOnClose: clears,
		Hash: w.newHash(), Open: true, Changed: time.Now(), source: src,
	}
}

func (w *Workspace) newHash() string { return tsOf(time.Now())[:10] + "." + w.newSecret()[:8] }

// checkedView reads and checks the view argument.
func checkedView(v any, kind string) (map[string]any, *apiError) {
	src, ok := v.(map[string]any)
	if !ok {
		return nil, refused("invalid_arguments", "missing required field: view [json-pointer:/view]")
	}
	// Slack tells faults of a view as invalid_arguments, not as invalid_blocks.
	if errs := checkView(src, "/view"); len(errs) > 0 {
		return nil, refused("invalid_arguments", errs...)
	}
	if str(src["type"]) != kind {
		return nil, refused("invalid_arguments", "unsupported type: "+str(src["type"])+" [json-pointer:/view/type]")
	}
	return src, nil
}

// stack is a user's open modals, the one on top last. Needs mu.
func (w *Workspace) stack(user string) []*View {
	var out []*View
	for _, v := range w.views {
		if v.Open && v.User == user {
			out = append(out, v)
		}
	}
	return out
}

// store adds a view or replaces the one with its id. Needs mu.
func (w *Workspace) store(v *View) {
	if v.Type == "home" {
		w.homes[v.User] = v
		w.note(Change{Kind: ChangeHome, User: v.User, View: v})
		return
	}
	i := slices.IndexFunc(w.views, func(x *View) bool { return x.ID == v.ID })
	if i < 0 {
		w.views = append(w.views, v)
	} else {
		w.views[i] = v
	}
	w.note(Change{Kind: ChangeView, User: v.User, View: v})
}

// closeView takes a view off the screen. Needs mu.
func (w *Workspace) closeView(old *View) {
	v := *old
	v.Open, v.Changed = false, time.Now()
	w.store(&v)
}

// show puts a new view on top of the stack. Needs mu.
func (w *Workspace) show(src map[string]any, user string) *View {
	v := w.build(src, user)
	v.ID = w.newID("V")
	v.RootID = v.ID
	if below := w.stack(user); len(below) > 0 {
		v.RootID, v.PreviousID = below[0].ID, below[len(below)-1].ID
	}
	w.store(v)
	return v
}

// replace updates a view in place. Needs mu.
func (w *Workspace) replace(old *View, src map[string]any) *View {
	v := w.build(src, old.User)
	v.ID, v.RootID, v.PreviousID = old.ID, old.RootID, old.PreviousID
	w.store(v)
	return v
}

func viewAnswer(w *Workspace, v *View) map[string]any { return map[string]any{"view": v.wire(w, nil)} }

func viewsOpen(w *Workspace, a args) (map[string]any, *apiError) {
	// The view is looked at first, so a bad one does not spend the trigger.
	src, err := checkedView(a["view"], "modal")
	if err != nil {
		return nil, err
	}
	t, err := w.exchange(a.str("trigger_id"))
	if err != nil {
		return nil, err
	}
	// A modal that is opened anew takes the place of what was open.
	for _, v := range w.stack(t.user) {
		w.closeView(v)
	}
	return viewAnswer(w, w.show(src, t.user)), nil
}

func viewsPush(w *Workspace, a args) (map[string]any, *apiError) {
	src, err := checkedView(a["view"], "modal")
	if err != nil {
		return nil, err
	}
	t, err := w.exchange(a.str("trigger_id"))
	if err != nil {
		return nil, err
	}
	switch n := len(w.stack(t.user)); {
	case n == 0:
		return nil, refused("not_found")
	case n >= 3: // a stack holds three views
		return nil, refused("push_limit_reached")
	}
	return viewAnswer(w, w.show(src, t.user)), nil
}

func viewsUpdate(w *Workspace, a args) (map[string]any, *apiError) {
	src, err := checkedView(a["view"], "modal")
	if err != nil {
		return nil, err
	}
	id, ext := a.str("view_id"), a.str("external_id")
	for _, v := range w.views {
		if v.Open && (id != "" && v.ID == id || id == "" && ext != "" && v.ExternalID == ext) {
			if h := a.str("hash"); h != "" && h != v.Hash {
				return nil, refused("hash_conflict")
			}
			return viewAnswer(w, w.replace(v, src)), nil
		}
	}
	return nil, refused("not_found")
}

func viewsPublish(w *Workspace, a args) (map[string]any, *apiError) {
	user := a.str("user_id")
	if w.users.get(user) == nil {
		return nil, refused("invalid_arguments", "user not found [json-pointer:/user_id]")
	}
	src, err := checkedView(a["view"], "home")
	if err != nil {
		return nil, err
	}
	v := w.build(src, user)
	v.ID = w.newID("V")
	if old := w.homes[user]; old != nil {
		if h := a.str("hash"); h != "" && h != old.Hash {
			return nil, refused("hash_conflict")
		}
		v.ID = old.ID
	}
	v.RootID = v.ID
	w.store(v)
	return viewAnswer(w, v), nil
}
