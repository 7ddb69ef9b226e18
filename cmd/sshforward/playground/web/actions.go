package web

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
)

// act is what the page posts; each action uses the fields it needs.
type act struct {
	User    string            `json:"user"`
	Channel string            `json:"channel"`
	Thread  string            `json:"thread"` // ts of the message that is answered
	Text    string            `json:"text"`
	Target  string            `json:"target"` // a message's ts or a view's id
	Action  string            `json:"action"` // an action_id
	Value   *string           `json:"value"`
	Query   string            `json:"query"`
	Values  map[string]string `json:"values"`
	All     bool              `json:"all"`
	Kind    string            `json:"kind"`
}

// maxBody is far above a modal with every input full.
const maxBody = 256 << 10

// actions adds the posts. An answer is 200 with what came of it, which for
// Slack's own failures has an "error"; 422 means that no honest client could
// have done this now, for instance pressed a button that is gone.
func actions(mux *http.ServeMux, o Options) {
	w := o.Workspace
	add := func(name string, do func(context.Context, act) (any, error)) {
		mux.HandleFunc("POST /do/"+name, func(rw http.ResponseWriter, r *http.Request) {
			var a act
			d := json.NewDecoder(http.MaxBytesReader(rw, r.Body, maxBody))
			d.DisallowUnknownFields()
			if err := d.Decode(&a); err != nil {
				answer(rw, http.StatusBadRequest, problem(err))
				return
			}
			out, err := do(r.Context(), a)
			switch {
			case err == nil:
				answer(rw, http.StatusOK, out)
			case r.Context().Err() != nil: // nobody is there to be told
			default:
				o.Logger.Info("action refused", "action", name, "user", a.User, "err", err)
				answer(rw, http.StatusUnprocessableEntity, problem(err))
			}
		})
	}
	add("slash", func(ctx context.Context, a act) (any, error) {
		return w.Slash(ctx, a.User, a.Channel, a.Text, a.Thread)
	})
	add("say", func(_ context.Context, a act) (any, error) {
		if !mayRead(o, a.User, a.Channel) || strings.TrimSpace(a.Text) == "" {
			return nil, errors.New("nothing to say there")
		}
		return w.Say(a.User, a.Channel, a.Text, a.Thread)
	})
	add("click", func(ctx context.Context, a act) (any, error) {
		if a.Value == nil {
			return w.Click(ctx, a.User, a.Target, a.Action)
		}
		return w.Click(ctx, a.User, a.Target, a.Action, *a.Value)
	})
	add("choose", func(ctx context.Context, a act) (any, error) {
		if a.Value == nil {
			return nil, errors.New("no value to choose")
		}
		return w.Choose(ctx, a.User, a.Target, a.Action, *a.Value)
	})
	add("suggest", func(ctx context.Context, a act) (any, error) {
		return w.Suggest(ctx, a.User, a.Target, a.Action, a.Query)
	})
	add("submit", func(ctx context.Context, a act) (any, error) { return w.SubmitView(ctx, a.User, a.Target, a.Values) })
	add("close-view", func(ctx context.Context, a act) (any, error) { return w.CloseView(ctx, a.User, a.Target, a.All) })
	add("home", func(ctx context.Context, a act) (any, error) { return w.OpenHome(ctx, a.User) })
	add("trouble", func(ctx context.Context, a act) (any, error) {
		return struct{}{}, o.Stage.Trouble(ctx, a.Kind)
	})
	actionsOfTour(add, o.Tour)
}

// mayRead tells whether a person sees a channel.
func mayRead(o Options, user, channel string) bool {
	for _, c := range channelsOf(o.Workspace, o.Workspace.Snapshot()) {
		if c.ID == channel {
			return !c.Archived && (!c.Private && !c.IM || slices.Contains(c.Members, user))
		}
	}
	return false
}

func problem(err error) map[string]string {
	return map[string]string{"error": strings.TrimPrefix(err.Error(), "fakeslack: ")}
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// The only error is a client that is gone.
	_ = json.NewEncoder(w).Encode(v)
}
