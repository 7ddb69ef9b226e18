package provisionertest

import (
	"net/netip"
	"slices"
	"time"

	"github.com/sshforward/sshforward"
)

// elsewhere is an address that the leases here do not let in.
var elsewhere = netip.MustParsePrefix("198.51.100.1/32")

// move has an open lease let in another source instead of those it does.
func move(l *sshforward.Lease, to netip.Prefix) {
	l.Former, l.Sources = append(l.Former, l.Sources...), []netip.Prefix{to}
}

// moving: the source of an open lease changes.
var moving = []clause{
	{"another source is let in and the former ones no more, however often, and by whichever process", func(b *bench) {
		before := b.Foreign()
		l := b.open(b.lease())
		move(l, elsewhere)
		for range 3 {
			b.finish("move", b.p.ChangeSource, l)
			b.restart()
		}
		l.Former = nil
		b.wantSources(l, elsewhere)
		b.Check(l)
		move(l, sources[0]) // and back to one of them
		b.finish("move", b.p.ChangeSource, l)
		l.Former = nil
		b.wantSources(l, sources[0])
		b.close(l)
		b.clean(before)
	}},
	{"until it is done, nothing else changes the sources, and none is one too many", func(b *bench) {
		l := b.open(b.lease())
		move(l, elsewhere)
		stored := l.Clone()
		b.Wait(settled)
		for range 2 {
			result, err := b.p.Mend(b.ctx, l)
			if err != nil || result.Wait != 0 {
				b.Fatalf("%+v, %v", result, err)
			}
			b.wantAccess(l, true)
			s, err := b.p.Survey(b.ctx, b.Account, []*sshforward.Lease{stored})
			i := slices.IndexFunc(s.Found, func(f sshforward.Found) bool { return f.Lease.ID == l.ID })
			if err != nil || i < 0 || s.Found[i].Widened {
				b.Fatalf("%+v, %v", s.Found, err)
			}
		}
		b.finish("move", b.p.ChangeSource, l)
		b.Wait(settled)
		l.Former = nil
		b.wantSources(l, elsewhere)
		b.close(l)
	}},
	{"another source and another end do not know of each other", func(b *bench) {
		l := b.open(b.lease())
		l.ExpiresAt = l.ExpiresAt.Add(30 * time.Minute)
		move(l, elsewhere)
		b.finish("move", b.p.ChangeSource, l)
		l.Former = nil
		b.finish("extend", b.p.Extend, l)
		b.wantSources(l, elsewhere)
		b.wantEnd(l)
		b.close(l)
	}},
	{"a lease whose way in is gone lets nobody in from elsewhere", func(b *bench) {
		l := b.open(b.lease())
		b.Remove(l)
		move(l, elsewhere)
		l.Resources.GroupID = ""
		_, err := b.p.ChangeSource(b.ctx, l)
		b.wantCode(err, sshforward.ENOTFOUND)
		b.close(l)
	}},
}

// wantSources fails the test unless the cloud lets in one source and nobody else,
// and would tell that to a process without a store.
func (b *bench) wantSources(l *sshforward.Lease, want netip.Prefix) {
	b.Helper()
	b.Wait(settled)
	f := b.mustFind(l)
	if one := []netip.Prefix{want}; !slices.Equal(f.Ingress, one) || !slices.Equal(f.Lease.Sources, one) || f.Widened {
		b.Errorf("it lets in %v, the tags say %v, widened is %t; want %s", f.Ingress, f.Lease.Sources, f.Widened, want)
	}
	if b.Reaches == nil {
		return
	}
	for _, a := range append(slices.Concat(allowed, refused), elsewhere.Addr()) {
		if got := b.Reaches(l, a); got != want.Contains(a) {
			b.Errorf("access from %s is %t", a, got)
		}
	}
}
