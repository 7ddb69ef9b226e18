package provisionertest

import (
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sshforward/sshforward"
)

// opening: the stages, and the end that stands in the cloud.
var opening = []clause{
	{"a lease opens, is reached by its sources and by nobody else, and leaves nothing", func(b *bench) {
		before := b.Foreign()
		l := b.open(b.lease())
		b.Check(l)
		b.wantAccess(l, true)
		b.close(l)
		b.wantAccess(l, false)
		b.clean(before)
	}},
	{"what is open is in service, and what was taken away is not found", func(b *bench) {
		l := b.open(b.lease())
		if h, err := b.p.Health(b.ctx, l); err != nil || !h.InService {
			b.Errorf("health of an open lease: %+v, %v", h, err)
		}
		b.Remove(l)
		_, err := b.p.Health(b.ctx, l)
		b.wantCode(err, sshforward.ENOTFOUND)
		b.close(l)
	}},
	{"nobody gets in before the clock has started", func(b *bench) {
		l := b.lease()
		for _, s := range stages[:len(stages)-1] {
			b.stage(l, s)
			b.wantAccess(l, false)
			if f := b.mustFind(l); len(f.Ingress) > 0 {
				b.Errorf("after %s it lets in %v", s, f.Ingress)
			}
		}
		b.stage(l, stages[len(stages)-1])
		b.wantAccess(l, true)
		b.close(l)
	}},
	{"each stage does what it does however often, whether or not its outcome was written down", func(b *bench) {
		before := b.Foreign()
		l := b.lease()
		for _, s := range stages {
			enter(l, s)
			forgetful := l.Clone()
			for _, again := range []*sshforward.Lease{l, forgetful, l} {
				b.finish(string(s), b.p.Open, again)
			}
			made, adopted := l.Resources, forgetful.Resources
			made.Until, adopted.Until = time.Time{}, time.Time{} // only who writes the end knows it
			if diff := cmp.Diff(made, adopted); diff != "" {
				b.Errorf("%s: made and adopted:\n%s", s, diff)
			}
		}
		b.Check(l)
		b.close(l)
		b.clean(before)
	}},
	{"each stage may be done by another process", func(b *bench) {
		before := b.Foreign()
		l := b.lease()
		for _, s := range stages {
			b.restart()
			b.stage(l, s)
		}
		b.Check(l)
		b.restart()
		b.close(l)
		b.clean(before)
	}},
	{"two leases on one instance do not know of each other", func(b *bench) {
		before := b.Foreign()
		one, two := b.open(b.lease()), b.open(b.lease())
		b.close(one)
		b.wantAccess(one, false)
		b.Check(two)
		b.wantAccess(two, true)
		b.close(two)
		b.clean(before)
	}},
	{"a stage that no provisioner does is refused, and so is a lease without an end", func(b *bench) {
		before := b.Foreign()
		l := b.lease()
		enter(l, sshforward.StageCheck)
		_, err := b.p.Open(b.ctx, l)
		b.wantCode(err, sshforward.EINTERNAL)
		l.OpenBy = time.Time{}
		enter(l, stages[0])
		for what, do := range map[string]step{"open": b.p.Open, "extend": b.p.Extend, "mend": b.p.Mend} {
			if _, err := do(b.ctx, l); sshforward.ErrorCode(err) != sshforward.EINTERNAL {
				b.Errorf("%s without an end: %v", what, err)
			}
		}
		b.clean(before)
	}},
	{"the end that stands in the cloud moves with an extension, however often it is done", func(b *bench) {
		before := b.Foreign()
		l := b.open(b.lease())
		l.ExpiresAt = l.ExpiresAt.Add(30*time.Minute + 1)
		for range 2 {
			b.finish("extend", b.p.Extend, l)
			if !l.Resources.Until.Equal(l.ExpiresAt) {
				b.Errorf("the end is %v, want %v", l.Resources.Until, l.ExpiresAt)
			}
			b.Check(l)
			b.wantEnd(l)
		}
		b.close(l)
		b.clean(before)
	}},
	{"a lease is not changed by what is done for it", func(b *bench) {
		l := b.lease()
		for _, s := range stages {
			enter(l, s)
			before := l.Clone()
			result, err := b.p.Open(b.ctx, l)
			if err != nil {
				b.Fatal(err)
			}
			b.wantSame(before, l)
			l.Resources = result.Resources
			b.finish(string(s), b.p.Open, l)
		}
		for _, do := range []step{b.p.Extend, b.p.Mend, b.p.Close} {
			if l.State == sshforward.Opening {
				l.State = sshforward.Open
			}
			before := l.Clone()
			if _, err := do(b.ctx, l); err != nil {
				b.Fatal(err)
			}
			b.wantSame(before, l)
		}
		b.close(l)
	}},
}

// wantSame fails the test if a step has written to the lease that it was given.
func (b *bench) wantSame(before, after *sshforward.Lease) {
	b.Helper()
	if diff := cmp.Diff(before, after, sameLease); diff != "" {
		b.Errorf("a step changed the lease:\n%s", diff)
	}
}

// wantEnd fails the test unless the cloud says when the lease ends, to the
// second and never early.
func (b *bench) wantEnd(l *sshforward.Lease) {
	b.Helper()
	if end := b.mustFind(l).Lease.ExpiresAt; end.Before(l.End()) || end.Sub(l.End()) >= time.Second {
		b.Errorf("the cloud says it ends at %v, want %v", end, l.End())
	}
}
