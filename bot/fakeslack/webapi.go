package fakeslack

import (
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// apiError is a refusal with Slack's code.
type apiError struct {
	code     string
	messages []string // go to response_metadata.messages
	wait     time.Duration
	needed   string // scopes, for missing_scope
}

func refused(code string, messages ...string) *apiError {
	return &apiError{code: code, messages: messages}
}

// args are the arguments of a call, however they came.
type args map[string]any

func (a args) str(key string) string {
	switch v := a[key].(type) {
	case string:
		return v
	case bool:
		if v {
			return "true"
		}
	}
	return ""
}

func (a args) flag(key string) bool { s := a.str(key); return s == "true" || s == "1" }

func (w *Workspace) serveAPI(rw http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, "/api/")
	m, known := methods[name]
	a, isJSON, bad := decode(r, m)
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	if t := a.str("token"); t != "" && token == "" && !m.appToken {
		token = t
	}
	delete(a, "token") // a recorded call carries no secret
	call, out := w.begin(Call{Method: name, Args: a, JSON: isJSON, Channel: a.str("channel"), User: a.str("user")})
	w.pause(w.ctx, w.opt.Latency+out.Delay)
	if w.faulted(rw, r, call, out) {
		return
	}

	var answer map[string]any
	err := bad
	if err == nil && !known {
		err = refused("unknown_method")
	}
	w.mu.Lock()
	if w.baseURL == "" {
		w.baseURL = "http://" + r.Host
	}
	if err == nil && !m.open {
		err = w.checkToken(token, m.appToken)
	}
	if err == nil && !m.open && !m.appToken {
		// Slack tells the scopes of a token with every answer.
		rw.Header().Set("X-OAuth-Scopes", strings.Join(w.opt.Scopes, ","))
		err = w.checkScope(m, a)
	}
	if err == nil {
		err = w.checkTier(name, m)
	}
	if m.appToken {
		a = args{"token": token} // not what is recorded
	}
	if err == nil {
		answer, err = m.do(w, a)
	}
	w.mu.Unlock()

	status := http.StatusOK
	if err != nil {
		answer = map[string]any{"ok": false, "error": err.code}
		if err.needed != "" {
			answer["needed"], answer["provided"] = err.needed, strings.Join(w.Scopes(), ",")
		}
		if len(err.messages) > 0 {
			marked := make([]string, len(err.messages))
			for i, s := range err.messages {
				marked[i] = "[ERROR] " + s
			}
			answer["errors"] = err.messages
			answer["response_metadata"] = map[string]any{"messages": marked}
		}
		if err.wait > 0 {
			status = http.StatusTooManyRequests
			w.end(call, out, status, err.code, nil)
			refuse(rw, Outcome{Status: status, RetryAfter: err.wait})
			return
		}
		w.end(call, out, status, err.code, err.messages)
	} else {
		if answer == nil {
			answer = map[string]any{}
		}
		answer["ok"] = true
		w.end(call, out, status, "", nil)
	}
	w.answer(rw, r, out, status, answer)
}

// faulted ends a call that never gets to its effect.
func (w *Workspace) faulted(rw http.ResponseWriter, r *http.Request, call *Call, out Outcome) bool {
	switch {
	case out.Silent:
		w.end(call, out, 0, "silent", nil)
		select {
		case <-r.Context().Done():
		case <-w.ctx.Done():
		}
		panic(http.ErrAbortHandler)
	case out.LoseRequest:
		w.end(call, out, 0, "lost", nil)
		panic(http.ErrAbortHandler)
	case out.Status != 0:
		w.end(call, out, out.Status, http.StatusText(out.Status), nil)
		refuse(rw, out)
	case out.Error != "":
		w.end(call, out, http.StatusOK, out.Error, nil)
		writeJSON(rw, http.StatusOK, map[string]any{"ok": false, "error": out.Error})
	default:
		return false
	}
	return true
}

// answer writes the answer of a call whose effect has happened.
func (w *Workspace) answer(rw http.ResponseWriter, r *http.Request, out Outcome, status int, body any) {
	w.pause(r.Context(), out.DelayAnswer)
	if out.LoseAnswer {
		panic(http.ErrAbortHandler)
	}
	writeJSON(rw, status, body)
}

func writeJSON(rw http.ResponseWriter, status int, body any) {
	rw.Header().Set("Content-Type", "application/json; charset=utf-8")
	rw.WriteHeader(status)
	_ = json.NewEncoder(rw).Encode(body)
}

// Arguments that are JSON inside a form value.
var jsonArgs = []string{"blocks", "attachments", "view", "metadata"}

func decode(r *http.Request, m method) (args, bool, *apiError) {
	a := args{}
	for k, v := range r.URL.Query() {
		a[k] = v[0]
	}
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	body, err := io.ReadAll(io.LimitReader(r.Body, 4<<20))
	if err != nil {
		return a, false, refused("request_timeout")
	}
	if kind == "application/json" {
		if m.formOnly || len(body) == 0 || string(body) == "null" {
			return a, true, nil
		}
		var o map[string]any
		if json.Unmarshal(body, &o) != nil {
			return a, true, refused("invalid_json")
		}
		for k, v := range o {
			if k != "token" { // with JSON the token goes in the header
				a[k] = v
			}
		}
		return a, true, unpack(a)
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return a, false, refused("invalid_form_data")
	}
	for k, v := range form {
		a[k] = v[0]
	}
	return a, false, unpack(a)
}

// unpack decodes arguments that are JSON in a string. JSON bodies may have
// them as strings too, which Slack takes.
func unpack(a args) *apiError {
	for _, k := range jsonArgs {
		s, ok := a[k].(string)
		if !ok || s == "" {
			continue
		}
		var v any
		if json.Unmarshal([]byte(s), &v) != nil {
			if k == "blocks" {
				return refused("invalid_blocks_format")
			}
			return refused("invalid_arguments", "must be valid JSON [json-pointer:/"+k+"]")
		}
		a[k] = v
	}
	return nil
}
