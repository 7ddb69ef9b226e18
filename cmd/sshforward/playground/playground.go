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
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/bot/fakeslack"
	"github.com/sshforward/sshforward/cmd/sshforward/playground/web"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

// DefaultListen is where the page is if nothing else is said.
const DefaultListen = "127.0.0.1:8022"

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

// hint is what to type first: no longer than half of what a lease may last at this
// speed, so that it can be extended by as much.
func (p *Playground) hint() string {
	lasts := min(5*time.Minute, scaled(leaseMax, 2*p.opts.Speed))
	return "/sshforward open web-1 " + sshforward.FormatDuration(lasts) + " because I want to see it"
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
