package playground

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/cmd/sshforward/playground/web"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

// terminalOf dials the page's terminal as a page from origin would.
func terminalOf(t *testing.T, p *Playground, origin, query string) (*websocket.Conn, *http.Response, error) {
	t.Helper()
	conn, resp, err := websocket.DefaultDialer.DialContext(t.Context(), "ws"+strings.TrimPrefix(p.URL(), "http")+"terminal?"+query,
		http.Header{"Origin": {origin}})
	if conn != nil {
		t.Cleanup(func() { conn.Close() })
	}
	return conn, resp, err
}

// sees reads from a terminal until it shows a text, or until it is told the end.
func sees(t *testing.T, conn *websocket.Conn, want string) (end string) {
	t.Helper()
	var shown strings.Builder
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	for {
		kind, b, err := conn.ReadMessage()
		if err != nil {
			t.Fatalf("the terminal shows no %q but %q: %v", want, shown.String(), err)
		}
		if kind == websocket.TextMessage {
			var e struct{ End, Says string }
			if err := json.Unmarshal(b, &e); err != nil {
				t.Fatal(err)
			}
			return e.End
		}
		if shown.Write(b); want != "" && strings.Contains(shown.String(), want) {
			return ""
		}
	}
}

func (p *Playground) done(step string) bool {
	steps := p.Story().Steps
	return !steps[slices.IndexFunc(steps, func(s web.Step) bool { return s.ID == step })].Done.IsZero()
}

// TestTerminalOfThePage goes the way of everybody: through the forward, which
// lets nobody in from elsewhere and is cut when somebody closes it.
func TestTerminalOfThePage(t *testing.T) {
	t.Parallel()
	p := start(t, Options{})
	origin := strings.TrimSuffix(p.URL(), "/")
	for _, from := range []string{"http://evil.example", "", "http://127.0.0.1:1"} {
		if _, resp, err := terminalOf(t, p, from, ""); err == nil || resp == nil || resp.StatusCode != http.StatusForbidden {
			t.Errorf("a page from %q: %v %v, want 403", from, resp, err)
		}
	}
	early, _, err := terminalOf(t, p, origin, "")
	if err != nil {
		t.Fatal(err)
	}
	if end := sees(t, early, ""); end != "refused" {
		t.Errorf("without a forward the terminal ends with %q", end)
	}

	p.play(t, "open", "type /sshforward open web-1 30m because of the terminal\nclick Open\nexpect card \"ssh -p\"")
	await(t, "a forward", func() bool { _, ok := p.forward.address(""); return ok && p.done("open") })
	conn, _, err := terminalOf(t, p, origin, "cols=100&rows=30")
	if err != nil {
		t.Fatal(err)
	}
	sees(t, conn, "]$ ")
	if err := conn.WriteMessage(websocket.BinaryMessage, []byte("hostname\r")); err != nil {
		t.Fatal(err)
	}
	sees(t, conn, "\r\nweb-1\r\n")
	if err := conn.WriteMessage(websocket.TextMessage, []byte(`{"cols":60,"rows":20}`)); err != nil {
		t.Fatal(err)
	}
	if !p.done("ssh") || p.done("stranger") || p.done("close") {
		t.Errorf("after a log-in the steps are %+v", p.Story().Steps)
	}
	other, _, err := terminalOf(t, p, origin, "")
	if err != nil {
		t.Fatal(err)
	}
	sees(t, other, "]$ ")
	if err := other.WriteMessage(websocket.BinaryMessage, []byte("exit\r")); err != nil {
		t.Fatal(err)
	}
	if end := sees(t, other, ""); end != "left" {
		t.Errorf("who leaves is told %q", end)
	}

	if p.addrs.few() == 0 {
		if says, err := p.Stranger(t.Context(), ""); err != nil || !strings.Contains(says, "refused by the security group") {
			t.Errorf("a stranger: %q %v", says, err)
		}
		await(t, "the refusal to be known", func() bool { return p.done("stranger") })
	}
	p.play(t, "close", "type /sshforward close\nexpect nothing left")
	if end := sees(t, conn, ""); end != "cut" {
		t.Errorf("who is cut is told %q", end)
	}
	await(t, "the cut to be known", func() bool { return p.done("close") })
	story := p.Story()
	lease := story.Leases[0]
	await(t, "the lease to be closed", func() bool { lease = p.Story().Leases[0]; return lease.State == string(sshforward.Closed) })
	if p.done("receipt") || lease.Owner != Ann || lease.Name != "web-1" || lease.Approved {
		t.Errorf("at the end: %+v", story)
	}
	cut, left := story.Sessions[0], story.Sessions[1]
	if !cut.Cut || left.Cut || left.Ended.IsZero() || cut.From != "127.0.0.1" || cut.Instance != "web-1" || cut.Lease != lease.ID {
		t.Errorf("sessions: %+v", story.Sessions)
	}

	r, err := p.Receipt(lease.ID)
	if err != nil || len(r.Sessions) != 2 {
		t.Errorf("receipt: %+v %v", r, err)
	}
	var acts []string
	for _, line := range r.Events {
		var e sshforward.Event
		if err := json.Unmarshal(line, &e); err != nil {
			t.Fatal(err)
		}
		acts = append(acts, string(e.Act))
	}
	if got := strings.Join(acts, " "); got != "open confirm opened close access_ended closed" {
		t.Errorf("the receipt tells of: %s", got)
	}
	if !p.done("receipt") {
		t.Error("the receipt was not ticked")
	}
}

// TestPace has a person see a way in come to be, part by part, and not wait long
// for it.
func TestPace(t *testing.T) {
	t.Parallel()
	p := startPaced(t, Options{})
	p.play(t, "open", "type /sshforward open web-1 30m because I want to see it\nclick Open\nexpect card \"ssh -p\"")
	var parts []fakeaws.Event
	seen := make(map[string]bool)
	for _, e := range p.cloud.Recent() {
		part := map[string]string{
			"CreateSecurityGroup": "group", "CreateLoadBalancer": "balancer",
			"RegisterInstancesWithLoadBalancer": "registered", "AuthorizeSecurityGroupIngress": e.ID,
		}[e.Cause]
		if part != "" && e.Change != fakeaws.Deleted && !seen[part] {
			seen[part] = true
			parts = append(parts, e)
		}
	}
	for i, e := range parts {
		t.Logf("%6.2fs %s %s", e.At.Sub(parts[0].At).Seconds(), e.Cause, e.Kind)
		if i > 0 && e.Cause != parts[i-1].Cause && e.At.Sub(parts[i-1].At) < 100*time.Millisecond {
			t.Errorf("%s and %s appear at the same moment", parts[i-1].Cause, e.Cause)
		}
	}
	if len(parts) < 5 { // a rule at the instance, and the one that lets in
		t.Errorf("only %d parts: %+v", len(parts), parts)
	}
	if took := parts[len(parts)-1].At.Sub(parts[0].At); took < 4*time.Second || took > patience {
		t.Errorf("it took %s", took)
	}
	p.play(t, "close", "type /sshforward close\nexpect nothing left")
}
