package sshforward

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

func TestWhoServes(t *testing.T) {
	t0 := time.Now()
	at := func(d time.Duration) time.Time { return t0.Add(d) }
	m := &membership{store: newMemStore(t), id: "me"}
	if !m.serves("other", t0) || m.mayOpen(t0) {
		t.Error("before the first look others are taken to serve, and nothing is opened before the first beat")
	}
	m.hasBeaten(Replica{ID: "me", Beat: 1}, t0)
	beats := func(n uint64, leaving bool) []Replica {
		return []Replica{{ID: "me", Beat: 1}, {ID: "other", Beat: n, Leaving: leaving}}
	}
	for _, c := range []struct {
		at      time.Duration
		beat    uint64
		leaving bool
		serving []string
		gone    bool
	}{
		{0, 5, false, []string{"me", "other"}, true}, // who is named in a lease may be gone before the first look
		{3 * time.Second, 6, false, []string{"me", "other"}, false},
		{14 * time.Second, 6, false, []string{"me", "other"}, false},
		{15 * time.Second, 6, false, []string{"me"}, true},
		{16 * time.Second, 6, false, []string{"me"}, false},
		{17 * time.Second, 7, false, []string{"me", "other"}, false}, // it was asleep
		{18 * time.Second, 8, true, []string{"me"}, true},
	} {
		gone, over := m.see(beats(c.beat, c.leaving), at(c.at))
		if !slices.Equal(m.serving, c.serving) || gone != c.gone || len(over) > 0 {
			t.Errorf("at %s: %v serve, somebody is gone: %t, to forget: %v", c.at, m.serving, gone, over)
		}
	}
	if gone, _ := m.see(beats(8, true)[:1], at(19*time.Second)); gone || m.serves("other", at(19*time.Second)) || m.listed("other") {
		t.Error("who has taken itself off the list is still there")
	}
	m.see(beats(9, false), at(20*time.Second))
	if _, over := m.see(beats(9, false), at(20*time.Second+forgetAfter)); len(over) != 1 || over[0].Beat != 9 {
		t.Errorf("to forget: %v", over)
	}
}

func TestWhoMayOpen(t *testing.T) {
	t0 := time.Now()
	for what, c := range map[string]struct {
		silent time.Duration
		skew   time.Duration
		leaves bool
		may    bool
		fit    bool
	}{
		"it has just beaten":      {0, 0, false, true, true},
		"a beat ago":              {beatEvery, 0, false, true, true},
		"too long ago":            {muteAfter, 0, false, false, false},
		"the clock is off a bit":  {0, 3 * time.Second, false, true, false},
		"the clock is behind":     {0, 6 * time.Second, false, false, false},
		"the clock is ahead":      {0, -6 * time.Second, false, false, false},
		"it leaves":               {0, 0, true, false, true},
		"less than what is said":  {0, -2 * time.Second, false, true, true},
		"exactly what is allowed": {0, 5 * time.Second, false, true, false},
	} {
		m := &membership{store: newMemStore(t), id: "me", skew: c.skew, leaving: c.leaves}
		m.hasBeaten(Replica{ID: "me", Beat: 1}, t0)
		now := t0.Add(c.silent)
		if got := m.mayOpen(now); got != c.may {
			t.Errorf("%s: it may open: %t", what, got)
		}
		if err := m.unfit(now); (err == nil) != c.fit {
			t.Errorf("%s: %v", what, err)
		}
	}
	// A machine that slept has a monotonic clock that stood still.
	m := &membership{store: newMemStore(t), id: "me"}
	m.hasBeaten(Replica{ID: "me", Beat: 1}, t0.Round(0).Add(-time.Hour))
	if m.mayOpen(t0) {
		t.Error("it opens after an hour of sleep")
	}
}

// A keeper that is alone works on everything, writes nobody's name, and beats never.
func TestAlone(t *testing.T) {
	m := newMembership(newMemStore(t), false)
	l := &Lease{State: Opening, Worker: "of a table", Stragglers: []Straggler{{Worker: "x", Until: time.Now().Add(time.Hour)}}}
	now := time.Now()
	if !m.works(l, now) || m.inherits(l, now) || !m.mayOpen(now) || !m.chosen("x", now) || m.unfit(now) != nil {
		t.Error("it does not do all the work")
	}
	m.own(&Lease{}, l, now)
	if l.Worker != "" || l.Stragglers != nil {
		t.Errorf("%+v", l)
	}
	if gone, err := m.beat(t.Context()); gone || err != nil || m.end(t.Context()) != nil {
		t.Error("it looks for others")
	}
}

// All replicas choose the same one for each thing, each has its share, and when one
// goes only its own moves.
func TestChosen(t *testing.T) {
	ids := []string{"a", "b", "c"}
	now := time.Now()
	of := func(me string, serving ...string) *membership {
		m := &membership{store: newMemStore(t), id: me, leaving: !slices.Contains(serving, me)}
		var all []Replica
		for _, id := range serving {
			all = append(all, Replica{ID: id, Beat: 1})
		}
		m.see(all, now)
		return m
	}
	pick := func(key string, serving ...string) (by string) {
		for _, me := range serving {
			if of(me, serving...).chosen(key, now) {
				if by != "" {
					t.Errorf("%s is both %s's and %s's", key, by, me)
				}
				by = me
			}
		}
		return by
	}
	share := make(map[string]int)
	for n := range 300 {
		key := fmt.Sprint("account ", n)
		by := pick(key, ids...)
		share[by]++
		if then := pick(key, "a", "b"); by != "c" && then != by {
			t.Errorf("%s moved from %s to %s", key, by, then)
		}
	}
	for _, id := range ids {
		if share[id] < 60 {
			t.Errorf("shares: %v", share)
		}
	}
}

func TestWhoWorksOnALease(t *testing.T) {
	now := time.Now()
	m := &membership{store: newMemStore(t), id: "me"}
	m.hasBeaten(Replica{ID: "me", Beat: 1}, now)
	all := []Replica{{ID: "me", Beat: 1}, {ID: "lives", Beat: 1}, {ID: "leaves", Beat: 1, Leaving: true}, {ID: "dead", Beat: 1}}
	m.see(all, now.Add(-deadAfter))
	all[1].Beat = 2
	m.see(all, now)
	due := func(end time.Duration) *Lease {
		return &Lease{State: Open, OpenedAt: now.Add(-time.Hour), ExpiresAt: now.Add(end), Outbox: Outbox{Card: Card{TS: "1"}}}
	}
	closing := func(since time.Duration) *Lease {
		l := due(-since)
		l.State, l.NextTryAt = Closing, now.Add(-since)
		return l
	}
	for what, c := range map[string]struct {
		lease           *Lease
		worker          string
		works, inherits bool
	}{
		"mine":                           {due(time.Hour), "me", true, false},
		"nobody's":                       {due(time.Hour), "", false, true},
		"somebody's":                     {due(time.Hour), "lives", false, false},
		"of one that leaves":             {due(time.Hour), "leaves", false, true},
		"of a dead one":                  {due(time.Hour), "dead", false, true},
		"of one that is not listed":      {due(time.Hour), "unknown", false, true},
		"somebody's, due":                {due(-2 * time.Second), "lives", false, false},
		"somebody's, due for too long":   {due(-4 * time.Second), "lives", false, true},
		"somebody's, being closed":       {closing(4 * time.Second), "lives", false, false},
		"somebody's, closing gets stuck": {closing(roundAfter), "lives", false, true},
	} {
		c.lease.Worker = c.worker
		if works, inherits := m.works(c.lease, now), m.inherits(c.lease, now); works != c.works || inherits != c.inherits {
			t.Errorf("%s: it works on it: %t, it takes it over: %t", what, works, inherits)
		}
	}
	m.leave()
	l := due(time.Hour)
	l.Worker = "me"
	if m.works(l, now) || m.inherits(due(time.Hour), now) {
		t.Error("one that leaves goes on although there is another")
	}
	m.see([]Replica{{ID: "me", Beat: 1}, {ID: "dead", Beat: 1}}, now)
	if !m.works(l, now) {
		t.Error("one that leaves does nothing although there is no other")
	}
}
