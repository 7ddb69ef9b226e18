package sim

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/internal/testenv"
	"github.com/sshforward/sshforward/provisioner"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

// everydayAWS has the delays that matter to a life, each short.
func everydayAWS() fakeaws.Options {
	return fakeaws.Options{
		Seed: 1, GroupVisibleAfter: 2 * time.Second, RegisterDelay: 3 * time.Second,
		InterfaceLinger: 10 * time.Second, DNSDelay: 2 * time.Second,
	}
}

// wholeLife opens a lease for 20 s, extends it once, comes from another address, is reminded, and lets it
// end, dying where killer says. It returns the calls that were made and how
// often the process died.
func wholeLife(t *testing.T, killer func(site) moment) (sites []site, deaths int) {
	synctest.Test(t, func(t *testing.T) {
		s := newSim(t, everydayAWS())
		s.timing.Min, s.timing.Reminders = time.Second, []time.Duration{10 * time.Second}
		foreign := s.cloud.Foreign("sshforward:deployment", "sim")
		s.killer, s.noting = killer, killer == nil
		s.boot()
		id := s.open("U0ANN", 20*time.Second)
		isOpen := func() bool { return !s.process.isOver() && s.lease(id).State == sshforward.Open }
		s.run(2*time.Minute, isOpen)
		caller := sshforward.Caller{Team: "T", User: "U0ANN", Channel: "C0DEV"}
		until := s.lease(id).ExpiresAt.Add(10 * time.Second)
		for s.retry(func() error {
			if s.lease(id).ExpiresAt.Equal(until) {
				return nil // an earlier try was recorded before the process died
			}
			_, err := s.process.keeper.Do(t.Context(), caller, sshforward.ExtendLease{Ref: id, Duration: 10 * time.Second})
			return err
		}) {
		}
		to := netip.MustParsePrefix("203.0.113.20/32")
		for s.retry(func() error {
			if s.lease(id).Moved.To == to {
				return nil // the same
			}
			_, err := s.process.keeper.Do(t.Context(), caller, sshforward.ChangeSource{Ref: id, To: to})
			return err
		}) {
		}
		settled := func() bool {
			l := s.lease(id)
			return !s.process.isOver() && (l.State != sshforward.Open || !l.Moving() && l.Resources.Until.Equal(l.ExpiresAt))
		}
		s.run(time.Minute, settled)
		if s.lease(id).State == sshforward.Open {
			for from, want := range map[string]bool{"203.0.113.20": true, "203.0.113.7": false} {
				_, err := s.cloud.Home().Route(sshforward.Name("sim", id), netip.MustParseAddr(from), 22)
				if (err == nil) != want {
					t.Errorf("from %s it is reached: %v", from, err)
				}
			}
		}
		s.run(time.Hour, s.closed(id))

		l := s.lease(id)
		if l.Reason != sshforward.Expired {
			t.Errorf("ended as %s (%s), want expired", l.Reason, l.Why)
		}
		if got := l.ExpiresAt.Sub(l.OpenedAt); got != 30*time.Second {
			t.Errorf("promised %s, want 30s", got)
		}
		// A tick a second, a restart of three, and two passes of teardown.
		if l.Overstay() > 10*time.Second || l.AccessEndedAt.Before(l.ExpiresAt) {
			t.Errorf("access ended %s after its end", l.AccessEndedAt.Sub(l.ExpiresAt))
		}
		if left := s.cloud.Leftovers("sshforward:deployment", "sim"); len(left) > 0 {
			t.Errorf("left in AWS: %v", left)
		}
		if after := s.cloud.Foreign("sshforward:deployment", "sim"); after != foreign {
			t.Errorf("something that is not ours was touched:\n%s\nbefore:\n%s", after, foreign)
		}
		sites, deaths = s.sites, s.deaths
		for _, kind := range []sshforward.NoticeKind{sshforward.NoticeReady, sshforward.NoticeEnded} {
			// Once; twice only if it died when Slack had it and the store did not.
			if n := s.channel.said(id, kind); n < 1 || n > 2 {
				t.Errorf("%s was said %d times", kind, n)
			}
		}
		if n := s.checkAuditLog(); n == 0 {
			t.Error("the audit record has no lease that is over")
		}
		s.bury()
	})
	return sites, deaths
}

// waitingLife has a lease built while somebody thinks about it, who says yes or no
// when it is ready.
func waitingLife(t *testing.T, yes bool, killer func(site) moment) (sites []site, deaths int) {
	synctest.Test(t, func(t *testing.T) {
		s := newSim(t, everydayAWS())
		s.timing.Min = time.Second
		s.policy.Prepare = sshforward.PrepareApproval
		s.policy.Rules[0].Approvers, s.policy.Rules[0].Approvals = []string{"UBOB"}, 1
		s.deadMan = &provisioner.DeadMan{RoleARN: "arn:aws:iam::123456789012:role/deadman", Grace: 5 * time.Minute}
		foreign := s.cloud.Foreign("sshforward:deployment", "sim")
		s.killer, s.noting = killer, killer == nil
		s.boot()
		id := s.open("U0ANN", 20*time.Second)
		s.run(5*time.Minute, s.ready(id))
		want, said := sshforward.Expired, []sshforward.NoticeKind{sshforward.NoticeReady, sshforward.NoticeEnded}
		if yes {
			s.decide("UBOB", sshforward.ApproveLease{ID: id})
		} else {
			want, said = sshforward.Denied, said[1:]
			s.decide("UBOB", sshforward.DenyLease{ID: id})
		}
		s.run(time.Hour, s.closed(id))
		switch l := s.lease(id); {
		case l.Reason != want:
			t.Errorf("ended as %s (%s), want %s", l.Reason, l.Why, want)
		case !yes && (s.letIn > 0 || !l.OpenedAt.IsZero() || !l.AccessEndedAt.IsZero()):
			t.Errorf("it was let in %d times: opened %s, access ended %s", s.letIn, l.OpenedAt, l.AccessEndedAt)
		case yes && (l.ExpiresAt.Sub(l.OpenedAt) != 20*time.Second || l.Overstay() > 10*time.Second || l.AccessEndedAt.Before(l.ExpiresAt)):
			t.Errorf("opened %s until %s, access ended %s", l.OpenedAt, l.ExpiresAt, l.AccessEndedAt)
		case l.Billed() == 0:
			t.Error("it cost nothing")
		}
		if left := s.cloud.Leftovers("sshforward:deployment", "sim"); len(left) > 0 {
			t.Errorf("left in AWS: %v", left)
		}
		if after := s.cloud.Foreign("sshforward:deployment", "sim"); after != foreign {
			t.Errorf("something that is not ours was touched:\n%s\nbefore:\n%s", after, foreign)
		}
		sites, deaths = s.sites, s.deaths
		for _, kind := range said {
			if n := s.channel.said(id, kind); n < 1 || n > 2 {
				t.Errorf("%s was said %d times", kind, n)
			}
		}
		if n := s.checkAuditLog(); n == 0 {
			t.Error("the audit record has no lease that is over")
		}
		s.bury()
	})
	return sites, deaths
}

// TestCrashMatrix dies before and after every call that leaves the process in the
// whole life of a lease, and reaches the same end. To die before a call is to die
// after the one before it: what a process knew and nobody else did dies with it
// in either case. So there is one life for each call, and one more before each
// whose predecessor was left out.
func TestCrashMatrix(t *testing.T) {
	t.Parallel()
	for name, life := range map[string]func(*testing.T, func(site) moment) ([]site, int){
		"opened at once":        wholeLife,
		"built ahead, approved": func(t *testing.T, k func(site) moment) ([]site, int) { return waitingLife(t, true, k) },
		"built ahead, denied":   func(t *testing.T, k func(site) moment) ([]site, int) { return waitingLife(t, false, k) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			crashMatrix(t, life)
		})
	}
}

func crashMatrix(t *testing.T, life func(*testing.T, func(site) moment) ([]site, int)) {
	all, _ := life(t, nil)
	sites := different(all)
	if len(sites) < 60 {
		t.Fatalf("only %d of %d sites; is the matrix still looking at everything?", len(sites), len(all))
	}
	var lives, died atomic.Int32
	t.Cleanup(func() {
		// Which calls run side by side differs a little from run to run, so
		// that the very last ones may not come up. All but those must have.
		t.Logf("%d calls leave the process in a life, %d of them different; it died in %d of %d lives",
			len(all), len(sites), died.Load(), lives.Load())
		if died.Load() < lives.Load()-4 {
			t.Errorf("only %d deaths in %d lives", died.Load(), lives.Load())
		}
	})
	die := func(name string, at site, when moment) {
		lives.Add(1)
		t.Run(fmt.Sprintf("%s/%d-%s", name, at.n, at.what), func(t *testing.T) {
			t.Parallel()
			_, deaths := life(t, func(here site) moment {
				if here.n == at.n {
					return when
				}
				return survive
			})
			died.Add(int32(deaths))
		})
	}
	for i, at := range sites {
		if testenv.Race && i%48 > 0 {
			continue // without it all are gone through
		}
		if !testenv.Race && (i == 0 || sites[i-1].n < at.n-1) {
			die("before", at, before)
		}
		die("after", at, after)
	}
}

// different leaves out sites that are like others: the same call, while the
// same is recorded of the lease. Such are the polls of a wait and the writes
// between them. The first two and the last of them stay.
func different(all []site) (sites []site) {
	type kind struct{ what, recorded string }
	total, seen := make(map[kind]int), make(map[kind]int)
	for _, s := range all {
		total[kind{s.what, s.recorded}]++
	}
	for _, s := range all {
		k := kind{s.what, s.recorded}
		if seen[k]++; seen[k] <= 2 || seen[k] == total[k] {
			sites = append(sites, s)
		}
	}
	return sites
}

// recorded is what is written of a lease, without the clocks and counters that
// every write moves.
func recorded(l *sshforward.Lease) string {
	text, err := json.Marshal(l)
	if err != nil {
		return err.Error()
	}
	var fields map[string]any
	if err := json.Unmarshal(text, &fields); err != nil {
		return err.Error()
	}
	for _, moving := range []string{"Revision", "Attempts", "NextTryAt", "DueAt"} {
		delete(fields, moving)
	}
	return fmt.Sprint(fields)
}
