package provisionertest

import (
	"time"

	"github.com/sshforward/sshforward"
)

// preparing: what is built while a yes is missing.
var preparing = []clause{
	{"what is built ahead has all it needs, lets nobody in, and opens by the last stage alone", func(b *bench) {
		before := b.Foreign()
		l := b.ahead(b.lease())
		b.wantAccess(l, false)
		b.restart()
		switch f := b.mustFind(l); {
		case !f.Balancer || !f.Registered || !f.Group || !f.Rule || f.Widened || f.Unlocked || len(f.Ingress) > 0:
			b.Errorf("found %+v", f)
		case f.Lease.State != sshforward.Opening || !f.Lease.OpenedAt.IsZero():
			b.Errorf("a lost store would take it for %s, opened %s", f.Lease.State, f.Lease.OpenedAt)
		}
		b.wantEnd(l)
		b.approve(l)
		b.stage(l, sshforward.StageClock)
		l.State = sshforward.Open
		b.Check(l)
		b.wantAccess(l, true)
		b.wantEnd(l)
		b.close(l)
		b.clean(before)
	}},
	{"what was built ahead is looked at again after the last yes", func(b *bench) {
		l := b.ahead(b.lease())
		b.approve(l)
		for _, s := range []sshforward.Stage{sshforward.StageService, sshforward.StageName, sshforward.StageClock} {
			b.stage(l, s)
		}
		l.State = sshforward.Open
		b.Check(l)
		b.close(l)
	}},
	{"nobody is let in while a yes is missing, whatever is asked for", func(b *bench) {
		before := b.Foreign()
		l := b.ahead(b.lease())
		enter(l, sshforward.StageClock)
		for _, state := range []sshforward.State{
			sshforward.Requested, sshforward.Pending, sshforward.Opening, sshforward.Closing, sshforward.Closed,
		} {
			l.State = state
			result, err := b.p.Open(b.ctx, l)
			b.wantCode(err, sshforward.EINTERNAL)
			l.Resources = result.Resources
		}
		b.wantAccess(l, false)
		switch f := b.mustFind(l); {
		case f.Unlocked || len(f.Ingress) > 0:
			b.Errorf("it lets in %v", f.Ingress)
		case !f.Lease.OpenedAt.IsZero():
			b.Error("its tags say that the clock has started")
		}
		l.State, l.OpenedAt, l.ExpiresAt = sshforward.Pending, time.Time{}, time.Time{}
		b.close(l)
		b.clean(before)
	}},
	{"what somebody broke of it is put back, and lets nobody in", func(b *bench) {
		before := b.Foreign()
		l := b.ahead(b.lease())
		b.Break(l)
		b.Wait(settled)
		for range 2 {
			result, err := b.p.Mend(b.ctx, l)
			if err != nil || result.Wait != 0 {
				b.Fatalf("%+v, %v", result, err)
			}
			l.Resources = result.Resources
			b.Wait(settled)
		}
		if f := b.mustFind(l); !f.Rule || !f.Registered || f.Unlocked || f.Widened {
			b.Errorf("found %+v", f)
		}
		b.wantAccess(l, false)
		b.close(l)
		b.clean(before)
	}},
	{"it closes from every stage, whatever was written down", func(b *bench) {
		before := b.Foreign()
		for n := range stages {
			l := b.waiting(b.lease())
			for _, s := range stages[:n] {
				enter(l, s)
				b.finish(string(s), b.p.Open, l.Clone()) // and its outcome was lost
				b.finish(string(s), b.p.Open, l)
			}
			b.close(l)
		}
		b.clean(before)
	}},
}

// waiting makes of a lease one that waits for two approvals, of which it has one.
func (b *bench) waiting(l *sshforward.Lease) *sshforward.Lease {
	now := time.Now()
	l.State, l.OpenBy = sshforward.Pending, time.Time{}
	l.ConfirmedAt, l.ApproveBy, l.Approvals = now, now.Add(8*time.Hour), 2
	l.Approved = []sshforward.Approval{{User: "U0BOB", At: now}}
	l.Prepared.Since, l.Prepared.By = now, now.Add(10*time.Minute)
	l.Prepared.Until = l.ApproveBy.Add(10*time.Minute + l.Duration)
	return l
}

// ahead builds all of a lease that is built while a yes is missing.
func (b *bench) ahead(l *sshforward.Lease) *sshforward.Lease {
	b.Helper()
	b.waiting(l)
	for _, s := range stages[:len(stages)-1] {
		b.stage(l, s)
	}
	l.Stage, l.Prepared.ReadyAt = "", time.Now()
	return l
}

// approve is the last yes.
func (b *bench) approve(l *sshforward.Lease) {
	l.Approved = append(l.Approved, sshforward.Approval{User: "U0CAROL", At: time.Now()})
	l.State, l.OpenBy = sshforward.Opening, time.Now().Add(10*time.Minute)
}
