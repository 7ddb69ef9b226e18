package fakeslack

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// SetFault replaces Options.Fault.
func (w *Workspace) SetFault(f func(Call) Outcome) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fault = f
}

// FailNext lets the next calls of a method end as scripted, one outcome each.
// It comes before the fault hook.
func (w *Workspace) FailNext(method string, outcomes ...Outcome) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.script[method] = append(w.script[method], outcomes...)
}

// Break lets every call of a method end with an outcome until Mend. A method
// that ends in * stands for all that begin alike: usergroups.* with the error
// plan_upgrade_required is a free plan, users.info with Silent a Slack that
// does not tell who somebody is. FailNext comes before it, the hook after it.
func (w *Workspace) Break(method string, out Outcome) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.broken[method] = out
}

// Mend ends what Break began, for these methods or for all.
func (w *Workspace) Mend(methods ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(methods) == 0 {
		clear(w.broken)
	}
	for _, m := range methods {
		delete(w.broken, m)
	}
}

// scripted is what FailNext or Break says about a call. Needs mu.
func (w *Workspace) scripted(method string) (Outcome, bool) {
	if s := w.script[method]; len(s) > 0 {
		w.script[method] = s[1:]
		return s[0], true
	}
	if out, ok := w.broken[method]; ok {
		return out, true
	}
	for m, out := range w.broken {
		if prefix, ok := strings.CutSuffix(m, "*"); ok && strings.HasPrefix(method, prefix) {
			return out, true
		}
	}
	return Outcome{}, false
}

// refuse writes a faulted HTTP answer: a page of HTML, as comes from what
// stands in front of Slack, with whatever status.
func refuse(rw http.ResponseWriter, out Outcome) {
	if out.RetryAfter > 0 {
		rw.Header().Set("Retry-After", strconv.Itoa(int((out.RetryAfter+time.Second-1)/time.Second)))
	}
	if out.Status == http.StatusTooManyRequests {
		writeJSON(rw, out.Status, map[string]any{"ok": false, "error": "ratelimited"})
		return
	}
	rw.Header().Set("Content-Type", "text/html; charset=utf-8")
	rw.WriteHeader(out.Status)
	fmt.Fprintf(rw, "<!DOCTYPE html><html><body><h1>%s</h1></body></html>", http.StatusText(out.Status))
}
