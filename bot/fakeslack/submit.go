package fakeslack

import (
	"context"
	"fmt"
	"slices"
	"unicode/utf8"
)

// SubmitView fills in a modal and presses its submit button. Values go by block
// id or action id: a text, the value of an option, an id. Inputs that are not
// mentioned keep their initial value. What Slack's client would not let a person
// send (a required input left empty, a text too long) is an error.
func (w *Workspace) SubmitView(ctx context.Context, user, viewID string, values map[string]string) (Result, error) {
	w.mu.Lock()
	v, err := w.top(user, viewID)
	if err == nil && v.Submit == "" {
		err = fmt.Errorf("fakeslack: view %s has no submit button", viewID)
	}
	var filled map[string]map[string]any
	if err == nil {
		filled, err = fill(v, values)
	}
	if err != nil {
		w.mu.Unlock()
		return Result{}, err
	}
	e := w.submission(v, stateOf(v.Blocks, filled))
	w.mu.Unlock()
	return w.submit(ctx, e, v)
}

// ForgeSubmit submits a modal with any state.values, without a client's checks.
func (w *Workspace) ForgeSubmit(ctx context.Context, user, viewID string, state map[string]any) (Result, error) {
	w.mu.Lock()
	v, err := w.top(user, viewID)
	if err != nil {
		w.mu.Unlock()
		return Result{}, err
	}
	e := w.submission(v, state)
	w.mu.Unlock()
	return w.submit(ctx, e, v)
}

// top finds a modal and insists that it is the one in front of the person. Needs mu.
func (w *Workspace) top(user, viewID string) (*View, error) {
	if _, err := w.person(user); err != nil {
		return nil, err
	}
	stack := w.stack(user)
	if len(stack) == 0 || stack[len(stack)-1].ID != viewID {
		return nil, fmt.Errorf("fakeslack: view %q is not in front of %s", viewID, user)
	}
	return stack[len(stack)-1], nil
}

// submission needs mu.
func (w *Workspace) submission(v *View, state map[string]any) Envelope {
	p := w.interaction("view_submission", v.User)
	p["trigger_id"] = w.newTrigger(v.User)
	p["view"] = v.wire(w, state)
	p["response_urls"] = []any{}
	return Envelope{Type: TypeInteractive, Payload: p, AcceptsResponse: true}
}

func (w *Workspace) submit(ctx context.Context, e Envelope, v *View) (Result, error) {
	return w.act(ctx, e, actor{v.User, "", v.CallbackID}, func(res *Result, ack map[string]any) {
		now := w.viewByID(v.ID)
		if now == nil || !now.Open {
			return // closed in the meantime
		}
		w.answerView(res, now, ack)
	})
}

// answerView does what the acknowledgement of a submission says. Needs mu.
func (w *Workspace) answerView(res *Result, v *View, ack map[string]any) {
	res.Action = str(ack["response_action"])
	refuse := func(why ...string) { res.Error, res.Detail = ErrModalTrouble, why }
	switch res.Action {
	case "":
		w.closeView(v)
	case "clear":
		for _, x := range w.stack(v.User) {
			w.closeView(x)
		}
	case "errors":
		errs := object(ack["errors"])
		shown := map[string]string{}
		for k, m := range errs {
			if !slices.ContainsFunc(v.Blocks, func(b Block) bool { return b["block_id"] == k && b["type"] == "input" }) {
				refuse("errors name a block that is no input: " + k)
				return
			}
			shown[k] = str(m)
		}
		if len(shown) == 0 {
			refuse("errors are empty")
			return
		}
		x := *v
		x.Errors = shown
		w.store(&x)
		res.ViewErrors, res.View = shown, &x
	case "update", "push":
		src, err := checkedView(ack["view"], "modal")
		if err != nil {
			refuse(err.messages...)
			return
		}
		var x *View
		switch {
		case res.Action == "update":
			x = w.replace(v, src)
		case len(w.stack(v.User)) >= 3:
			refuse("push_limit_reached")
			return
		default:
			x = w.show(src, v.User)
		}
		copied := *x
		res.View = &copied
	default:
		refuse("unknown response_action " + res.Action)
	}
}

// CloseView is a person closing a modal with its cancel button, or, with all,
// the whole stack with the cross. The app hears of it if the view asked to.
func (w *Workspace) CloseView(ctx context.Context, user, viewID string, all bool) (Result, error) {
	w.mu.Lock()
	v, err := w.top(user, viewID)
	if err != nil {
		w.mu.Unlock()
		return Result{}, err
	}
	closing := []*View{v}
	if all || v.ClearOnClose {
		closing = w.stack(user)
	}
	for _, x := range closing {
		w.closeView(x)
	}
	p := w.interaction("view_closed", user)
	p["view"], p["is_cleared"] = v.wire(w, stateOf(v.Blocks, nil)), all || v.ClearOnClose
	w.mu.Unlock()
	if !v.NotifyOnClose {
		return Result{}, nil
	}
	return w.act(ctx, Envelope{Type: TypeInteractive, Payload: p}, actor{user, "", v.CallbackID}, nil)
}

// Suggest types into an external_select of a message (target is its ts) or a
// view (its id) and returns the options that the app offers. A query shorter
// than min_query_length, 3 unless set, is an error: Slack would not ask.
func (w *Workspace) Suggest(ctx context.Context, user, target, actionID, query string) (Result, error) {
	w.mu.Lock()
	_, err := w.person(user)
	var m *Message
	v := w.viewByID(target)
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
	p := w.interaction("block_suggestion", user)
	p["action_id"], p["value"] = actionID, query
	var blocks []Block
	if v != nil {
		blocks = v.Blocks
		p["container"] = map[string]any{"type": "view", "view_id": v.ID}
		p["view"] = v.wire(w, stateOf(v.Blocks, nil))
	} else {
		blocks = m.Blocks
		w.place(p, m)
	}
	els := elementsOf(blocks)
	i := slices.IndexFunc(els, func(e element) bool { return e.el["action_id"] == actionID && isExternal[e.typ()] })
	w.mu.Unlock()
	if i < 0 {
		return Result{}, fmt.Errorf("fakeslack: no external select %q on %s", actionID, target)
	}
	p["block_id"] = els[i].block
	least := 3
	if n, ok := els[i].el["min_query_length"].(float64); ok {
		least = int(n)
	}
	if utf8.RuneCountInString(query) < least {
		return Result{}, fmt.Errorf("fakeslack: Slack asks for options only from %d characters on", least)
	}
	return w.act(ctx, Envelope{Type: TypeInteractive, Payload: p, AcceptsResponse: true}, actor{user, "", actionID},
		func(res *Result, ack map[string]any) {
			if errs := checkOptions(ack); len(errs) > 0 {
				res.Error, res.Detail = ErrModalTrouble, errs
				return
			}
			groups := []any{ack}
			groups = append(groups, list(ack["option_groups"])...)
			for _, g := range groups {
				for _, o := range list(object(g)["options"]) {
					res.Options = append(res.Options, Option{Text: textOf(object(o)["text"]), Value: str(object(o)["value"])})
				}
			}
		})
}

var isExternal = map[string]bool{"external_select": true, "multi_external_select": true}
