package sshforward

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// watchFor lets time pass, with the looks and sweeps that the process would do.
func (w *world) watchFor(d time.Duration) {
	w.t.Helper()
	for n := time.Duration(0); n < d; n += 5 * time.Second {
		w.pass(5 * time.Second)
		if err := w.keeper().Watch(context.Background()); err != nil {
			w.t.Errorf("watch: %v", err)
		}
		if n%(30*time.Second) == 0 {
			w.sweep()
		}
		synctest.Wait()
	}
}

// unhealthy has the health check of a lease fail; "" has it pass.
func (w *world) unhealthy(id, why string) {
	w.cloud.meddle(id, func(f *footprint) { f.out = why })
}

const sick = "Instance has failed at least the UnhealthyThreshold number of health checks consecutively."

// An instance that stays out of service is said on the card and in the thread,
// with AWS's reason and since when, and so is that it is back.
func TestOutage(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		id := w.opened(alice, "web", 8*time.Hour)
		w.watchFor(10 * time.Minute)
		began := time.Now()
		w.unhealthy(id, sick)
		w.watchFor(55 * time.Second)
		if got := w.heardOf(id, NoticeOutage); len(got) > 0 {
			t.Errorf("told of it within a minute: %v", got)
		}
		w.watchFor(45 * time.Second)
		l := w.lease(id)
		if since := l.Outage.Since.Sub(began); since < 0 || since > healthEvery+5*time.Second || l.Outage.Why.String() != sick {
			t.Errorf("out of service since %v after it was, because %q", since, l.Outage.Why)
		}
		if !strings.Contains(w.slack.shows(id), "out=") {
			t.Errorf("the card shows %q", w.slack.shows(id))
		}
		w.watchFor(10 * time.Minute)
		w.unhealthy(id, "")
		w.watchFor(40 * time.Second)
		if diff := cmp.Diff([]string{"outage", "back"}, w.heardOf(id, NoticeOutage, NoticeBack)); diff != "" {
			t.Errorf("people heard (-want +got):\n%s", diff)
		}
		w.expect(id, Open, "")
		if strings.Contains(w.slack.shows(id), "out=") {
			t.Errorf("the card still shows %q", w.slack.shows(id))
		}
	})
}

// What is over within a minute is nobody's news.
func TestFlapIsNotSaid(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		id := w.opened(alice, "web", 8*time.Hour)
		for range 5 {
			w.unhealthy(id, sick)
			w.watchFor(50 * time.Second)
			w.unhealthy(id, "")
			w.watchFor(time.Minute)
		}
		if got := w.heardOf(id, NoticeOutage, NoticeBack); len(got) > 0 {
			t.Errorf("people heard %v", got)
		}
	})
}

// The health of an open lease is asked for every 30 s at most, however often the
// process comes round, and that of no other lease.
func TestWatchAsksRarely(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		id := w.opened(alice, "web", 8*time.Hour)
		pending := w.ask(bob, "two", time.Hour)
		began := w.cloud.count("health", "")
		w.watchFor(time.Hour)
		if n := w.cloud.count("health", id) - began; n < 100 || n > 120 {
			t.Errorf("asked %d times in an hour", n)
		}
		if n := w.cloud.count("health", pending); n > 0 {
			t.Errorf("asked %d times about a lease that is not open", n)
		}
	})
}

// That the health cannot be asked for concludes nothing and ends nothing, and
// holds up no other lease.
func TestWatchCannotAsk(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		id, other := w.opened(alice, "web", 8*time.Hour), w.opened(bob, "two", 8*time.Hour)
		w.cloud.script(func(ctx context.Context, op string, l *Lease) error {
			if op == "health" && l.ID == id {
				return hang(ctx)
			}
			return nil
		})
		w.unhealthy(other, sick)
		for range 10 {
			_ = w.keeper().Watch(context.Background())
			w.pass(10 * time.Second)
		}
		w.expect(id, Open, "")
		if diff := cmp.Diff([]string{"outage"}, w.heardOf(other, NoticeOutage)); diff != "" || len(w.heardOf(id, NoticeOutage)) > 0 {
			t.Errorf("of the other people heard (-want +got):\n%s", diff)
		}
	})
}

// A process that comes up again knows what was said, and says when it is over.
func TestOutageAcrossARestart(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		id := w.opened(alice, "web", 8*time.Hour)
		w.unhealthy(id, sick)
		w.watchFor(2 * time.Minute)
		w.crash()
		w.start()
		w.watchFor(5 * time.Minute)
		w.unhealthy(id, "")
		w.watchFor(time.Minute)
		if diff := cmp.Diff([]string{"outage", "back"}, w.heardOf(id, NoticeOutage, NoticeBack)); diff != "" {
			t.Errorf("people heard (-want +got):\n%s", diff)
		}
	})
}

func (w *world) instanceState(id, state string) {
	w.cloud.set(id, func(in *Instance) { in.Running, in.State = state == "running", state })
}

// Stopped for a resize, started half an hour later at the most: the lease goes
// on, says so, and its clock runs.
func TestStoppedAndStarted(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		id := w.opened(alice, "web", 8*time.Hour)
		ends := w.lease(id).ExpiresAt
		w.watchFor(10 * time.Minute)
		for _, state := range []string{"stopping", "stopped"} {
			w.instanceState("i-0dev", state)
			w.watchFor(time.Minute)
			if o := w.lease(id).Outage; o.State != state || o.CloseAt.Sub(o.Since) != 30*time.Minute {
				t.Errorf("%s: it says %+v", state, o)
			}
		}
		w.watchFor(25 * time.Minute)
		w.expect(id, Open, "")
		w.unhealthy(id, sick)
		w.instanceState("i-0dev", "running")
		w.watchFor(10 * time.Minute)
		if o := w.lease(id).Outage; o.State != "" || o.Since.IsZero() || !o.CloseAt.IsZero() {
			t.Errorf("started and not in service yet: it says %+v", o)
		}
		w.unhealthy(id, "")
		w.watchFor(time.Minute)
		if diff := cmp.Diff([]string{"outage", "back"}, w.heardOf(id, NoticeOutage, NoticeBack)); diff != "" {
			t.Errorf("people heard (-want +got):\n%s", diff)
		}
		if l := w.lease(id); !l.ExpiresAt.Equal(ends) || l.State != Open {
			t.Errorf("it ends %v and is %s, want %v", l.ExpiresAt, l.State, ends)
		}
	})
}

// What stays stopped is closed after timing.stopped, also by a process that has
// not seen it stop; the wait begins anew with each stop.
func TestStaysStopped(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		id := w.opened(alice, "web", 8*time.Hour)
		w.watchFor(time.Minute)
		for range 3 {
			w.instanceState("i-0dev", "stopped")
			w.watchFor(20 * time.Minute)
			w.instanceState("i-0dev", "running")
			w.watchFor(time.Minute)
		}
		w.expect(id, Open, "")
		w.instanceState("i-0dev", "stopped")
		w.watchFor(20 * time.Minute)
		w.crash()
		w.start()
		w.watchFor(9 * time.Minute)
		w.expect(id, Open, "")
		w.watchFor(2 * time.Minute)
		w.pass(lingering)
		w.expect(id, Closed, InstanceGone)
		if why := w.lease(id).Why.String(); why != "The instance i-0dev is stopped." {
			t.Errorf("it says %q", why)
		}
		w.nothingLeft()
	})
}

// While the load balancer's name does not resolve the command says its address,
// and the card changes when it does.
func TestByAddressUntilTheNameResolves(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.cloud.address = "198.51.100.9"
		id := w.opened(alice, "web", 8*time.Hour)
		c := w.lease(id).SSHCommand()
		if !strings.Contains(c, "-o HostName=198.51.100.9 ") || !strings.Contains(w.slack.shows(id), "by=198.51.100.9") {
			t.Errorf("the command is %q, the card shows %q", c, w.slack.shows(id))
		}
		w.watchFor(5 * time.Minute)
		w.cloud.meddle(id, func(f *footprint) { f.resolves = true })
		w.watchFor(20 * time.Second)
		if c := w.lease(id).SSHCommand(); strings.Contains(c, "HostName") || strings.Contains(w.slack.shows(id), "by=") {
			t.Errorf("the name resolves, the command is %q, the card shows %q", c, w.slack.shows(id))
		}
	})
}
