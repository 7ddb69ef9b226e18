package bot

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/bot/fakeslack"
	"github.com/sshforward/sshforward/internal/testenv"
)

// office is a workspace with people and every kind of channel.
func office(t testing.TB, o fakeslack.Options) *fakeslack.Workspace {
	t.Helper()
	w := fakeslack.New(o)
	w.AddUser(fakeslack.User{ID: "U1", Name: "ann"})
	w.AddUser(fakeslack.User{ID: "U2", Name: "bob"})
	w.AddUser(fakeslack.User{ID: "U9", Name: "eve", TeamID: "T9OTHER"})
	everyone := []string{"U1", "U2", "U9"}
	w.AddChannel(fakeslack.Channel{ID: "C1", Name: "ops", Members: everyone, BotMember: true})
	w.AddChannel(fakeslack.Channel{ID: "C2", Name: "notices", Members: everyone, BotMember: true})
	w.AddChannel(fakeslack.Channel{ID: "G1", Name: "secret", Private: true, Members: []string{"U1", "U2"}})
	w.AddChannel(fakeslack.Channel{ID: "C3", Name: "past", Archived: true, Members: everyone, BotMember: true})
	w.AddUserGroup(fakeslack.UserGroup{ID: "S1", Handle: "sre", Users: []string{"U1"}})
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	return w
}

// atOnce is how long an answer may take that waits for nobody: most of the three
// seconds that Slack gives it, since the machine may be slow.
const atOnce = 2500 * time.Millisecond

// asked is one command the keeper was given.
type asked struct {
	caller sshforward.Caller
	cmd    operation
}

// keeper does what a test says, and remembers what it was asked.
type keeper struct {
	elsewhere bool // another replica answers

	do       func(context.Context, sshforward.Caller, operation) (sshforward.Reply, error)
	overview func(sshforward.Caller) sshforward.Overview

	mu        sync.Mutex
	envelopes []string // in which they came
	asked     []asked
}

func (k *keeper) Do(ctx context.Context, c sshforward.Caller, cmd sshforward.Command) (sshforward.Reply, error) {
	return k.hear(ctx, c, cmd)
}

func (k *keeper) List(ctx context.Context, c sshforward.Caller, all bool) ([]*sshforward.Lease, error) {
	r, err := k.hear(ctx, c, listLeases{all})
	return r.Leases, err
}

func (k *keeper) Show(ctx context.Context, c sshforward.Caller, id string) (*sshforward.Lease, error) {
	r, err := k.hear(ctx, c, showLease{id})
	return r.Lease, err
}

func (k *keeper) Help(ctx context.Context, c sshforward.Caller, id string) (sshforward.Help, error) {
	r, err := k.hear(ctx, c, helpLease{id})
	return sshforward.Help{Lease: r.Lease}, err
}

func (k *keeper) Why(ctx context.Context, c sshforward.Caller, ref string) (sshforward.Why, error) {
	_, err := k.hear(ctx, c, showWhy{ref})
	return sshforward.Why{}, err
}

func (k *keeper) Source(ctx context.Context, c sshforward.Caller) ([]netip.Prefix, error) {
	r, err := k.hear(ctx, c, showSource{})
	return r.Sources, err
}

func (k *keeper) Again(ctx context.Context, c sshforward.Caller, id string) (sshforward.Request, error) {
	r, err := k.hear(ctx, c, askAgain{ID: id})
	return requestOf(r.Lease), err
}

func (k *keeper) LastRequest(ctx context.Context, c sshforward.Caller, n int) (sshforward.Request, error) {
	r, err := k.hear(ctx, c, askAgain{Nth: n})
	return requestOf(r.Lease), err
}

func requestOf(l *sshforward.Lease) (r sshforward.Request) {
	if l != nil {
		r = sshforward.Request{Instance: l.Instance, Open: sshforward.OpenLease{Instance: l.Instance.ID, Duration: l.Duration,
			Sources: l.Sources, Because: l.Because}}
	}
	return r
}

func (k *keeper) Amend(_ context.Context, _ sshforward.Caller, cmd sshforward.OpenLease) sshforward.OpenLease {
	return cmd
}

func (k *keeper) Instances(ctx context.Context, c sshforward.Caller, query string) (out []sshforward.Offer) {
	r, _ := k.hear(ctx, c, listInstances{query})
	for _, in := range r.Instances {
		out = append(out, sshforward.Offer{Instance: in})
	}
	return out
}

func (k *keeper) History(ctx context.Context, c sshforward.Caller) (sshforward.History, error) {
	_, err := k.hear(ctx, c, showHistory{})
	return sshforward.History{}, err
}

func (k *keeper) Overview(ctx context.Context, c sshforward.Caller) (sshforward.Overview, error) {
	r, err := k.hear(ctx, c, showOverview{})
	if err != nil || k.overview == nil {
		return sshforward.Overview{Leases: r.Leases}, err
	}
	return k.overview(c), nil
}

func (k *keeper) Answers(context.Context, sshforward.Caller) bool { return !k.elsewhere }

func (k *keeper) hear(ctx context.Context, c sshforward.Caller, cmd operation) (sshforward.Reply, error) {
	k.mu.Lock()
	k.envelopes = append(k.envelopes, c.Envelope)
	heard := c
	heard.Envelope = "" // another one each time
	k.asked = append(k.asked, asked{heard, cmd})
	k.mu.Unlock()
	if k.do == nil {
		return sshforward.Reply{}, nil
	}
	return k.do(ctx, c, cmd)
}

func (k *keeper) heard() []asked {
	k.mu.Lock()
	defer k.mu.Unlock()
	return append([]asked(nil), k.asked...)
}

// understood is what it was asked but for payloads that no command could be
// made of.
func (k *keeper) understood() []asked {
	return slices.DeleteFunc(k.heard(), func(a asked) bool { _, ok := a.cmd.(sshforward.Unknown); return ok })
}

// answers is a keeper that always says the same.
func answers(r sshforward.Reply, err error) *keeper {
	return &keeper{do: func(context.Context, sshforward.Caller, operation) (sshforward.Reply, error) { return r, err }}
}

// life is a bot under test.
type life struct {
	*Bot
	w    *fakeslack.Workspace
	log  *testenv.Buffer
	stop context.CancelFunc
	done chan struct{}
	err  error // of Run, once done is closed
}

// Member reports whether a user is in a group, as the Homes ask.
func (x *life) Member(ctx context.Context, user, group string) (bool, error) {
	return x.groups.member(ctx, user, group)
}

func options(w *fakeslack.Workspace, log *testenv.Buffer) Options {
	return Options{Token: w.BotToken(), AppToken: w.AppToken(), APIURL: w.APIURL(), Channel: "C2",
		stagger: time.Millisecond,
		Logger:  slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
}

// live starts a bot and waits until both its connections are up.
func live(t testing.TB, w *fakeslack.Workspace, k Keeper, change ...func(*Options)) *life {
	t.Helper()
	x := begin(t, w, k, change...)
	waitFor(t, w, func(s *fakeslack.Snapshot) bool { return len(s.Connections()) == connections })
	eventually(t, "connected", func() bool { return x.links[0].up.Load() && x.links[1].up.Load() })
	return x
}

func begin(t testing.TB, w *fakeslack.Workspace, k Keeper, change ...func(*Options)) *life {
	t.Helper()
	log := new(testenv.Buffer)
	o := options(w, log)
	for _, f := range change {
		f(&o)
	}
	ctx, cancel := context.WithCancel(context.Background())
	x := &life{Bot: New(o), w: w, log: log, stop: cancel, done: make(chan struct{})}
	go func() { x.err = x.Run(ctx, k); close(x.done) }()
	t.Cleanup(func() {
		cancel()
		<-x.done
		if t.Failed() {
			t.Log(log.String())
		}
		for _, secret := range []string{w.BotToken(), w.AppToken(), "/response/", "ticket="} {
			if strings.Contains(log.String(), secret) {
				t.Errorf("the log contains %q", secret)
			}
		}
	})
	return x
}

func waitFor(t testing.TB, w *fakeslack.Workspace, done func(*fakeslack.Snapshot) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := w.Wait(ctx, done); err != nil {
		t.Fatalf("waiting: %v", err)
	}
}

func eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(15 * time.Second); !done(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

// types types a command and expects it to be acknowledged.
func (x *life) types(t testing.TB, user, channel, text string) fakeslack.Result {
	t.Helper()
	res, err := x.w.Slash(context.Background(), user, channel, text)
	if err != nil {
		t.Fatal(err)
	}
	if res.Error != "" {
		t.Errorf("%q: the person is shown %s %v", text, res.Error, res.Detail)
	}
	return res
}

// presses presses a button and expects it to be acknowledged.
func (x *life) presses(t testing.TB, user, ts, action string, value ...string) fakeslack.Result {
	t.Helper()
	res, err := x.w.Click(context.Background(), user, ts, action, value...)
	if err != nil {
		t.Fatal(err)
	}
	if res.Error != "" {
		t.Errorf("%s: the person is shown %s", action, res.Error)
	}
	return res
}

// told waits for an ephemeral message with a text in it.
func (x *life) told(t testing.TB, user, channel, text string) fakeslack.Message {
	t.Helper()
	var found fakeslack.Message
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	err := x.w.Wait(ctx, func(s *fakeslack.Snapshot) bool {
		for _, m := range s.Ephemerals(user, channel) {
			if strings.Contains(m.Visible(), text) {
				found = m
				return true
			}
		}
		return false
	})
	if err != nil {
		var all []string
		for _, m := range x.w.Ephemerals(user, "") {
			all = append(all, m.Visible())
		}
		t.Fatalf("%s was never told %q, only %q", user, text, all)
	}
	return found
}

var (
	noon      = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	instance1 = sshforward.Instance{
		Account: "main", Region: "us-east-1", ID: "i-0abc1234def567890", Name: "web-1", Running: true, State: "running",
		PrivateIP: netip.MustParseAddr("10.0.1.5"), Zone: "us-east-1a", VPC: "vpc-1",
	}
)

// lease is one in the given state, with all that a real one would have then.
func lease(s sshforward.State) *sshforward.Lease {
	l := &sshforward.Lease{
		ID: "k7m2q3x", State: s, Team: "T0FAKE", Owner: "U1", Channel: "C1",
		Terms: sshforward.Terms{
			Instance:     instance1,
			ListenerPort: 22, TargetPort: 22, SSHUser: "ec2-user",
			Sources:  []netip.Prefix{netip.MustParsePrefix("203.0.113.7/32")},
			Duration: 2 * time.Hour, Because: "disk is full", Rule: "development", Max: 8 * time.Hour,
		},
		RequestedAt: noon, ConfirmBy: noon.Add(10 * time.Minute),
	}
	at := func(x sshforward.State) bool {
		for _, y := range sshforward.States {
			if y == x {
				return true
			}
			if y == s {
				return false
			}
		}
		return false
	}
	if at(sshforward.Opening) {
		l.ConfirmedAt, l.OpenBy, l.Stage = noon.Add(time.Minute), noon.Add(11*time.Minute), sshforward.StageService
		l.Detail = sshforward.Textf("The load balancer says: %s.", "Instance registration is still in progress")
	}
	if at(sshforward.Open) {
		l.OpenedAt, l.ExpiresAt, l.Detail = noon.Add(3*time.Minute), noon.Add(123*time.Minute), sshforward.Text{}
		l.Resources.DNSName = "sshforward-prod-k7m2q3x-123.us-east-1.elb.amazonaws.com"
	}
	if at(sshforward.Closing) {
		l.Reason, l.ClosingAt = sshforward.Expired, l.ExpiresAt
	}
	if at(sshforward.Closed) {
		l.AccessEndedAt, l.ClosedAt = l.ExpiresAt.Add(4*time.Second), l.ExpiresAt.Add(3*time.Minute)
	}
	if s == sshforward.Pending {
		l.Approvers, l.Approvals, l.ConfirmedAt, l.ApproveBy = []string{"S1", "U2"}, 2, noon.Add(time.Minute), noon.Add(8*time.Hour)
		l.Approved = []sshforward.Approval{{User: "U2", At: noon.Add(2 * time.Minute)}}
	}
	return l
}

// about is an outcome that has one lease.
func about(l *sshforward.Lease) outcome { return outcome{reply: sshforward.Reply{Lease: l}} }

// generic is a value as its JSON has it.
func generic(v any) (out any) {
	b, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(b, &out)
	}
	if err != nil {
		panic(err)
	}
	return out
}
