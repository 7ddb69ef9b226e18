package provisioner_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/provisioner"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

func TestName(t *testing.T) {
	for _, test := range []struct {
		wait, dns time.Duration
		took      time.Duration
		detail    string
	}{
		{wait: 0, dns: time.Hour, took: 0},
		{wait: time.Minute, dns: 0, took: 0},
		{wait: 2 * time.Minute, dns: 30 * time.Second, took: 30 * time.Second},
		{wait: time.Minute, dns: time.Hour, took: time.Minute, detail: "another moment"},
	} {
		o := worldOptions{
			accounts: []provisioner.Account{{Name: "main", Region: "ap-northeast-1", WaitDNS: test.wait}},
			fake:     fakeaws.Options{DNSDelay: test.dns},
		}
		inFakeNamed(t, fmt.Sprintf("wait %v for %v", test.wait, test.dns), o, func(w *world) {
			w.cloud.Deny("ec2:DescribeNetworkInterfaces") // else nobody waits
			l := w.lease("web-1")
			w.upTo(l, sshforward.StageName)
			if err := w.do(l); err != nil {
				w.Fatal(err)
			}
			if took := time.Since(l.StageSince); took < test.took || took > test.took+lookups {
				w.Errorf("took %v, want %v", took, test.took)
			}
			if !strings.Contains(l.Detail.String(), test.detail) || test.detail == "" && !l.Detail.IsZero() {
				w.Errorf("detail %q", l.Detail)
			}
		})
	}
}

// A name that does not resolve in time is no reason to give up an opening that
// is as good as done: the clock has to start before OpenBy.
func TestNameBeforeOpenBy(t *testing.T) {
	for _, opening := range []time.Duration{4 * time.Second, 10 * time.Second, 31 * time.Second, 95 * time.Second} {
		for _, hangs := range []bool{false, true} {
			o := worldOptions{
				accounts: []provisioner.Account{{Name: "main", Region: "ap-northeast-1", WaitDNS: 2 * time.Minute}},
				fake:     fakeaws.Options{DNSDelay: time.Hour},
			}
			if hangs {
				o.lookup = func(ctx context.Context, _ string) ([]string, error) { <-ctx.Done(); return nil, ctx.Err() }
			}
			inFakeNamed(t, fmt.Sprintf("%v hangs=%t", opening, hangs), o, func(w *world) {
				w.cloud.Deny("ec2:DescribeNetworkInterfaces")
				l := w.lease("web-1")
				w.upTo(l, sshforward.StageName)
				l.OpenBy = time.Now().Add(opening)
				if err := w.do(l); err != nil {
					w.Fatal(err)
				}
				if left := time.Until(l.OpenBy); left < min(opening/2, 10*time.Second) || left > unresolved+time.Second && left < opening {
					w.Errorf("%v left", left)
				}
				if !strings.Contains(l.Detail.String(), "another moment") {
					w.Errorf("detail %q", l.Detail)
				}
			})
		}
	}
}

// What was built ahead has waited for its name before the last yes, and does not
// have people wait for it once more.
func TestNameAfterTheLastYes(t *testing.T) {
	o := worldOptions{
		accounts: []provisioner.Account{{Name: "main", Region: "ap-northeast-1", WaitDNS: 2 * time.Minute}},
		fake:     fakeaws.Options{DNSDelay: 24 * time.Hour},
	}
	inFake(t, o, func(w *world) {
		w.cloud.Deny("ec2:DescribeNetworkInterfaces")
		l := w.lease("web-1")
		w.upTo(l, sshforward.StageName)
		l.Prepared.Since, l.Prepared.ReadyAt = time.Now().Add(-time.Hour), time.Now().Add(-time.Minute)
		if err := w.do(l); err != nil {
			w.Fatal(err)
		}
		if took := time.Since(l.StageSince); took > 3*time.Second || !strings.Contains(l.Detail.String(), "another moment") {
			w.Errorf("took %v and says %q", took, l.Detail)
		}
	})
}

// ssh by address needs no name: nobody waits for one that does not resolve.
func TestAddressUntilTheNameResolves(t *testing.T) {
	o := worldOptions{
		accounts: []provisioner.Account{{Name: "main", Region: "ap-northeast-1", WaitDNS: 2 * time.Minute}},
		fake:     fakeaws.Options{DNSDelay: time.Minute, InterfaceDelay: 2 * time.Second},
	}
	for _, wait := range []time.Duration{0, 2 * time.Minute} {
		o.accounts[0].WaitDNS = wait
		inFakeNamed(t, fmt.Sprint("wait_dns ", wait), o, func(w *world) {
			l := w.lease("web-1")
			w.upTo(l, sshforward.StageName)
			time.Sleep(2 * time.Second)
			l.StageSince = time.Now()
			if err := w.do(l); err != nil {
				w.Fatal(err)
			}
			if took := time.Since(l.StageSince); took > 0 || !l.Detail.IsZero() {
				w.Errorf("took %v and says %q", took, l.Detail)
			}
			public := ""
			for _, ni := range w.cloud.Home().Interfaces() {
				if ni.LoadBalancer == sshforward.Name(deployment, l.ID) {
					public = ni.PublicIP
				}
			}
			if got := l.ByAddress(); got != public {
				w.Errorf("address %s, want %s", got, public)
			}
			if w.p.Resolves(w.ctx, l) {
				w.Error("it resolves already")
			}
			time.Sleep(3 * time.Minute) // that it did not is remembered for a while
			if !w.p.Resolves(w.ctx, l) {
				w.Error("it does not resolve")
			}
		})
	}
	o.accounts[0].WaitDNS, o.fake.DNSDelay = 0, 0
	inFakeNamed(t, "it resolves", o, func(w *world) {
		l := w.lease("web-1")
		w.upTo(l, sshforward.StageName)
		time.Sleep(2 * time.Second)
		if err := w.do(l); err != nil {
			w.Fatal(err)
		}
		if l.ByAddress() != "" || !l.Resources.Resolved {
			w.Errorf("resources %+v", l.Resources)
		}
	})
}
