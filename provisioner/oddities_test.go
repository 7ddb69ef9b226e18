package provisioner_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

// Whatever call of ELB's fails in a way that passes, an opening and a close go on,
// and people hear of no error.
func TestPassingFailuresOfELB(t *testing.T) {
	for _, code := range []string{"HttpFailureException", "DependencyThrottle"} {
		inFakeNamed(t, code, worldOptions{}, func(w *world) {
			before := w.foreign()
			var mu sync.Mutex
			seen := map[string]bool{}
			w.cloud.SetFault(func(c fakeaws.Call) fakeaws.Fault {
				mu.Lock()
				defer mu.Unlock()
				if c.Service != "elasticloadbalancing" || seen[c.Operation] {
					return fakeaws.Fault{}
				}
				seen[c.Operation] = true
				return fakeaws.Fault{Code: code, Status: 400}
			})
			l := w.lease("web-1")
			w.open(l)
			w.startClosing(l)
			for range 20 {
				step, err := w.p.Close(w.ctx, l)
				if l.Resources = step.Resources; err != nil {
					w.Fatal(err)
				}
				if step.Wait == 0 {
					break
				}
				time.Sleep(step.Wait)
			}
			w.clean(before)
			for _, op := range []string{"CreateLoadBalancer", "ConfigureHealthCheck", "AddTags", "DeleteLoadBalancer"} {
				if !seen[op] {
					w.Errorf("%s was not called", op)
				}
			}
		})
	}
}

// ELB does not see a group that EC2 has made a moment ago; one that it never sees
// ends the opening after a minute.
func TestELBDoesNotSeeTheGroup(t *testing.T) {
	for _, sees := range []time.Duration{20 * time.Second, time.Hour} {
		inFakeNamed(t, sees.String(), worldOptions{}, func(w *world) {
			before := w.foreign()
			l := w.lease("web-1")
			w.upTo(l, sshforward.StageBalancer)
			began := time.Now()
			w.cloud.SetFault(func(c fakeaws.Call) fakeaws.Fault {
				if c.Operation == "CreateLoadBalancer" && time.Since(began) < sees {
					return fakeaws.Fault{Code: "InvalidSecurityGroup", Message: "One or more of the specified security groups do not exist.", Status: 400}
				}
				return fakeaws.Fault{}
			})
			err := w.do(l)
			switch took := time.Since(began); {
			case sees < time.Minute && err != nil:
				w.Errorf("after %s: %v", took, err)
			case sees > time.Minute && (!sshforward.Final(err) || took < time.Minute || took > 70*time.Second):
				w.Errorf("after %s: %v", took, err)
			}
			w.close(l)
			w.clean(before)
		})
	}
}

// In a default VPC, AWS's guide says, a load balancer may get a group of its own,
// open to all. Nothing is put behind it, and it goes again.
func TestGroupOfItsOwnInADefaultVPC(t *testing.T) {
	o := worldOptions{}
	o.fake.DefaultVPCGroup = true
	inFake(t, o, func(w *world) {
		w.cloud.Home().SetDefaultVPC(w.vpc, true)
		l := w.lease("web-1")
		w.upTo(l, sshforward.StageBalancer)
		var err error
		for _, s := range openStages[1:] {
			enter(l, s)
			if err = w.do(l); err != nil {
				break
			}
		}
		if !sshforward.Final(err) || !strings.Contains(sshforward.ErrorMessage(err).String(), "other groups") {
			w.Errorf("stage %s: %v", l.Stage, err)
		}
		if calls := w.calls.take(); slices.ContainsFunc(calls, func(c string) bool { return strings.Contains(c, "RegisterInstances") }) {
			w.Error("an instance was put behind it")
		}
		w.close(l)
		if left := w.leftovers(); len(left) > 0 {
			w.Errorf("left over: %q", left)
		}
	})
}

// A load balancer with two nodes, of which one may not have an address yet: the
// command has one that is there.
func TestAddressOfTwoNodes(t *testing.T) {
	o := worldOptions{fake: fakeaws.Options{DNSDelay: time.Hour}}
	inFake(t, o, func(w *world) {
		l := w.lease("web-1")
		w.upTo(l, sshforward.StageName)
		w.cloud.Home().AddNode(sshforward.Name(deployment, l.ID))
		if err := w.do(l); err != nil {
			w.Fatal(err)
		}
		var addresses []string
		for _, ni := range w.cloud.Home().Interfaces() {
			if ni.LoadBalancer == sshforward.Name(deployment, l.ID) {
				addresses = append(addresses, ni.PublicIP)
			}
		}
		if len(addresses) != 2 || !slices.Contains(addresses, l.ByAddress()) {
			w.Errorf("the command says %q, the nodes have %q", l.ByAddress(), addresses)
		}
	})
}

// Every answer takes longer than an attempt has at first: an opening takes long, but
// no call is begun anew for ever.
func TestOpenWhileAWSIsSlow(t *testing.T) {
	inFake(t, worldOptions{}, func(w *world) {
		before := w.foreign()
		l := w.lease("web-1")
		w.restart() // it has not met a slow AWS yet
		w.cloud.SetFault(fakeaws.Failing("*", fakeaws.Fault{Delay: 25 * time.Second}))
		for _, s := range openStages {
			enter(l, s)
			for tries := 0; ; tries++ {
				ctx, cancel := context.WithTimeout(w.ctx, time.Minute) // the keeper's
				step, err := w.p.Open(ctx, l)
				cancel()
				l.Resources = step.Resources
				if err == nil && step.Wait == 0 {
					break
				}
				if tries > 10 {
					w.Fatalf("%s: %+v, %v", s, step, err)
				}
				time.Sleep(max(step.Wait, time.Second))
			}
		}
		w.cloud.SetFault(nil)
		w.checkOpen(l)
		w.close(l)
		w.clean(before)
	})
}
