package web_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/sshforward/sshforward/bot/fakeslack"
	"github.com/sshforward/sshforward/cmd/sshforward/playground/web"
)

// do sends a request with changed headers and returns status and body.
func (w *world) do(method, path, body string, headers ...string) (int, string, http.Header) {
	w.t.Helper()
	r, err := http.NewRequest(method, w.server.URL+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		} else {
			r.Header.Set(headers[i], headers[i+1])
		}
	}
	rec, err := w.server.Client().Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer rec.Body.Close()
	var b strings.Builder
	if _, err := bufio.NewReader(rec.Body).WriteTo(&b); err != nil {
		w.t.Fatal(err)
	}
	return rec.StatusCode, b.String(), rec.Header
}

func TestOnlyItsOwnPageMayAct(t *testing.T) {
	w := newWorld(t)
	at, _ := url.Parse(w.server.URL)
	say := `{"user":"U1","channel":"C1","text":"hello"}`
	for _, tt := range []struct {
		name, method, path, body string
		headers                  []string
		want                     int
	}{
		{"the page", "GET", "/", "", nil, 200},
		{"by name", "GET", "/", "", []string{"Host", "localhost:" + at.Port()}, 200},
		{"a name made to resolve here", "GET", "/", "", []string{"Host", "evil.example:" + at.Port()}, 421},
		{"a name that only begins like ours", "GET", "/", "", []string{"Host", "localhost.evil.example:" + at.Port()}, 421},
		{"another port", "GET", "/", "", []string{"Host", "127.0.0.1:1"}, 421},
		{"no port", "GET", "/", "", []string{"Host", "127.0.0.1"}, 421},
		{"its own script", "POST", "/do/say", say, []string{"Sec-Fetch-Site", "same-origin", "Origin", w.server.URL}, 200},
		{"curl", "POST", "/do/say", say, nil, 200},
		{"another site", "POST", "/do/say", say, []string{"Sec-Fetch-Site", "cross-site"}, 403},
		{"another port of localhost", "POST", "/do/say", say, []string{"Sec-Fetch-Site", "same-site"}, 403},
		{"an old browser on another site", "POST", "/do/say", say, []string{"Origin", "http://evil.example"}, 403},
		{"a sandboxed frame", "POST", "/do/say", say, []string{"Origin", "null"}, 403},
		{"a form", "POST", "/do/say", say, []string{"Content-Type", "text/plain"}, 415},
		{"no JSON", "POST", "/do/say", "user=U1", nil, 400},
		{"a field nobody knows", "POST", "/do/say", `{"token":"x"}`, nil, 400},
		{"too long", "POST", "/do/say", `{"text":"` + strings.Repeat("x", 300<<10) + `"}`, nil, 400},
		{"reading an action", "GET", "/do/say", "", nil, 404},
		{"the stream for another site", "GET", "/events", "", []string{"Sec-Fetch-Site", "cross-site"}, 403},
		{"out of the assets", "GET", "/../handler.go", "", nil, 404},
	} {
		t.Run(tt.name, func(t *testing.T) {
			code, body, h := w.do(tt.method, tt.path, tt.body, tt.headers...)
			if code != tt.want {
				t.Errorf("answered %d %q, want %d", code, body, tt.want)
			}
			csp := h.Get("Content-Security-Policy")
			if !strings.HasPrefix(csp, "default-src 'none'; script-src 'self';") || strings.Contains(csp, "unsafe") {
				t.Errorf("policy %q", csp)
			}
			if h.Get("X-Content-Type-Options") != "nosniff" {
				t.Error("types may be sniffed")
			}
		})
	}
	if n := len(w.slack.Messages("C1")); n != 2 {
		t.Errorf("%d messages were said, want the 2 that were allowed", n)
	}
}

func TestTheAssetsNeedNoExceptionFromThePolicy(t *testing.T) {
	w := newWorld(t)
	_, page, _ := w.do("GET", "/", "")
	for _, bad := range []string{"<style", " style=", " onclick=", "javascript:", "http://", "https://"} {
		if strings.Contains(page, bad) {
			t.Errorf("the page has %q", bad)
		}
	}
	for _, name := range []string{"js/main.js", "css/base.css", "icon.svg"} {
		code, _, h := w.do("GET", "/"+name, "")
		if code != 200 || strings.HasPrefix(h.Get("Content-Type"), "text/plain") {
			t.Errorf("%s: %d %s", name, code, h.Get("Content-Type"))
		}
	}
}

// events opens a stream; next returns the data of the next event of a name.
func (w *world) events() (next func(name string) string) {
	w.t.Helper()
	res, err := w.server.Client().Get(w.server.URL + "/events")
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { res.Body.Close() })
	if ct := res.Header.Get("Content-Type"); ct != "text/event-stream" {
		w.t.Fatalf("content type %q", ct)
	}
	type event struct{ name, data string }
	ch := make(chan event, 1000)
	go func() {
		defer close(ch)
		s := bufio.NewScanner(res.Body)
		s.Buffer(nil, 8<<20)
		var e event
		for s.Scan() {
			if v, ok := strings.CutPrefix(s.Text(), "event: "); ok {
				e.name = v
			} else if v, ok := strings.CutPrefix(s.Text(), "data: "); ok {
				e.data = v
				ch <- e
			}
		}
	}()
	return func(name string) string {
		w.t.Helper()
		late := time.After(10 * time.Second)
		for {
			select {
			case e, ok := <-ch:
				if !ok {
					w.t.Fatalf("the stream ended before %q", name)
				}
				if e.name == name {
					return e.data
				}
			case <-late:
				w.t.Fatalf("no event %q", name)
			}
		}
	}
}

func TestTheStreamBeginsWithAllAndGoesOnWithChanges(t *testing.T) {
	w := newWorld(t)
	first := w.post("C1", "card-open")
	next := w.events()
	var scene struct {
		Bot      string
		Users    []fakeslack.User
		Channels []fakeslack.Channel
		Messages []fakeslack.Message
	}
	if err := json.Unmarshal([]byte(next("workspace")), &scene); err != nil {
		t.Fatal(err)
	}
	dms := 0
	for _, c := range scene.Channels {
		if c.IM {
			dms++
		}
	}
	if len(scene.Messages) != 1 || scene.Messages[0].TS != first || dms != 2 || scene.Bot != w.slack.BotUserID() {
		t.Errorf("the snapshot has messages %v, %d DMs, bot %q", scene.Messages, dms, scene.Bot)
	}
	if got := next("cloud"); !strings.Contains(got, `"cidr":"10.1.0.0/16"`) ||
		!strings.Contains(got, "10.1.2.94") || !strings.Contains(got, `"forwards":[]`) {
		t.Errorf("the first picture: %s", got)
	}
	if got := next("status"); !strings.Contains(got, `"bot_pid":4242`) {
		t.Errorf("the first status: %s", got)
	}

	second := w.post("C1", "notice-reminder", "thread_ts", first)
	if got := next("message"); !strings.Contains(got, second) || !strings.Contains(got, `"thread_ts":"`+first) {
		t.Errorf("the new message: %s", got)
	}
	w.call("chat.delete", map[string]any{"channel": "C1", "ts": second})
	if got := next("message"); !strings.Contains(got, `"deleted":true`) {
		t.Errorf("the deleted message: %s", got)
	}
}

func TestEveryOpenPageHearsOfTheStatus(t *testing.T) {
	w := newWorld(t)
	one, two := w.events(), w.events()
	one("status")
	two("status")
	w.stage.set(web.Status{Throttled: true})
	for _, next := range []func(string) string{one, two} {
		if got := next("status"); !strings.Contains(got, `"throttled":true`) {
			t.Errorf("status %s", got)
		}
	}
}

func TestThePictureShowsAForwardFromFirstToLast(t *testing.T) {
	w := newWorld(t)
	next := w.events()
	next("cloud")
	name := w.forward("k7m2q3x")
	until := func(what ...string) {
		t.Helper()
		for range 20 {
			p, all := next("cloud"), true
			for _, s := range what {
				all = all && strings.Contains(p, s)
			}
			if all {
				return
			}
		}
		t.Errorf("never drawn: %q", what)
	}
	until(`"lease":"k7m2q3x"`, `"health":"InService"`, `"peer":"203.0.113.7/32"`, `"instance":"`+w.note.Web+`"`, `"door":{`)
	w.cloud.Home().RemoveLoadBalancer(name)
	until(`"lingering":[{"id":"eni-`)
}

func TestActions(t *testing.T) {
	w := newWorld(t)
	post := func(name, body string) (int, string) {
		code, out, _ := w.do("POST", "/do/"+name, body)
		return code, out
	}
	code, out := post("slash", `{"user":"U1","channel":"C1","text":"/sshforward list"}`)
	if code != 200 || !strings.Contains(out, "dispatch_failed") {
		t.Errorf("a command without a bot: %d %s", code, out)
	}
	card := w.post("C1", "card-open")
	code, out = post("click", `{"user":"U1","target":"`+card+`","action":"lease.approve"}`)
	if code != 422 || !strings.Contains(out, "error") {
		t.Errorf("a button that is not there: %d %s", code, out)
	}
	if code, _ := post("say", `{"user":"U2","channel":"C2","text":"psst"}`); code != 422 {
		t.Errorf("spoke in a channel without seeing it: %d", code)
	}
	if code, _ := post("say", `{"user":"U1","channel":"`+w.slack.DM("U2")+`","text":"psst"}`); code != 422 {
		t.Errorf("spoke in somebody else's DM: %d", code)
	}
	if code, _ := post("trouble", `{"kind":"kill-bot"}`); code != 200 {
		t.Errorf("trouble: %d", code)
	}
	w.stage.err = errors.New("there is no rule to remove")
	if code, out := post("trouble", `{"kind":"remove-rule"}`); code != 422 || !strings.Contains(out, "there is no rule to remove") {
		t.Errorf("trouble that fails: %d %s", code, out)
	}
	if got := strings.Join(w.stage.troubles(), " "); got != "kill-bot remove-rule" {
		t.Errorf("caused %q", got)
	}
}

func TestWithoutAServerThePortIsNotChecked(t *testing.T) {
	w := newWorld(t)
	r := httptest.NewRequest("GET", "http://localhost:1234/", nil)
	rec := httptest.NewRecorder()
	web.Handler(web.Options{Workspace: w.slack, Cloud: w.cloud, Note: w.note, Stage: w.stage}).ServeHTTP(rec, r)
	if rec.Code != 200 {
		t.Errorf("answered %d", rec.Code)
	}
}

func TestTheTerminalComesPackedToWhoTakesThat(t *testing.T) {
	w := newWorld(t)
	for _, takes := range []string{"gzip, deflate, br, zstd", "identity"} {
		code, script, h := w.do("GET", "/xterm/xterm.mjs", "", "Accept-Encoding", takes)
		packed := h.Get("Content-Encoding") == "gzip"
		if want := takes != "identity"; packed != want {
			t.Errorf("%s: packed is %t", takes, packed)
		}
		if packed {
			script = string(unpacked(t, []byte(script)))
		}
		if kind := h.Get("Content-Type"); code != 200 || kind != "text/javascript; charset=utf-8" {
			t.Errorf("%s: %d, %s", takes, code, kind)
		}
		if !strings.Contains(script, "The xterm.js authors") || !strings.HasSuffix(script, "//# sourceMappingURL=xterm.mjs.map\n") {
			t.Errorf("%s: %d bytes are not the script", takes, len(script))
		}
	}
}
