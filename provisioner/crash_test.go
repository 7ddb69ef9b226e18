package provisioner_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/internal/testenv"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

// death is the end of the process at one of its calls to AWS.
type death struct {
	at     int  // the how-manieth call, from 0; -1: never
	after  bool // the call takes effect
	giveUp bool // after the restart, if it was opening: close instead
}

// life is what one took: its calls in their order, and how many of them were
// made when it was open.
type life struct {
	calls  []string
	opened int
}

// live takes a lease from opening to its end, an extension and a change of its
// source included, and returns
// the calls that took. What a step that dies has learned is lost: the next
// process has the lease as it was last written down.
func (w *world) live(l *sshforward.Lease, d death) (out life) {
	w.Helper()
	ctx, kill := context.WithCancel(w.ctx)
	defer kill()
	w.wire.set(func(op string) trouble {
		w.wire.mu.Lock()
		defer w.wire.mu.Unlock()
		n := len(out.calls)
		out.calls = append(out.calls, op)
		switch {
		case n == d.at && d.after:
			return trouble{lost: true, after: kill}
		case n == d.at:
			return trouble{unsent: true, after: kill}
		}
		return trouble{unsent: ctx.Err() != nil}
	})
	defer w.wire.set(nil)

	var step sshforward.StepResult
	var err error
	// run repeats one step until it is complete, and reports a death in it.
	run := func(do func(context.Context, *sshforward.Lease) (sshforward.StepResult, error)) (died bool) {
		for range 200 {
			step, err = do(ctx, l.Clone())
			if ctx.Err() != nil && d.at >= 0 {
				synctestWait(w)
				w.checkDeadMan(l)
				d.at = -1
				ctx, kill = context.WithCancel(w.ctx)
				w.restart()
				return true
			}
			l.Resources = step.Resources
			if err != nil {
				w.Fatalf("%s %s after %+v: %v", l.State, l.Stage, d, err)
			}
			if step.Wait == 0 {
				return false
			}
			w.sleep(step.Wait)
		}
		w.Fatalf("%s %s after %+v does not end: %s", l.State, l.Stage, d, step.Detail)
		return false
	}
	// until repeats a step that died; false if the lease should close instead.
	until := func(do func(context.Context, *sshforward.Lease) (sshforward.StepResult, error), giveUp bool) bool {
		for run(do) {
			if giveUp {
				return false
			}
		}
		return true
	}
	open := func(ctx context.Context, l *sshforward.Lease) (sshforward.StepResult, error) { return w.p.Open(ctx, l) }
	extend := func(ctx context.Context, l *sshforward.Lease) (sshforward.StepResult, error) {
		return w.p.Extend(ctx, l)
	}
	move := func(ctx context.Context, l *sshforward.Lease) (sshforward.StepResult, error) {
		return w.p.ChangeSource(ctx, l)
	}
	remove := func(ctx context.Context, l *sshforward.Lease) (sshforward.StepResult, error) {
		return w.p.Close(ctx, l)
	}

	going := true
	for _, s := range openStages {
		if enter(l, s); !until(open, d.giveUp) {
			going = false
			break
		}
	}
	out.opened = len(out.calls)
	if going {
		l.State = sshforward.Open
		l.ExpiresAt = l.ExpiresAt.Add(time.Hour)
		until(extend, false)
		moveTo(l, "203.0.113.200/32")
		until(move, false)
		l.Former = nil
		if d.at < 0 {
			w.checkOpen(l)
		}
	}
	w.startClosing(l)
	until(remove, false)
	return out
}

// checkDeadMan: whenever the process dies for good, something ends access.
func (w *world) checkDeadMan(l *sshforward.Lease) {
	w.Helper()
	if w.cloud == nil || w.opts.accounts[0].DeadMan == nil {
		return
	}
	name := sshforward.Name(deployment, l.ID)
	_, there := w.cloud.Home().LoadBalancer(name)
	if there && !slices.ContainsFunc(w.cloud.Home().Schedules(), func(s fakeaws.Schedule) bool { return s.Name == name }) {
		w.Errorf("%s %s: there is a load balancer and no dead-man switch", l.State, l.Stage)
	}
}

// synctestWait lets calls that were under way in the dead process arrive.
func synctestWait(w *world) {
	if w.cloud != nil {
		synctest.Wait()
	}
}

// Whatever call the process dies at, before or after its effect, the next one
// reaches the same end, and the same when it closes instead of going on. At
// once everything happens at once, with the dead-man switch; late is an AWS
// that is late with everything, without.
func TestCrash(t *testing.T) {
	t.Parallel()
	late := fakeaws.Realistic()
	late.InterfaceLinger = 30 * time.Second
	for name, o := range map[string]worldOptions{"at once": withDeadMan(), "late": {fake: late}} {
		t.Run("fakeaws "+name, func(t *testing.T) {
			var whole life
			var lease *sshforward.Lease // ids are the same in every such world
			inFake(t, o, func(w *world) {
				lease = w.lease("web-1")
				whole = w.live(lease.Clone(), death{at: -1})
			})
			for _, d := range testenv.Thinned(whole.deaths(name == "late" || testenv.Race), 24) {
				inFakeNamed(t, d.String(), o, func(w *world) {
					before := w.foreign()
					w.live(lease.Clone(), d)
					w.clean(before)
				})
			}
		})
	}
	// moto has no delays, which makes it one more opinion on what the calls do
	// and not on when; each run asks for that on some of them.
	t.Run("moto", func(t *testing.T) {
		t.Parallel()
		testenv.SkipRaced(t, notOnMoto)
		w := newMoto(t, withDeadMan())
		before := w.foreign()
		l := w.lease("web-1")
		live := func(d death) life {
			one := l.Clone()
			one.ID = sshforward.NewID()
			defer w.clean(before)
			return w.live(one, d)
		}
		whole := live(death{at: -1})
		all := whole.deaths(false)
		rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		for _, d := range all[:motoDeaths] {
			t.Logf("%s (%s)", d, whole.calls[d.at])
			live(d)
		}
	})
}

// motoDeaths is how many of about a hundred ways to die are tried on moto.
const motoDeaths = 12

func (d death) String() string {
	return fmt.Sprintf("call %d after=%t close=%t", d.at, d.after, d.giveUp)
}

// deaths are the ways to die in such a life: at each call, before and after its
// effect, and while it opens with either of the two ways to go on. A sparse
// list alternates the latter, and leaves out the middle of a series of the same
// call: that is a wait.
func (x life) deaths(sparse bool) []death {
	var out []death
	for at, op := range x.calls {
		if sparse && at > 0 && at+1 < len(x.calls) && x.calls[at-1] == op && x.calls[at+1] == op {
			continue
		}
		for _, after := range []bool{false, true} {
			for _, giveUp := range []bool{false, true} {
				if giveUp && at >= x.opened || sparse && at < x.opened && giveUp == ((at%2 == 0) == after) {
					continue
				}
				out = append(out, death{at: at, after: after, giveUp: giveUp})
			}
		}
	}
	return out
}

// motoLost is how many of the calls lose their answer on moto each time.
const motoLost = 8

// The answer to one call is lost, and the SDK's own retry repeats what has
// taken effect: that has to come to the same.
func TestLostAnswers(t *testing.T) {
	both(t, withDeadMan(), func(w *world) {
		before := w.foreign()
		l := w.lease("web-1")
		var ops []string
		w.wire.set(func(op string) trouble {
			w.wire.mu.Lock()
			defer w.wire.mu.Unlock()
			if !slices.Contains(ops, op) {
				ops = append(ops, op)
			}
			return trouble{}
		})
		life := func() {
			one := l.Clone()
			one.ID = sshforward.NewID()
			w.open(one)
			moveTo(one, "203.0.113.200/32")
			if step, err := w.p.ChangeSource(w.ctx, one); err != nil || step.Wait > 0 {
				w.Fatalf("%+v, %v", step, err)
			}
			one.Former = nil
			w.sleep(5 * time.Second) // ELB's budget of calls fills again
			w.checkOpen(one)
			w.close(one)
			w.clean(before)
			// So that the next one asks for the group, and makes it, again.
			must(w.sched.DeleteScheduleGroup(w.ctx, &scheduler.DeleteScheduleGroupInput{Name: aws.String("sshforward-" + deployment)}))
			w.restart()
		}
		life()
		some := slices.Clone(ops)
		if w.cloud == nil { // the SDK waits before it tries again, and here that takes time
			rand.Shuffle(len(some), func(i, j int) { some[i], some[j] = some[j], some[i] })
			some = some[:motoLost]
			w.Log(some)
		}
		some = testenv.Thinned(some, 4)
		for _, op := range some {
			lost := false
			w.wire.set(func(this string) trouble {
				w.wire.mu.Lock()
				defer w.wire.mu.Unlock()
				if lost || this != op {
					return trouble{}
				}
				lost = true
				return trouble{lost: true}
			})
			life()
			if !lost {
				w.Errorf("%s was not called", op)
			}
		}
	})
}
