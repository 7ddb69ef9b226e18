// Package playground runs the whole of sshforward on one machine, for
// newcomers, demos and browser tests: the unmodified bot as a process of its
// own, fakeslack as its workspace, fakeaws as its cloud, and a data path that
// makes the cloud's load balancers carry real TCP connections to real SSH
// servers.
//
// Everything is on loopback. Load balancers listen on addresses of their own
// (see addresses), as long as they have an instance in service and no longer;
// the SSH servers have no socket at all. The state is in one directory.
//
// # Speed
//
// The bot is the real one and goes by the system's clock, so time cannot be
// made faster for it. Speed makes everything shorter instead: at speed 60 the
// configuration that the playground writes says 1m where it would have said 1h
// (lengths of leases, reminders, time to approve), and so do the durations in a
// script. What is typed on the page is taken as typed, and times on cards are
// real ones. How long the cloud takes, and how long a person may take to
// confirm, does not change. Nothing gets shorter than one second.
//
// The cloud takes about as long for one thing in proportion to another as AWS
// does (pace), so that a person sees a way in come to be, part by part. A script
// and a test do not look, and have it Fast.
package playground

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/bot/fakeslack"
	"github.com/sshforward/sshforward/cmd/sshforward/playground/web"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

// DefaultListen is where the page is if nothing else is said.
const DefaultListen = "127.0.0.1:8022"

// Files in the directory.
const (
	configFile     = "sshforward.yaml"
	storeFile      = "leases.db"
	logFile        = "bot.log"
	seedFile       = "seed"
	knownHostsFile = "known_hosts"
	keysDir        = "keys"
)

// hint is what to type first: no longer than half of what a lease may last at this
// speed, so that it can be extended by as much.
func (p *Playground) hint() string {
	lasts := min(5*time.Minute, scaled(leaseMax, 2*p.opts.Speed))
	return "/sshforward open web-1 " + sshforward.FormatDuration(lasts) + " because I want to see it"
}

// readyWithin is how long the bot may take to connect.
const readyWithin = 30 * time.Second

// Options says how a playground is set up.
type Options struct {
	// Dir is where the state goes, and stays: the bot's configuration, store
	// and log, and the host keys. A new temporary directory, removed at the
	// end, if empty. The workspace and the cloud are not kept: a store of an
	// earlier run is moved aside, since it speaks of a cloud that is no more.
	Dir string
	// Listen is the page's address, which must be on loopback; DefaultListen
	// if empty.
	Listen string
	// Speed divides durations, see the package comment; 1 if zero.
	Speed float64
	// Fast lets the cloud answer at once; see pace.
	Fast bool
	// Language is what the bot speaks in channels, en or ja; en if empty. What
	// one person alone sees is in that person's own.
	Language string
	// Replicas is how many bots share the work, on one table; one, with a file, if
	// zero. At most MaxReplicas.
	Replicas int
	// Binary is the program whose serve command is the bot; this one if empty.
	Binary string
	Logger *slog.Logger // discards if nil
}

// Playground is a running one. It is the page's web.Stage and web.Tour.
type Playground struct {
	opts      Options
	dir       string
	log       *slog.Logger
	workspace *fakeslack.Workspace
	cloud     *fakeaws.Cloud
	fieldNote fakeaws.FieldNote
	addrs     *addresses
	health    *health
	forward   *forwarder
	bots      []*botProcess
	table     *table // nil: there is one bot, and it has a file
	record    *record
	chronicle *chronicle
	repairs   repairs
	inService map[string]bool // what was at the last look; the forwarder's
	tour      tour
	url       string
	changed   chan struct{}
	undo      []func() // what Close does, last first

	acts      sync.Mutex // one Trouble at a time
	mu        sync.Mutex
	throttled bool
}

// Start sets everything up and returns when the bot is connected. Close ends
// it.
func Start(ctx context.Context, o Options) (*Playground, error) {
	if o.Speed == 0 {
		o.Speed = 1
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Speed < 1 || o.Speed > 3600 {
		return nil, fmt.Errorf("a speed of %g is not from 1 to 3600", o.Speed)
	}
	if o.Replicas == 0 {
		o.Replicas = 1
	}
	if o.Replicas < 1 || o.Replicas > MaxReplicas {
		return nil, fmt.Errorf("%d replicas are not from 1 to %d", o.Replicas, MaxReplicas)
	}
	p := &Playground{opts: o, log: o.Logger, changed: make(chan struct{}, 1), health: &health{}}
	p.chronicle = &chronicle{name: p.nameOf, changed: p.note}
	p.record = &record{changed: p.note, heard: p.chronicle.recorded}
	if err := p.start(ctx); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

func (p *Playground) start(ctx context.Context) error {
	page, err := listenLoopback(p.opts.Listen)
	if err != nil {
		return err
	}
	p.undo = append(p.undo, func() { _ = page.Close() })
	p.url = "http://" + page.Addr().String() + "/"
	if err := p.makeDir(); err != nil {
		return err
	}
	if p.addrs, err = newAddresses(page.Addr().(*net.TCPAddr).Port); err != nil {
		return err
	}
	p.workspace = newWorkspace()
	if err := p.workspace.Start(); err != nil {
		return err
	}
	p.undo = append(p.undo, p.workspace.Close)
	awsURL, err := p.startCloud()
	if err != nil {
		return err
	}
	if p.opts.Replicas > 1 {
		if err := p.startTable(); err != nil {
			return err
		}
	}
	if err := p.startBots(ctx, awsURL); err != nil {
		return err
	}
	p.serve(page, web.Handler(web.Options{
		Workspace: p.workspace, Cloud: p.cloud, Note: p.fieldNote, Stage: p, Tour: p, Logger: p.log,
	}))
	return nil
}

// listenLoopback takes the page's address, and refuses one that others could
// reach: on the page anybody is anybody.
func listenLoopback(addr string) (net.Listener, error) {
	if addr == "" {
		addr = DefaultListen
	}
	name, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("listen on %q: want an address and a port, such as %s", addr, DefaultListen)
	}
	if name == "localhost" {
		name = "127.0.0.1"
	}
	if at := net.ParseIP(name); at == nil || !at.IsLoopback() {
		return nil, fmt.Errorf("listen on %q: the playground is for this machine alone; give a loopback address such as %s", addr, DefaultListen)
	}
	l, err := net.Listen("tcp", net.JoinHostPort(name, port))
	if err != nil {
		return nil, fmt.Errorf("%w (--listen 127.0.0.1:0 takes any free port)", err)
	}
	return l, nil
}

func (p *Playground) makeDir() (err error) {
	if p.dir = p.opts.Dir; p.dir == "" {
		if p.dir, err = os.MkdirTemp("", "sshforward-playground-"); err != nil {
			return err
		}
		p.undo = append(p.undo, func() { _ = os.RemoveAll(p.dir) })
	}
	if p.dir, err = filepath.Abs(p.dir); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(p.dir, keysDir), 0o700); err != nil {
		return err
	}
	store := filepath.Join(p.dir, storeFile)
	if _, err := os.Stat(store); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	// Not from under the bot of another playground, which has it locked.
	db, err := bbolt.Open(store, 0o600, &bbolt.Options{Timeout: 100 * time.Millisecond})
	if errors.Is(err, berrors.ErrTimeout) {
		return fmt.Errorf("%s is in use: another playground runs there", p.dir)
	}
	if err == nil { // a damaged one is moved aside like any other
		_ = db.Close()
	}
	return os.Rename(store, store+".previous")
}

// seed makes the ids of instances, by which a client's known_hosts remembers
// them (HostKeyAlias on the card), last exactly as long as their host keys.
func (p *Playground) seed() (uint64, error) {
	file := filepath.Join(p.dir, seedFile)
	text, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		seed := rand.Uint64()
		return seed, os.WriteFile(file, strconv.AppendUint(nil, seed, 10), 0o600)
	}
	if err != nil {
		return 0, err
	}
	return strconv.ParseUint(string(bytes.TrimSpace(text)), 10, 64)
}

// startCloud builds the field note's network, its hosts and the data path, and
// serves the APIs.
func (p *Playground) startCloud() (url string, err error) {
	seed, err := p.seed()
	if err != nil {
		return "", err
	}
	o := pace(p.opts.Fast)
	o.Seed, o.DNSName, o.Listening = seed, p.addrs.name, p.health.listening
	if n := p.addrs.few(); n > 0 {
		o.LoadBalancerLimit = 1 + n // somebody else's, and those that there are addresses for
		missing := p.addrs.want[len(p.addrs.all)%len(p.addrs.want)]
		p.log.Warn("this machine has few loopback addresses, so few leases can be open at a time; on macOS, add one with: "+
			"sudo ifconfig lo0 alias "+missing.String(), "leases", n)
	}
	p.cloud = fakeaws.New(o)
	region := p.cloud.Home()
	p.fieldNote = region.FieldNote()
	hosts := make(map[string]*host)
	var known strings.Builder
	for _, i := range region.Instances() {
		h, err := newHost(filepath.Join(p.dir, keysDir), i)
		if err != nil {
			return "", err
		}
		hosts[i.ID] = h
		region.SetConsole(i.ID, h.console())
		fmt.Fprintf(&known, "%s %s\n", h.id, h.publicKey())
	}
	if err := os.WriteFile(filepath.Join(p.dir, knownHostsFile), []byte(known.String()), 0o600); err != nil {
		return "", err
	}

	p.forward = newForwarder(p.cloud, p.addrs, hosts, p.log)
	p.forward.changed, p.forward.seen, p.forward.traffic.tell = p.note, p.look, p.chronicle.add
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); p.forward.run(ctx) }()
	p.undo = append(p.undo, func() { cancel(); <-done })

	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	p.serve(l, p.cloud)
	return "http://" + l.Addr().String(), nil
}

// serve serves until Close.
func (p *Playground) serve(l net.Listener, h http.Handler) {
	ctx, cancel := context.WithCancel(context.Background())
	s := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, BaseContext: func(net.Listener) context.Context { return ctx }}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			p.log.Error("serve", "address", l.Addr(), "err", err)
		}
	}()
	p.undo = append(p.undo, func() { cancel(); _ = s.Close(); <-done })
}

// startBots writes the configuration and starts the bot, or several, and waits
// until all are connected.
func (p *Playground) startBots(ctx context.Context, awsURL string) error {
	binary := p.opts.Binary
	if binary == "" {
		var err error
		if binary, err = os.Executable(); err != nil {
			return err
		}
	}
	file := filepath.Join(p.dir, configFile)
	if err := os.WriteFile(file, []byte(config(p.storeConfig(), p.addrs.port, p.opts.Speed, p.opts.Language)), 0o600); err != nil {
		return err
	}
	log, err := os.OpenFile(filepath.Join(p.dir, logFile), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	p.undo = append(p.undo, func() { _ = log.Close() })
	for n := range p.opts.Replicas {
		b := &botProcess{
			binary: binary, args: []string{"serve", "--config", file}, log: log, changed: p.note, record: p.record.of,
			env: botEnv(p.workspace.APIURL(), p.workspace.BotToken(), p.workspace.AppToken(), awsURL, accessKey(n+1)),
		}
		if p.table != nil {
			b.env = append(b.env, "AWS_ENDPOINT_URL_DYNAMODB="+p.table.url)
		}
		p.bots = append(p.bots, b)
		if err := b.start(); err != nil {
			return err
		}
	}
	p.undo = append(p.undo, func() { p.eachBot((*botProcess).stop) })
	p.chronicle.add(time.Now(), ofBot, "The bot starts, on an empty cloud")
	return p.connected(ctx)
}

// storeConfig says in the configuration where leases are kept.
func (p *Playground) storeConfig() string {
	if p.table != nil {
		return fmt.Sprintf("{dynamodb: {table: %s, create: true}}", tableName)
	}
	return fmt.Sprintf("{bolt: %q}", filepath.Join(p.dir, storeFile))
}

// eachBot does something to all bots, at the same time.
func (p *Playground) eachBot(do func(*botProcess)) {
	var all sync.WaitGroup
	for _, b := range p.bots {
		all.Go(func() { do(b) })
	}
	all.Wait()
}

// connected waits until the bot is connected to Slack; of several, until each that
// runs has both its connections. One that is paused may have lost them.
func (p *Playground) connected(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, readyWithin, errors.New("it did not connect in time"))
	defer cancel()
	exited := errors.New("it has exited")
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	want := 0
	for _, b := range p.bots {
		if b.pid() == 0 || b.isPaused() {
			continue
		}
		want += 2
		gone := b.gone()
		go func() {
			select {
			case <-gone:
				fail(exited)
			case <-ctx.Done():
			}
		}()
	}
	if len(p.bots) == 1 && want > 0 {
		want = 1 // the second comes four seconds later
	}
	err := p.workspace.Wait(ctx, func(s *fakeslack.Snapshot) bool { return len(s.Connections()) >= want })
	if err != nil {
		return fmt.Errorf("start the bot: %w\n%s", context.Cause(ctx), p.lastOfLog())
	}
	return nil
}

// lastOfLog is how the bot's log ends.
func (p *Playground) lastOfLog() string {
	f, err := os.Open(filepath.Join(p.dir, logFile))
	if err != nil {
		return ""
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Size() > 2000 {
		_, _ = f.Seek(-2000, io.SeekEnd)
	}
	text, _ := io.ReadAll(f)
	return strings.TrimSpace(string(text))
}

// URL is the address of the page.
func (p *Playground) URL() string { return p.url }

// Dir is where the state is.
func (p *Playground) Dir() string { return p.dir }

// Workspace is the Slack of this playground.
func (p *Playground) Workspace() *fakeslack.Workspace { return p.workspace }

// Cloud is the AWS of this playground.
func (p *Playground) Cloud() *fakeaws.Cloud { return p.cloud }

// Close ends the bot, cuts all sessions and removes what is temporary.
func (p *Playground) Close() {
	for len(p.undo) > 0 {
		last := len(p.undo) - 1
		undo := p.undo[last]
		p.undo = p.undo[:last]
		undo()
	}
}
