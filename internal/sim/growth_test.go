package sim

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/store/bolt"
)

// An installation that is larger than any that is known.
const (
	manyAccounts  = 100
	manyLeases    = 2000 // open, over all accounts
	manyInstances = 5000 // in each account
	manyPeople    = 2000 // in each group
)

// grown is what AWS and Slack say about it, from memory.
type grown struct {
	sshforward.Cloud
	sshforward.Slack
	leases map[string][]*sshforward.Lease // by account
	people []string
}

func instanceOf(account, n int) sshforward.Instance {
	return sshforward.Instance{
		Account: accountName(account), Region: "ap-northeast-1",
		ID: fmt.Sprintf("i-%05x%04x%08x", account, n, n*7919), Name: fmt.Sprintf("web-%d-%d", account, n),
		Running: true, State: "running", PrivateIP: netip.AddrFrom4([4]byte{10, byte(account), byte(n >> 8), byte(n)}),
		Zone: "ap-northeast-1a", VPC: "vpc-1", Groups: []string{"sg-1"},
		Tags: map[string]string{"sshforward": "allow", "Name": fmt.Sprintf("web-%d-%d", account, n), "Team": "platform", "CostCenter": "4711"},
	}
}

func accountName(n int) string { return fmt.Sprintf("account-%03d", n) }

func (g *grown) Survey(_ context.Context, account string, _ []*sshforward.Lease) (sshforward.Survey, error) {
	s := sshforward.Survey{At: time.Now(), Instances: make(map[string]sshforward.Instance)}
	for _, l := range g.leases[account] {
		s.Instances[l.Instance.ID] = l.Instance
		s.Found = append(s.Found, sshforward.Found{Lease: l.Clone(), Balancer: true, Registered: true, Group: true, Rule: true,
			Ingress: l.Sources})
	}
	return s, nil
}

func (g *grown) List(_ context.Context, account string) (out []sshforward.Instance, _ error) {
	var n int
	if _, err := fmt.Sscanf(account, "account-%d", &n); err != nil {
		return nil, err
	}
	for i := range manyInstances {
		out = append(out, instanceOf(n, i))
	}
	return out, nil
}

func (g *grown) Members(context.Context, string) ([]string, error) { return g.people, nil }

func (g *grown) Person(context.Context, string) (sshforward.Person, error) {
	return sshforward.Person{}, nil
}

func (g *grown) Card(_ context.Context, l *sshforward.Lease) (string, string, error) {
	return l.Channel, "1.0", nil
}

func (g *grown) Notice(_ context.Context, l *sshforward.Lease, _ sshforward.Notice) (sshforward.Place, error) {
	return sshforward.Place{Channel: l.Channel, TS: "1.1"}, nil
}

func (g *grown) Announce(context.Context, sshforward.Text) error { return nil }

func (g *grown) Edit(context.Context, *sshforward.Lease, sshforward.Posted) error { return nil }

// BenchmarkGrowth measures a sweep of all accounts, the list of all instances,
// and one keystroke in the form, with the largest heap that each needs.
func BenchmarkGrowth(b *testing.B) {
	defer debug.SetGCPercent(debug.SetGCPercent(25)) // as serve does
	g := &grown{leases: make(map[string][]*sshforward.Lease)}
	for n := range manyPeople {
		g.people = append(g.people, fmt.Sprintf("U%08d", n))
	}
	store, err := bolt.Open(filepath.Join(b.TempDir(), "leases.db"), bolt.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer store.Close()
	accounts := make(map[string]sshforward.Account)
	for n := range manyAccounts {
		accounts[accountName(n)] = sshforward.Account{ListenerPort: 22}
		if err := store.SetRebuilt(b.Context(), accountName(n)); err != nil {
			b.Fatal(err)
		}
	}
	now := time.Now()
	for n := range manyLeases {
		in := instanceOf(n%manyAccounts, n)
		l := &sshforward.Lease{
			ID: sshforward.NewID(), State: sshforward.Open, Team: "T", Owner: g.people[n], Channel: "C0DEV",
			Terms: sshforward.Terms{
				Instance: in, ListenerPort: 22, TargetPort: 22, SSHUser: "ec2-user", Sources: source,
				Duration: 8 * time.Hour, Max: 24 * time.Hour, Rule: "any", Because: "a disk is full, and somebody has to look at it",
			},
			RequestedAt: now.Add(-time.Hour), ConfirmBy: now, ConfirmedAt: now.Add(-time.Hour), OpenBy: now,
			OpenedAt: now.Add(-time.Hour), ExpiresAt: now.Add(7 * time.Hour),
		}
		l.Resources = sshforward.Resources{GroupID: "sg-0", InstanceGroupID: "sg-1", InstanceRuleID: "sgr-1",
			DNSName: "x.elb.amazonaws.com", Until: l.ExpiresAt}
		l.NextTryAt, l.DueAt = now.Add(-time.Hour), l.ExpiresAt
		l.Card = sshforward.Card{Channel: "C0DEV", TS: "1.0", Shown: l.CardKey()}
		if err := store.Put(b.Context(), l); err != nil {
			b.Fatal(err)
		}
		g.leases[in.Account] = append(g.leases[in.Account], l)
	}
	keeper := sshforward.NewKeeper(sshforward.Options{
		Store: store, Cloud: g, Slack: g, Accounts: accounts, Timing: sshforward.DefaultTiming(), Logger: slog.New(slog.DiscardHandler),
		Policy: sshforward.Policy{Rules: []sshforward.Rule{{
			Name: "any", Tags: map[string]string{"sshforward": "allow"}, Max: 24 * time.Hour, Users: []string{"S0DEV"},
		}}},
	})
	defer keeper.Stop(b.Context())

	measure := func(name string, do func(ctx context.Context) error) {
		b.Run(name, func(b *testing.B) {
			var most atomic.Uint64
			stop := watchHeap(&most)
			for b.Loop() {
				if err := do(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
			stop()
			b.ReportMetric(float64(most.Load())/1e6, "MB-heap")
		})
	}
	measure("sweep", keeper.Sweep)
	measure("list", keeper.RefreshInstances)
	measure("keystroke", func(ctx context.Context) error {
		if n := len(keeper.Instances(ctx, sshforward.Caller{Team: "T", User: g.people[7]}, "web-42")); n == 0 {
			return fmt.Errorf("nothing is offered")
		}
		return nil
	})
}

// watchHeap notes the largest heap until it is stopped.
func watchHeap(most *atomic.Uint64) (stop func()) {
	runtime.GC()
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			most.Store(max(most.Load(), m.HeapAlloc))
			select {
			case <-end:
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	}()
	return func() { close(end); <-ended }
}
