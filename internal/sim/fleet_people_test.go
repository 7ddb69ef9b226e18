package sim

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/sshforward/sshforward"
)

// envelope is one thing that somebody asks for, which Slack delivers until it hears
// that it came.
type envelope struct {
	by  sshforward.Caller
	cmd sshforward.Command
	// yes are the leases that it was answered with.
	yes []string
}

// send delivers an envelope to a replica, or to two, and again, until it is answered.
// answered says that one of them knew what to do with it, be it to refuse it.
func (f *fleet) send(e *envelope) (answered bool) {
	return f.sendTo(e, anyone)
}

// sendTo is the same with replicas that are picked from some of them alone.
func (f *fleet) sendTo(e *envelope, may func(*replica) bool) (answered bool) {
	f.t.Helper()
	for range 20 {
		f.boot()
		to := []*replica{f.pick(may)}
		if f.rng.IntN(2) == 0 {
			to = append(to, f.pick(may))
		}
		answers := f.deliver(e.by, e.cmd, to...)
		f.wait(answers, 5*time.Second, func(a answer) {
			switch code := sshforward.ErrorCode(a.err); {
			case a.err == nil && a.reply.Lease != nil:
				e.yes = append(e.yes, a.reply.Lease.ID)
				answered = true
			case a.err != nil && code != sshforward.EUNAVAILABLE && code != sshforward.EINTERNAL:
				answered = true
			}
		})
		if answered {
			return true
		}
		f.pass(2 * time.Second)
	}
	return false
}

func anyone(*replica) bool { return true }

// wait takes in answers for as long as Slack waits for them, and whatever comes later
// as well.
func (f *fleet) wait(answers chan answer, limit time.Duration, take func(answer)) {
	late := time.After(limit)
	for {
		select {
		case a, ok := <-answers:
			if !ok {
				return
			}
			take(a)
		case <-late:
			f.going.Go(func() {
				for range answers {
				}
			})
			return
		}
	}
}

func (f *fleet) newEnvelope(user string, cmd sshforward.Command) *envelope {
	f.mu.Lock()
	defer f.mu.Unlock()
	e := &envelope{cmd: cmd, by: sshforward.Caller{Team: "T", User: user, Channel: "C0DEV"}}
	e.by.Envelope = fmt.Sprint("envelope ", len(f.envelopes))
	f.envelopes = append(f.envelopes, e)
	return e
}

// ask asks for a lease and returns its id; "" if nobody would.
func (f *fleet) ask(user string, d time.Duration) string {
	e := f.newEnvelope(user, sshforward.OpenLease{Instance: f.note.Web, Duration: d, Sources: source})
	if f.send(e); len(e.yes) == 0 {
		return ""
	}
	return e.yes[0]
}

func (f *fleet) confirm(id string) {
	f.send(f.newEnvelope(f.lease(id).Owner, sshforward.ConfirmLease{ID: id}))
}

// approve has all approvers press the button at the same moment, each at another
// replica, and each click delivered to two of them.
func (f *fleet) approve(id string) {
	f.boot()
	var all []chan answer
	for i, user := range []string{"B0", "B1", "B2"} {
		e := f.newEnvelope(user, sshforward.ApproveLease{ID: id})
		all = append(all, f.deliver(e.by, e.cmd, f.replicas[i%len(f.replicas)], f.pick(anyone)))
	}
	for _, answers := range all {
		f.wait(answers, 5*time.Second, func(answer) {})
	}
}

// extensionOf is what every extension is by.
const extensionOf = 30 * time.Second

func (f *fleet) extend(id string) {
	f.send(f.newEnvelope(f.lease(id).Owner, sshforward.ExtendLease{Ref: id, Duration: extensionOf}))
}

func (f *fleet) close(id string) {
	f.send(f.newEnvelope(f.lease(id).Owner, sshforward.CloseLease{Ref: id}))
}

// stays is how long leases were reachable beyond their promised end.
func (f *fleet) stays(ids []string) (stays []time.Duration) {
	receipts := time.Second // how exact they are
	if f.clocksOff {
		receipts += clockWrong
	}
	for _, id := range ids {
		l := f.lease(id)
		if l.Reason == "" || l.ClosedAt.IsZero() {
			f.t.Errorf("lease %s ended without a reason: %+v", id, l)
		}
		f.mu.Lock()
		seen, reachable := f.last[sshforward.Name("sim", id)]
		f.mu.Unlock()
		if !reachable || l.ExpiresAt.IsZero() {
			continue
		}
		stay := max(0, seen.Sub(l.ExpiresAt))
		stays = append(stays, stay)
		if stay > fleetLate {
			f.t.Errorf("lease %s was reachable for %s after its end", id, stay)
		}
		if !l.AccessEndedAt.IsZero() && seen.After(l.AccessEndedAt.Add(receipts)) {
			f.t.Errorf("lease %s was reachable until %s, and its receipt says %s", id, seen, l.AccessEndedAt)
		}
	}
	return stays
}

// checkEnvelopes holds what came of every envelope to it having come once: one lease
// for who asked for one, one extension, and a yes of each approver at most.
func (f *fleet) checkEnvelopes() {
	f.t.Helper()
	all := make(map[string]*sshforward.Lease)
	opened, extensions := 0, make(map[string]int)
	for _, e := range f.envelopes {
		if once := slices.Compact(slices.Sorted(slices.Values(e.yes))); len(once) > 1 {
			f.t.Errorf("%s, a %T of %s, was answered with %v", e.by.Envelope, e.cmd, e.by.User, e.yes)
		}
		switch cmd := e.cmd.(type) {
		case sshforward.OpenLease:
			opened++
			for _, id := range e.yes {
				all[id] = f.lease(id)
			}
		case sshforward.ExtendLease:
			extensions[cmd.Ref]++
		}
	}
	done, approved := make(map[string]int), make(map[string][]string)
	leases := make(map[string]bool)
	for ev, err := range f.eyes.Events(context.Background(), time.Time{}) {
		if err != nil {
			f.t.Fatal(err)
		}
		if ev.Lease != "" && ev.Act == sshforward.ActOpen && ev.Result == sshforward.ResultOK {
			leases[ev.Lease] = true
		}
		if ev.Result == sshforward.ResultOK && ev.Act == sshforward.ActExtend {
			done[ev.Lease]++
		}
		if ev.Result == sshforward.ResultOK && ev.Act == sshforward.ActApprove {
			approved[ev.Lease] = append(approved[ev.Lease], ev.Actor)
		}
	}
	if len(leases) > opened {
		f.t.Errorf("%d people asked, and there are %d leases", opened, len(leases))
	}
	for id, l := range all {
		if done[id] > extensions[id] {
			f.t.Errorf("lease %s was asked to be extended %d times, and was %d times", id, extensions[id], done[id])
		}
		if want := l.OpenedAt.Add(l.Duration + time.Duration(done[id])*extensionOf); !l.OpenedAt.IsZero() && !l.ExpiresAt.Equal(want) {
			f.t.Errorf("lease %s, of %s and extended %d times, ended %s, want %s", id, l.Duration, done[id], l.ExpiresAt, want)
		}
		slices.Sort(approved[id])
		if once := slices.Compact(slices.Clone(approved[id])); len(once) != len(approved[id]) {
			f.t.Errorf("lease %s was approved by %v", id, approved[id])
		}
	}
}
