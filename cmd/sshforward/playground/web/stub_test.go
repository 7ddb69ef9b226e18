package web_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/sshforward/sshforward/bot/fakeslack"
	"github.com/sshforward/sshforward/cmd/sshforward/playground/web"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

// world is the page with all that it shows.
type world struct {
	t      *testing.T
	slack  *fakeslack.Workspace
	cloud  *fakeaws.Cloud
	note   fakeaws.FieldNote
	stage  *stage
	server *httptest.Server
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, slack: fakeslack.New(fakeslack.Options{}), stage: &stage{changed: make(chan struct{}, 1)}}
	w.cloud = fakeaws.New(fakeaws.Options{InterfaceLinger: time.Minute})
	w.note = w.cloud.Home().FieldNote()
	w.slack.AddUser(fakeslack.User{ID: "U1", Name: "ann", RealName: "Ann (asks)"})
	w.slack.AddUser(fakeslack.User{ID: "U2", Name: "yuki", RealName: "ゆき", Locale: "ja-JP", TZ: "Asia/Tokyo"})
	w.slack.AddChannel(fakeslack.Channel{ID: "C1", Name: "ops", Members: []string{"U1", "U2"}, BotMember: true})
	w.slack.AddChannel(fakeslack.Channel{ID: "C2", Name: "secret", Private: true, Members: []string{"U1"}, BotMember: true})
	if err := w.slack.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.slack.Close)
	w.stage.set(web.Status{BotRunning: true, BotPID: 4242, Command: "/sshforward open web-1 5m"})
	w.server = httptest.NewServer(web.Handler(web.Options{Workspace: w.slack, Cloud: w.cloud, Note: w.note, Stage: w.stage}))
	t.Cleanup(func() {
		w.server.CloseClientConnections() // streams never end by themselves
		w.server.Close()
	})
	return w
}

// stage is a stage on which trouble is only written down.
type stage struct {
	mu      sync.Mutex
	status  web.Status
	story   []web.Happening
	done    []string
	err     error
	changed chan struct{}
}

func (s *stage) Trouble(_ context.Context, kind string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done = append(s.done, kind)
	return s.err
}

func (s *stage) Status() web.Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.status
}

func (s *stage) Happened() []web.Happening {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]web.Happening(nil), s.story...)
}

// tell adds to the story.
func (s *stage) tell(kind, text string) {
	s.mu.Lock()
	s.story = append(s.story, web.Happening{Seq: len(s.story) + 1, At: time.Now(), Kind: kind, Text: text})
	s.mu.Unlock()
	s.note()
}

func (s *stage) Changed() <-chan struct{} { return s.changed }

func (s *stage) set(st web.Status) {
	s.mu.Lock()
	s.status = st
	s.mu.Unlock()
	s.note()
}

func (s *stage) note() {
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

func (s *stage) troubles() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.done...)
}

// golden is what the real bot sends.
func golden(t *testing.T, name string) map[string]any {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("../../../../bot/testdata/messages/en", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// call is a Web API call, as the bot makes it.
func (w *world) call(method string, args map[string]any) map[string]any {
	token := w.slack.BotToken()
	if method == "apps.connections.open" {
		token = w.slack.AppToken()
	}
	b, err := json.Marshal(args)
	if err != nil {
		w.t.Error(err)
		return nil
	}
	r, err := http.NewRequest("POST", w.slack.APIURL()+method, bytes.NewReader(b))
	if err != nil {
		w.t.Error(err)
		return nil
	}
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	r.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		w.t.Error(err)
		return nil
	}
	defer res.Body.Close()
	var out map[string]any
	if err := json.NewDecoder(res.Body).Decode(&out); err != nil || out["ok"] != true {
		w.t.Errorf("%s: %v %v", method, out, err)
	}
	return out
}

// post posts a golden message as the bot and returns its ts.
func (w *world) post(channel, name string, more ...string) string {
	m := golden(w.t, name)
	m["channel"] = channel
	for i := 0; i+1 < len(more); i += 2 {
		m[more[i]] = more[i+1]
	}
	ts, _ := w.call("chat.postMessage", m)["ts"].(string)
	return ts
}

// bot connects as a bot that answers each envelope with what answer returns.
func (w *world) bot(answer func(kind string, payload map[string]any) any) {
	w.t.Helper()
	url, _ := w.call("apps.connections.open", nil)["url"].(string)
	conn, res, err := websocket.DefaultDialer.Dial(url, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	res.Body.Close()
	w.t.Cleanup(func() { conn.Close() })
	go func() {
		for {
			var e struct {
				Type, EnvelopeID string
				ID               string `json:"envelope_id"`
				Payload          map[string]any
			}
			if conn.ReadJSON(&e) != nil {
				return
			}
			if e.ID == "" {
				continue
			}
			ack := map[string]any{"envelope_id": e.ID}
			kind := e.Type
			if k, ok := e.Payload["type"].(string); ok {
				kind = k
			}
			if p := answer(kind, e.Payload); p != nil {
				ack["payload"] = p
			}
			if conn.WriteJSON(ack) != nil {
				return
			}
		}
	}()
	if err := w.slack.Wait(w.t.Context(), func(s *fakeslack.Snapshot) bool { return len(s.Connections()) > 0 }); err != nil {
		w.t.Fatal(err)
	}
}

// respond posts to a response_url.
func (w *world) respond(url any, m map[string]any) {
	b, err := json.Marshal(m)
	if err != nil {
		w.t.Error(err)
		return
	}
	res, err := http.Post(url.(string), "application/json", bytes.NewReader(b))
	if err != nil {
		w.t.Error(err)
		return
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		w.t.Errorf("response_url: %s", res.Status)
	}
}

// forward makes in the cloud what the bot makes for a lease.
func (w *world) forward(lease string) (balancer string) {
	balancer, group := w.locked(lease)
	w.letIn(lease, group)
	return balancer
}

// letIn opens the door of a forward.
func (w *world) letIn(lease, group string) {
	w.cloud.Home().AddRule(fakeaws.Rule{Group: group, Protocol: "tcp", From: 22, To: 22, CIDR: "203.0.113.7/32",
		Tags: map[string]string{"sshforward:lease": lease}})
}

// locked makes all of a forward but the rule that lets people in.
func (w *world) locked(lease string) (balancer, group string) {
	h := w.cloud.Home()
	tags := map[string]string{"sshforward:lease": lease, "sshforward:owner": "U1", "sshforward:deployment": "test"}
	group = h.AddGroup(w.note.VPC, "sshforward-test-"+lease, tags)
	h.AddRule(fakeaws.Rule{Group: w.note.Group, Protocol: "tcp", From: 22, To: 22, Source: group, Tags: tags})
	balancer = "sshforward-test-" + lease
	h.AddLoadBalancer(balancer, w.note.Public, []string{group},
		fakeaws.Listener{Protocol: "TCP", Port: 22, InstanceProtocol: "TCP", InstancePort: 22}, tags)
	r := httptest.NewRequest("POST", "/", bytes.NewBufferString(fmt.Sprintf(
		"Action=RegisterInstancesWithLoadBalancer&Version=2012-06-01"+
			"&LoadBalancerName=%s&Instances.member.1.InstanceId=%s", balancer, w.note.Web)))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIA/20261123/"+h.Name()+"/elasticloadbalancing/aws4_request, "+
		"SignedHeaders=host, Signature=0")
	rec := httptest.NewRecorder()
	w.cloud.ServeHTTP(rec, r)
	if rec.Code != 200 {
		w.t.Fatalf("register: %d %s", rec.Code, rec.Body)
	}
	return balancer, group
}
