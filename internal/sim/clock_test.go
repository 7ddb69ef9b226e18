package sim

import (
	"context"
	"iter"
	"reflect"
	"slices"
	"time"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/store/dynamo"
)

// clock is a replica's own. All of a bubble have one clock, so what is off is not what
// the replica reads from it: all times that it reads, from the table and from the tags,
// are as much behind, and all that it writes as much ahead, which comes to the same. It
// stays off by as much for as long as the process lives, and that is noticed a while
// after the start, as by the first answers of the table.
type clock struct {
	ahead   time.Duration
	noticed time.Time
}

func (c clock) behind() (time.Duration, bool) { return -c.ahead, !time.Now().Before(c.noticed) }

// trusted reports whether the replica does its own work by it.
func (c clock) trusted() bool { return c.ahead.Abs() <= clockTrusted }

const (
	clockTrusted = 5 * time.Second  // more than that, and the others do the work
	clockWrong   = 30 * time.Second // how far one is off that is wrong
)

// newClock is one for a replica that starts. Of all that run one at most is off by so
// much that it is noticed; the others are off by what is tolerated.
func (f *fleet) newClock() clock {
	if !f.clocksOff {
		return clock{}
	}
	wrong := slices.ContainsFunc(f.replicas, func(r *replica) bool { return !r.clock.trusted() })
	c := clock{noticed: time.Now().Add(time.Duration(f.rng.Int64N(int64(10 * time.Second))))}
	if c.ahead = time.Duration(f.rng.Int64N(int64(clockTrusted))); !wrong && f.rng.IntN(2) == 0 {
		c.ahead = clockWrong
	}
	if f.rng.IntN(2) == 0 {
		c.ahead = -c.ahead
	}
	return c
}

// moved returns v with all of its times moved, except those that keep says.
func moved[T any](v T, by time.Duration, keep func(time.Time) bool) T {
	if by == 0 {
		return v
	}
	out := reflect.New(reflect.TypeFor[T]()).Elem()
	out.Set(movedValue(reflect.ValueOf(&v).Elem(), by, keep))
	return out.Interface().(T)
}

func movedValue(v reflect.Value, by time.Duration, keep func(time.Time) bool) reflect.Value {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return v
		}
		p := reflect.New(v.Type().Elem())
		p.Elem().Set(movedValue(v.Elem(), by, keep))
		return p
	case reflect.Slice:
		if v.IsNil() {
			return v
		}
		s := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		for i := range v.Len() {
			s.Index(i).Set(movedValue(v.Index(i), by, keep))
		}
		return s
	case reflect.Struct:
		out := reflect.New(v.Type()).Elem()
		out.Set(v)
		if at, ok := v.Interface().(time.Time); ok {
			if !at.IsZero() && (keep == nil || !keep(at)) {
				out.Set(reflect.ValueOf(at.Add(by)))
			}
			return out
		}
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				out.Field(i).Set(movedValue(v.Field(i), by, keep))
			}
		}
		return out
	}
	return v
}

// clockedStore is the table as a replica sees it whose clock is off.
type clockedStore struct {
	*dynamo.Store
	c clock
}

func (s clockedStore) Lease(ctx context.Context, id string) (*sshforward.Lease, error) {
	l, err := s.Store.Lease(ctx, id)
	return moved(l, -s.c.ahead, nil), err
}

func (s clockedStore) Put(ctx context.Context, l *sshforward.Lease, events ...sshforward.Event) error {
	off := s.c.ahead
	out := moved(l, off, nil)
	err := s.Store.Put(ctx, out, moved(events, off, nil)...)
	l.Revision = out.Revision
	return err
}

func (s clockedStore) Due(ctx context.Context, now time.Time, limit int) ([]string, error) {
	return s.Store.Due(ctx, now.Add(s.c.ahead), limit)
}

func (s clockedStore) Active(ctx context.Context) ([]*sshforward.Lease, error) {
	all, err := s.Store.Active(ctx)
	return moved(all, -s.c.ahead, nil), err
}

func (s clockedStore) Append(ctx context.Context, events ...sshforward.Event) error {
	return s.Store.Append(ctx, moved(events, s.c.ahead, nil)...)
}

func (s clockedStore) Events(ctx context.Context, since time.Time) iter.Seq2[sshforward.Event, error] {
	off := s.c.ahead
	return func(yield func(sshforward.Event, error) bool) {
		for e, err := range s.Store.Events(ctx, since.Add(off)) {
			if !yield(moved(e, -off, nil), err) {
				return
			}
		}
	}
}

func (s clockedStore) Past(ctx context.Context, owner string, since time.Time, limit int) ([]sshforward.Event, error) {
	off := s.c.ahead
	past, err := s.Store.Past(ctx, owner, since.Add(off), limit)
	return moved(past, -off, nil), err
}

// clockedCloud is AWS as such a replica sees it: the ends that stand in tags are other
// machines' times. What AWS itself says of now is right.
type clockedCloud struct {
	sshforward.Cloud
	c clock
}

func (k clockedCloud) step(ctx context.Context, l *sshforward.Lease,
	do func(context.Context, *sshforward.Lease) (sshforward.StepResult, error),
) (sshforward.StepResult, error) {
	off := k.c.ahead
	if off == 0 {
		return do(ctx, l)
	}
	in := moved(l, off, nil)
	r, err := do(ctx, in)
	was := in.Resources
	ours := []time.Time{was.RegisteredAt, was.EndSeenAt, was.EndAcceptedAt, r.Resources.Until}
	r.Resources = moved(r.Resources, -off, func(at time.Time) bool { return !slices.ContainsFunc(ours, at.Equal) })
	return r, err
}

func (k clockedCloud) Open(ctx context.Context, l *sshforward.Lease) (sshforward.StepResult, error) {
	return k.step(ctx, l, k.Cloud.Open)
}

func (k clockedCloud) Extend(ctx context.Context, l *sshforward.Lease) (sshforward.StepResult, error) {
	return k.step(ctx, l, k.Cloud.Extend)
}

func (k clockedCloud) Mend(ctx context.Context, l *sshforward.Lease) (sshforward.StepResult, error) {
	return k.step(ctx, l, k.Cloud.Mend)
}

func (k clockedCloud) Close(ctx context.Context, l *sshforward.Lease) (sshforward.StepResult, error) {
	return k.step(ctx, l, k.Cloud.Close)
}

func (k clockedCloud) Survey(ctx context.Context, account string, stored []*sshforward.Lease) (sshforward.Survey, error) {
	off := k.c.ahead
	s, err := k.Cloud.Survey(ctx, account, moved(stored, off, nil))
	for i := range s.Found {
		s.Found[i].Lease = moved(s.Found[i].Lease, -off, nil)
	}
	return s, err
}
