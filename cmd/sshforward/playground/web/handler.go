// Package web is the playground's page: a chat workspace beside a live picture
// of the cloud, as an http.Handler with everything it needs embedded.
//
// The page holds no state of its own. One stream of server-sent events carries
// a snapshot of the workspace and of the cloud and from then on every change;
// after a reconnect it begins with a snapshot again. What a person does goes the
// other way as small JSON posts, which become calls of fakeslack.Workspace and
// of the Stage. The same page therefore shows whatever drives the workspace: the
// mouse, a script, or a test.
package web

import (
	"context"
	"embed"
	"io/fs"
	"log/slog"
	"net/http"

	"github.com/sshforward/sshforward/bot/fakeslack"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

// Stage is what the page can do to the playground beside acting in Slack.
type Stage interface {
	// Trouble makes or ends some. The kind is "slow-health", "fast-health",
	// "throttle", "calm", "kill-bot", "restart-bot", "remove-rule" or
	// "lose-database". The error is shown to the person who asked.
	Trouble(ctx context.Context, kind string) error
	// Status is how the playground fares at this moment.
	Status() Status
	// Happened is what happened so far, the oldest first; some hundreds at most.
	Happened() []Happening
	// Changed gets a value, buffered by one, whenever Status or Happened has changed.
	Changed() <-chan struct{}
}

// Status is how the playground fares.
type Status struct {
	BotRunning bool   `json:"bot_running"`
	BotPID     int    `json:"bot_pid,omitempty"`
	SlowHealth bool   `json:"slow_health"`
	Throttled  bool   `json:"throttled"`
	Sessions   int    `json:"sessions"`          // SSH sessions that go through a forward
	Command    string `json:"command,omitempty"` // to type or run next

	OnCall  []string          `json:"on_call,omitempty"` // who may go past the approvers
	Repairs map[string]Repair `json:"repairs,omitempty"` // by the kind of trouble
	// Replicas are the bots where several share the work; none where one does.
	Replicas []Replica `json:"replicas,omitempty"`
}

// Replica is one of several bots. What Trouble does to the nth has its number at the
// end: "kill-2", "start-2", "pause-2", "resume-2", "cut-2" and "join-2".
type Replica struct {
	PID    int      `json:"pid,omitempty"` // 0: it does not run
	Paused bool     `json:"paused,omitempty"`
	Cut    bool     `json:"cut,omitempty"`    // off from the table
	Leases []string `json:"leases,omitempty"` // that it works on
}

// Options is what the page shows and acts on. Workspace, Cloud and Stage are
// needed.
type Options struct {
	Workspace *fakeslack.Workspace
	Cloud     *fakeaws.Cloud
	Note      fakeaws.FieldNote // the part of Cloud.Home that is drawn
	Stage     Stage
	Tour      Tour         // nil: no guide, no terminal, no receipt
	Logger    *slog.Logger // discards if nil
}

//go:embed assets
var assets embed.FS

// Handler serves the page, its assets, the stream and the actions. It answers
// only to loopback names and only to its own page; see guard.
func Handler(o Options) http.Handler {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	files, err := fs.Sub(assets, "assets")
	if err != nil {
		panic(err) // the directory is embedded above
	}
	mux := http.NewServeMux()
	mux.Handle("GET /", http.FileServerFS(files))
	mux.Handle("GET /xterm/xterm.mjs", packed(files, "xterm/xterm.mjs.gz"))
	mux.Handle("GET /events", &stream{Options: o, hub: newHub()})
	if o.Tour != nil {
		mux.Handle("GET /terminal", terminal{o})
	}
	actions(mux, o)
	return guard(mux)
}
