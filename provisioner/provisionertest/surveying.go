package provisionertest

import (
	"net/netip"
	"slices"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sshforward/sshforward"
)

// sameLease compares leases as what they say.
var sameLease = cmp.Options{
	cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{}), cmpopts.EquateEmpty(), cmp.AllowUnexported(sshforward.Text{}),
}

// surveying: what there is, seen from above.
var surveying = []clause{
	{"where there is nothing, nothing is found; the instances of stored leases are looked at all the same", func(b *bench) {
		before := time.Now()
		var stored []*sshforward.Lease
		for _, instance := range []string{b.Instance, "i-0aaaaaaaaaaaaaaaa", "nonsense", b.Instance} {
			stored = append(stored, &sshforward.Lease{ID: sshforward.NewID(), Terms: sshforward.Terms{Instance: sshforward.Instance{ID: instance}}})
		}
		s, err := b.p.Survey(b.ctx, b.Account, stored)
		if err != nil || len(s.Found) != 0 || s.At.Before(before) || s.At.After(time.Now()) {
			b.Fatalf("%+v, %v", s, err)
		}
		if in := s.Instances[b.Instance]; len(s.Instances) != 1 || in.ID != b.Instance || in.Account != b.Account || !in.Running {
			b.Errorf("instances %+v", s.Instances)
		}
	}},
	{"an open lease is found whole, with what a lost store would have to know", func(b *bench) {
		before := b.Foreign()
		l := b.open(b.lease())
		b.restart()
		b.Wait(settled)
		f := b.mustFind(l)
		if !f.Balancer || !f.Registered || !f.Group || !f.Rule || f.Widened {
			b.Errorf("found %+v", f)
		}
		want := slices.SortedFunc(slices.Values(sources), netip.Prefix.Compare)
		got := f.Lease
		if !slices.Equal(f.Ingress, want) || !slices.Equal(got.Sources, want) {
			b.Errorf("sources %v, ingress %v, want %v", got.Sources, f.Ingress, want)
		}
		if got.State != sshforward.Open || got.Owner != l.Owner || got.Team != l.Team || got.Channel != l.Channel || got.SSHUser != l.SSHUser ||
			got.ListenerPort != l.ListenerPort || got.TargetPort != l.TargetPort || got.Max != l.Max || got.OpenedAt.IsZero() ||
			got.Instance.Account != b.Account || got.Instance.ID != b.Instance {
			b.Errorf("lease %+v, want %+v", got, l)
		}
		b.wantEnd(l)
		got.State = sshforward.Open
		b.close(got) // and that is enough to close it
		b.clean(before)
		if _, ok := b.found(l.ID); ok {
			b.Error("it is found after it was closed")
		}
	}},
	{"a lease that died in any stage is found, if there is anything of it", func(b *bench) {
		before := b.Foreign()
		for n := range stages {
			l := b.lease()
			for _, s := range stages[:n] {
				b.stage(l, s)
			}
			b.Wait(settled)
			f, ok := b.found(l.ID)
			switch {
			case ok != (n > 0):
				b.Errorf("before %s: found is %t", stages[n], ok)
			case ok && (f.Lease.State != sshforward.Opening || f.Lease.ExpiresAt.IsZero() || f.Lease.Instance.ID != b.Instance):
				b.Errorf("before %s: %+v", stages[n], f.Lease)
			}
			b.close(l)
		}
		b.clean(before)
	}},
}

// settled is when the cloud's lists say what was last done to it, as the keeper
// waits before it believes them.
const settled = time.Minute

// mending: an open lease is as it was opened.
var mending = []clause{
	{"a lease that is as it should be stays so", func(b *bench) {
		l := b.open(b.lease())
		result, err := b.p.Mend(b.ctx, l)
		if err != nil || result.Wait != 0 {
			b.Fatalf("%+v, %v", result, err)
		}
		if diff := cmp.Diff(l.Resources, result.Resources); diff != "" {
			b.Errorf("resources:\n%s", diff)
		}
		b.Check(l)
	}},
	{"what somebody broke is seen and put back, however often, and closes as ever", func(b *bench) {
		before := b.Foreign()
		l := b.open(b.lease())
		b.Break(l)
		b.Wait(settled)
		if f := b.mustFind(l); f.Rule && f.Registered && len(f.Ingress) == len(sources) {
			b.Errorf("it is broken, and found to be %+v", f)
		}
		for range 2 {
			result, err := b.p.Mend(b.ctx, l)
			if err != nil || result.Wait != 0 {
				b.Fatalf("%+v, %v", result, err)
			}
			l.Resources = result.Resources
			b.Wait(settled)
		}
		b.Check(l)
		b.wantAccess(l, true)
		b.close(l)
		b.clean(before)
	}},
	{"what is gone altogether is not made again", func(b *bench) {
		l := b.open(b.lease())
		b.Remove(l)
		_, err := b.p.Mend(b.ctx, l)
		b.wantCode(err, sshforward.ENOTFOUND)
		if f := b.mustFind(l); f.Balancer {
			b.Errorf("it is there again: %+v", f)
		}
		b.close(l)
	}},
	{"another lease's things are not mended for one's own", func(b *bench) {
		l := b.open(b.lease())
		other := l.Clone()
		other.ID = sshforward.NewID() // and what the first one has
		_, err := b.p.Mend(b.ctx, other)
		b.wantCode(err, sshforward.ENOTFOUND)
		b.Check(l)
	}},
}
