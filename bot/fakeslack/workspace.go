package fakeslack

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Workspace is one Slack workspace with one app installed. It is an
// http.Handler; all methods are safe for concurrent use.
type Workspace struct {
	opt  Options
	ctx  context.Context // ends with Close
	stop context.CancelFunc
	wg   sync.WaitGroup // connection and redelivery goroutines

	mu          sync.Mutex
	rnd         *rand.Rand
	baseURL     string
	server      *http.Server
	listener    *listener
	closed      bool
	lastTS      int64 // microseconds, of the youngest message
	serial      int64
	tokenErrors map[string]string
	uninstalled bool
	twins       int // so many of the next envelopes go out twice
	spread      func(Envelope, []Connection) []int

	users    *table[User]
	channels *table[Channel]
	groups   *table[UserGroup]

	messages []*Message // immutable values, replaced on edit; in order of ts
	byTS     map[string]int
	views    []*View // immutable values, like messages
	homes    map[string]*View
	triggers map[string]*trigger
	urls     map[string]*responseURL
	postDue  map[string]time.Time // by channel
	meters   map[string]*meter    // by method
	frozen   map[string]string    // error code of an edit, by ts

	tickets    map[string]ticket // unused Socket Mode tickets
	appTokens  []string
	conns      []*conn
	connSeq    int
	pending    []*pending
	deliveries []*Delivery
	calls      []*Call
	failures   []*Failure
	script     map[string][]Outcome
	broken     map[string]Outcome
	fault      func(Call) Outcome

	seq      uint64
	changed  chan struct{} // closed and replaced on every change
	snapshot *Snapshot     // of the state now, nil if it was not asked for yet
	watchers map[*watcher]struct{}
}

// New makes an empty workspace: the bot's own user is in it, nobody else.
func New(o Options) *Workspace {
	o = o.withDefaults()
	ctx, stop := context.WithCancel(context.Background())
	w := &Workspace{
		opt: o, ctx: ctx, stop: stop,
		rnd:         rand.New(rand.NewPCG(o.Seed, 0x5eed)),
		baseURL:     strings.TrimSuffix(o.BaseURL, "/"),
		tokenErrors: map[string]string{},
		users:       newTable(func(u *User) string { return u.ID }),
		channels:    newTable(func(c *Channel) string { return c.ID }),
		groups:      newTable(func(g *UserGroup) string { return g.ID }),
		byTS:        map[string]int{},
		homes:       map[string]*View{},
		triggers:    map[string]*trigger{},
		urls:        map[string]*responseURL{},
		postDue:     map[string]time.Time{},
		meters:      map[string]*meter{},
		frozen:      map[string]string{},
		tickets:     map[string]ticket{},
		appTokens:   []string{o.AppToken},
		script:      map[string][]Outcome{},
		broken:      map[string]Outcome{},
		fault:       o.Fault,
		changed:     make(chan struct{}),
		watchers:    map[*watcher]struct{}{},
	}
	w.users.put(User{ID: o.BotUserID, Name: o.BotName, RealName: o.BotName, TeamID: o.TeamID, IsBot: true})
	return w
}

// Start serves the workspace on a free port of 127.0.0.1.
func (w *Workspace) Start() error { return w.StartAt("127.0.0.1:0") }

// StartAt serves the workspace on an address of the caller's choice.
func (w *Workspace) StartAt(addr string) error {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("fakeslack: listen: %w", err)
	}
	quiet := &listener{Listener: ln, lines: map[*line]struct{}{}}
	srv := &http.Server{Handler: w, ReadHeaderTimeout: 10 * time.Second, TLSConfig: w.opt.TLS}
	w.mu.Lock()
	if w.server != nil || w.closed {
		w.mu.Unlock()
		ln.Close()
		return errors.New("fakeslack: already started or closed")
	}
	w.server, w.listener = srv, quiet
	w.baseURL = "http://" + ln.Addr().String()
	serve := func() { _ = srv.Serve(quiet) }
	if w.opt.TLS != nil {
		w.baseURL = "https://" + ln.Addr().String()
		serve = func() { _ = srv.ServeTLS(quiet, "", "") }
	}
	w.mu.Unlock()
	w.wg.Go(serve)
	return nil
}

// Close drops every connection, ends all waiting and stops serving.
func (w *Workspace) Close() {
	w.mu.Lock()
	w.closed = true
	srv, conns := w.server, append([]*conn(nil), w.conns...)
	w.mu.Unlock()
	w.stop()
	for _, c := range conns {
		c.abort()
	}
	if srv != nil {
		_ = srv.Close()
	}
	w.wg.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	for x := range w.watchers {
		x.close()
		delete(w.watchers, x)
	}
}

// URL is the base address without a trailing slash; empty before Start, unless
// Options.BaseURL was given.
func (w *Workspace) URL() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.baseURL
}

// APIURL is what SLACK_API_URL takes. It ends in a slash, which slack-go needs.
func (w *Workspace) APIURL() string { return w.URL() + "/api/" }

// BotToken is the token that the Web API takes.
func (w *Workspace) BotToken() string { return w.opt.BotToken }

// AppToken is the token that apps.connections.open takes.
func (w *Workspace) AppToken() string { return w.opt.AppToken }

// BotUserID is the user id of the bot.
func (w *Workspace) BotUserID() string { return w.opt.BotUserID }

// TeamID is the id of the workspace.
func (w *Workspace) TeamID() string { return w.opt.TeamID }

// ServeHTTP serves /api/METHOD, /response/… and /socket.
func (w *Workspace) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	switch {
	case strings.HasPrefix(r.URL.Path, "/api/"):
		w.serveAPI(rw, r)
	case strings.HasPrefix(r.URL.Path, "/response/"):
		w.serveResponseURL(rw, r)
	case r.URL.Path == "/socket":
		w.serveSocket(rw, r)
	default:
		http.NotFound(rw, r)
	}
}

const idAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// newID makes an id that looks like Slack's and never repeats. Needs mu.
func (w *Workspace) newID(prefix string) string {
	w.serial++
	var b strings.Builder
	b.WriteString(prefix)
	for range 6 {
		b.WriteByte(idAlphabet[w.rnd.IntN(len(idAlphabet))])
	}
	fmt.Fprintf(&b, "%04d", w.serial)
	return b.String()
}

// newSecret makes a token of lower-case hex. Needs mu.
func (w *Workspace) newSecret() string {
	w.serial++
	return fmt.Sprintf("%016x%08x", w.rnd.Uint64(), w.serial)
}

// newTS makes a message time stamp, unique and increasing. Needs mu.
func (w *Workspace) newTS() string {
	w.lastTS = max(w.lastTS+1, time.Now().UnixMicro())
	return fmt.Sprintf("%d.%06d", w.lastTS/1e6, w.lastTS%1e6)
}
