package fakeslack_test

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"

	"github.com/sshforward/sshforward/bot/fakeslack"
)

// office is a workspace with a few people and every kind of channel.
func office(t *testing.T, o fakeslack.Options) *fakeslack.Workspace {
	t.Helper()
	w := fakeslack.New(o)
	w.AddUser(fakeslack.User{ID: "U1", Name: "ann", Locale: "ja-JP", TZ: "Asia/Tokyo", TZOffset: 32400})
	w.AddUser(fakeslack.User{ID: "U2", Name: "bob"})
	w.AddUser(fakeslack.User{ID: "U9", Name: "eve", TeamID: "T9OTHER"})
	w.AddUser(fakeslack.User{ID: "U8", Name: "old", Deleted: true})
	w.AddChannel(fakeslack.Channel{ID: "C1", Name: "ops", Members: []string{"U1", "U2"}, BotMember: true})
	w.AddChannel(fakeslack.Channel{ID: "C2", Name: "general", Members: []string{"U1", "U2"}})
	w.AddChannel(fakeslack.Channel{ID: "G1", Name: "secret", Private: true, Members: []string{"U1"}})
	w.AddChannel(fakeslack.Channel{ID: "G2", Name: "team", Private: true, Members: []string{"U1"}, BotMember: true})
	w.AddChannel(fakeslack.Channel{ID: "C3", Name: "past", Archived: true, Members: []string{"U1"}, BotMember: true})
	w.AddUserGroup(fakeslack.UserGroup{ID: "S1", Handle: "sre", Name: "SRE", Users: []string{"U1", "U2"}})
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	return w
}

func within(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// client is slack-go's, as the bot builds it.
func client(t *testing.T, w *fakeslack.Workspace) *slack.Client {
	tr := &http.Transport{}
	t.Cleanup(tr.CloseIdleConnections)
	return slack.New(w.BotToken(), slack.OptionAppLevelToken(w.AppToken()), slack.OptionAPIURL(w.APIURL()),
		slack.OptionHTTPClient(&http.Client{Timeout: 5 * time.Second, Transport: tr}))
}

// robot is a bot on slack-go's Socket Mode client.
type robot struct {
	*slack.Client
	socket *socketmode.Client
	done   chan error
	stop   context.CancelFunc

	mu   sync.Mutex
	seen []socketmode.Event
}

// startRobot connects and hands every event to handle.
func startRobot(t *testing.T, w *fakeslack.Workspace, handle func(*robot, socketmode.Event)) *robot {
	t.Helper()
	api := client(t, w)
	r := &robot{Client: api, done: make(chan error, 1),
		socket: socketmode.New(api, socketmode.OptionLog(slog.NewLogLogger(slog.DiscardHandler, 0)))}
	ctx, cancel := context.WithCancel(context.Background())
	r.stop = cancel
	before := len(w.Connections())
	go func() { r.done <- r.socket.RunContext(ctx) }()
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		for {
			select {
			case e := <-r.socket.Events:
				r.mu.Lock()
				r.seen = append(r.seen, e)
				r.mu.Unlock()
				if e.Request != nil && e.Request.EnvelopeID != "" && handle != nil {
					handle(r, e)
				}
			case <-ctx.Done():
				return
			}
		}
	}()
	t.Cleanup(func() { cancel(); <-drained })
	waitFor(t, w, func(s *fakeslack.Snapshot) bool { return len(s.Connections()) > before })
	return r
}

func waitFor(t *testing.T, w *fakeslack.Workspace, done func(*fakeslack.Snapshot) bool) {
	t.Helper()
	if err := w.Wait(within(t, 10*time.Second), done); err != nil {
		t.Fatalf("waiting: %v", err)
	}
}

func plain(s string) *slack.TextBlockObject {
	return slack.NewTextBlockObject(slack.PlainTextType, s, false, false)
}
func mrkdwn(s string) *slack.TextBlockObject {
	return slack.NewTextBlockObject(slack.MarkdownType, s, false, false)
}

func prompt(value string) slack.MsgOption {
	return slack.MsgOptionBlocks(
		slack.NewSectionBlock(mrkdwn("*Open?*"), nil, nil),
		slack.NewActionBlock("choice",
			slack.NewButtonBlockElement("lease.confirm", value, plain("Open")),
			slack.NewButtonBlockElement("lease.cancel", value, plain("Cancel"))))
}

func wantErr(t *testing.T, err error, code string) {
	t.Helper()
	switch {
	case code == "" && err != nil:
		t.Errorf("error %v, want none", err)
	case code != "" && (err == nil || err.Error() != code):
		t.Errorf("error %v, want %s", err, code)
	}
}
