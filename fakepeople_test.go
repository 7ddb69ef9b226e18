package sshforward

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// said is one message that Slack took.
type said struct {
	lease string
	what  string // "new card", "card", or the kind of a notice
	key   string
	at    time.Time
}

// fakeSlack is a Notifier that remembers what people see.
type fakeSlack struct {
	mu    sync.Mutex
	log   []said
	cards map[string]string // lease -> key of what its card shows
	tries int

	announced []string

	before func(ctx context.Context, what string, l *Lease) error
	after  func(what string, l *Lease) error
}

func (s *fakeSlack) take(ctx context.Context, what string, l *Lease) error {
	s.mu.Lock()
	s.tries++
	before := s.before
	s.mu.Unlock()
	if before != nil {
		if err := before(ctx, what, l); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	s.log = append(s.log, said{l.ID, what, l.CardKey(), time.Now()})
	if what == "card" || what == "new card" {
		s.cards[l.ID] = l.CardKey()
	}
	s.mu.Unlock()
	if s.after != nil {
		return s.after(what, l)
	}
	return nil
}

// script changes what happens before Slack takes something; nil: nothing.
func (s *fakeSlack) script(before func(ctx context.Context, what string, l *Lease) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before = before
}

func (s *fakeSlack) Card(ctx context.Context, l *Lease) (channel, ts string, err error) {
	if l.Card.TS != "" {
		return l.Card.Channel, l.Card.TS, s.take(ctx, "card", l)
	}
	if err := s.take(ctx, "new card", l); err != nil {
		return "", "", err
	}
	return l.Channel, fmt.Sprintf("ts-%s-%d", l.ID, time.Now().UnixNano()), nil
}

func (s *fakeSlack) Notice(ctx context.Context, l *Lease, n Notice) (Place, error) {
	what, channel := string(n.Kind), l.Channel
	if n.To != "" {
		what, channel = what+" to "+n.To, "D"+n.To
	}
	return Place{Channel: channel, TS: fmt.Sprintf("ts-%s-%d", n.Kind, time.Now().UnixNano())}, s.take(ctx, what, l)
}

func (s *fakeSlack) Edit(ctx context.Context, l *Lease, p Posted) error {
	return s.take(ctx, "edit "+string(p.Kind)+" "+p.To, l)
}

func (s *fakeSlack) Announce(ctx context.Context, says Text) error {
	if err := s.take(ctx, "announcement", &Lease{}); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.announced = append(s.announced, says.String())
	return nil
}

// heard returns what was said about a lease, without updates of its card.
func (s *fakeSlack) heard(id string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for _, x := range s.log {
		if x.lease == id && x.what != "card" && !strings.HasPrefix(x.what, "edit ") {
			out = append(out, x.what)
		}
	}
	return out
}

// when returns the times at which something was said about a lease.
func (s *fakeSlack) when(id, what string) []time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []time.Time
	for _, x := range s.log {
		if x.lease == id && x.what == what {
			out = append(out, x.at)
		}
	}
	return out
}

func (s *fakeSlack) shows(id string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cards[id]
}

func (s *fakeSlack) tried() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tries
}

// fakeDirectory is a Directory of a few groups. Whom it was told nothing about
// is a full member.
type fakeDirectory struct {
	mu     sync.Mutex
	groups map[string][]string
	people map[string]Person
	down   bool // it tells of no group
	blind  bool // nor of any person
}

func (d *fakeDirectory) Members(_ context.Context, group string) ([]string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.down {
		return nil, &Error{Code: EUNAVAILABLE, Err: errors.New("scripted fault")}
	}
	return slices.Clone(d.groups[group]), nil
}

func (d *fakeDirectory) Person(_ context.Context, user string) (Person, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.blind {
		return Person{}, &Error{Code: EUNAVAILABLE, Err: errors.New("scripted fault")}
	}
	return d.people[user], nil
}

func (d *fakeDirectory) set(down bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.down = down
}

// change is what an admin of the workspace does.
func (d *fakeDirectory) change(do func(*fakeDirectory)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	do(d)
}
