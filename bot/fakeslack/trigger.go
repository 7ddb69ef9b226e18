package fakeslack

import (
	"fmt"
	"time"
)

// trigger is what a person's action hands out: leave to open one modal, once
// and soon.
type trigger struct {
	user string
	end  time.Time
	used bool
}

// newTrigger needs mu.
func (w *Workspace) newTrigger(user string) string {
	now := time.Now()
	if len(w.triggers)%1024 == 1023 { // keep only what still has an answer of its own
		for id, t := range w.triggers {
			if now.Sub(t.end) > time.Minute {
				delete(w.triggers, id)
			}
		}
	}
	w.serial++
	id := fmt.Sprintf("%d.%d.%s", now.UnixMilli(), w.serial, w.newSecret())
	w.triggers[id] = &trigger{user: user, end: now.Add(w.opt.TriggerLife)}
	return id
}

// exchange spends a trigger. Needs mu.
func (w *Workspace) exchange(id string) (*trigger, *apiError) {
	t := w.triggers[id]
	switch {
	case t == nil:
		return nil, refused("invalid_trigger_id")
	case t.used:
		return nil, refused("exchanged_trigger_id")
	case time.Now().After(t.end):
		return nil, refused("expired_trigger_id")
	}
	t.used = true
	return t, nil
}
