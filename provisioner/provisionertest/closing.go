package provisionertest

import "github.com/sshforward/sshforward"

// closing: all of it goes, whatever is known and whatever is there.
var closing = []clause{
	{"it is complete only when nothing is left, and may be repeated", func(b *bench) {
		before := b.Foreign()
		l := b.open(b.lease())
		b.startClosing(l)
		for range 500 {
			result, err := b.p.Close(b.ctx, l)
			if err != nil {
				b.Fatal(err)
			}
			l.Resources = result.Resources
			b.wantAccess(l, false)
			if result.Wait == 0 {
				break
			}
			b.Wait(result.Wait)
		}
		b.clean(before)
		if r := l.Resources; !r.BalancerGone || !r.RuleGone || !r.GroupGone {
			b.Errorf("it is complete, and not all is gone: %+v", r)
		}
		b.close(l.Clone())
		l.Resources = sshforward.Resources{} // the store forgot it all
		b.close(l)
		b.clean(before)
	}},
	{"what nobody remembers is found by the lease's id", func(b *bench) {
		before := b.Foreign()
		l := b.open(b.lease())
		b.restart()
		b.close(&sshforward.Lease{ID: l.ID, OpenedAt: l.OpenedAt, Terms: sshforward.Terms{Instance: sshforward.Instance{Account: b.Account}}})
		b.clean(before)
	}},
	{"a lease of which nothing was made closes", func(b *bench) {
		before := b.Foreign()
		b.close(b.lease())
		b.clean(before)
	}},
	{"a process that died in any stage leaves nothing that the next one does not find", func(b *bench) {
		before := b.Foreign()
		for n, last := range stages {
			l := b.lease()
			for _, s := range stages[:n] {
				b.stage(l, s)
			}
			enter(l, last)
			written := l.Clone()
			if _, err := b.p.Open(b.ctx, l); err != nil { // and die
				b.Fatalf("%s: %v", last, err)
			}
			b.restart()
			b.close(written)
			b.clean(before)
		}
	}},
	{"what others have removed is gone, and the rest goes all the same", func(b *bench) {
		before := b.Foreign()
		for _, does := range [][]func(*sshforward.Lease){{b.Remove}, {b.Break}, {b.Remove, b.Break}} {
			l := b.open(b.lease())
			for _, do := range does {
				do(l)
			}
			b.close(l)
			b.clean(before)
		}
	}},
	{"another lease's things stay", func(b *bench) {
		l := b.open(b.lease())
		other := b.lease()
		b.close(other)
		b.Check(l)
		b.wantAccess(l, true)
		b.close(l)
	}},
}
