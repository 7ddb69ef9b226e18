package sim

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/internal/logqueue"
	"github.com/sshforward/sshforward/store/bolt"
)

// process is one run of the program: when it is over, nothing it does has an effect any more.
type process struct {
	over   chan struct{}
	once   sync.Once
	store  *bolt.Store
	keeper *sshforward.Keeper
	log    *logqueue.Queue // nil: there is no log
}

func (p *process) end() { p.once.Do(func() { close(p.over) }) }

func (p *process) isOver() bool {
	select {
	case <-p.over:
		return true
	default:
		return false
	}
}

// errDead is what a dead process sees, which matters to nobody.
var errDead = errors.New("this process is dead")

// site is one call that leaves the process: the nth of all, and what is written
// of the lease at that moment.
type site struct {
	n        int
	what     string
	recorded string
}

// moment says when to die at a site.
type moment int

const (
	survive moment = iota
	before         // the call has no effect
	after          // it has, and nobody hears of it
)

// cross is called where a call leaves the process. It returns when to die.
func (s *sim) cross(what string) moment {
	s.mu.Lock()
	defer s.mu.Unlock()
	here := site{n: s.crossed, what: what}
	s.crossed++
	if s.killer != nil {
		return s.killer(here)
	}
	if s.noting {
		if s.last != nil {
			here.recorded = recorded(s.last)
		}
		s.sites = append(s.sites, here)
	}
	return survive
}

// guard runs a call that leaves the process, with death before or after it.
func (s *sim) guard(p *process, what string, call func() error) error {
	if p.isOver() {
		return errDead
	}
	switch s.cross(what) {
	case before:
		p.end()
		return errDead
	case after:
		err := call()
		p.end()
		return errors.Join(errDead, err)
	}
	return call()
}

// mortalTransport is the process's way to AWS.
type mortalTransport struct {
	s    *sim
	p    *process
	next http.RoundTripper
}

func (m mortalTransport) RoundTrip(req *http.Request) (resp *http.Response, err error) {
	if m.s.poison != nil && m.s.poison(operation(req), bodyOf(req)) {
		panic("poison in " + operation(req))
	}
	m.s.checkDoor(m.p, operation(req), bodyOf(req))
	err = m.s.guard(m.p, operation(req), func() error {
		resp, err = m.next.RoundTrip(req)
		return err
	})
	if err != nil {
		return nil, err
	}
	return resp, nil
}

// operation is what a request asks of AWS: the action of a query, or the method
// where there is none.
func operation(req *http.Request) string {
	form, _ := url.ParseQuery(bodyOf(req)) // a scheduler's body is no form
	return cmp.Or(form.Get("Action"), req.Method)
}

func bodyOf(req *http.Request) string {
	if req.Body == nil {
		return ""
	}
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return ""
	}
	req.Body = io.NopCloser(bytes.NewReader(body))
	return string(body)
}

// mortalStore is the process's way to its disk.
type mortalStore struct {
	s *sim
	p *process
	*bolt.Store
}

func (m mortalStore) Append(ctx context.Context, events ...sshforward.Event) error {
	return m.s.guard(m.p, "append", func() error {
		if err := m.s.written("append"); err != nil {
			return err
		}
		return m.Store.Append(ctx, events...)
	})
}

// written is what comes of a write before it reaches the disk.
func (s *sim) written(what string) error {
	s.taste(what)
	if s.disk == nil {
		return nil
	}
	return s.disk()
}

// said is what comes of a call to Slack on its way there.
func (s *sim) said(ctx context.Context, what string) error {
	s.taste(what)
	if s.slack == nil {
		return nil
	}
	return s.slack(ctx)
}

// taste panics if a call is poisoned that is none to AWS.
func (s *sim) taste(what string) {
	if s.poison != nil && s.poison(what, "") {
		panic("poison in " + what)
	}
}

// mortalSlack is the process's way to Slack.
type mortalSlack struct {
	s *sim
	p *process
	nobody
}

func (m mortalSlack) Card(ctx context.Context, l *sshforward.Lease) (channel, ts string, err error) {
	err = m.s.guard(m.p, "card", func() error {
		if err := m.s.said(ctx, "card"); err != nil {
			return err
		}
		ts = "1." + l.ID
		return nil
	})
	return l.Channel, ts, err
}

func (m mortalSlack) Notice(ctx context.Context, l *sshforward.Lease, n sshforward.Notice) (sshforward.Place, error) {
	at := sshforward.Place{Channel: l.Channel, TS: fmt.Sprintf("%d.%s%s", n.At.UnixNano(), n.Kind, n.To)}
	return at, m.s.guard(m.p, "notice", func() error {
		if err := m.s.said(ctx, "notice"); err != nil {
			return err
		}
		if m.s.heard != nil {
			m.s.heard(l, n)
		}
		m.s.channel.notice(l, n)
		return nil
	})
}

func (m mortalSlack) Edit(ctx context.Context, _ *sshforward.Lease, _ sshforward.Posted) error {
	return m.s.guard(m.p, "edit", func() error { return m.s.said(ctx, "edit") })
}

func (m mortalSlack) Announce(context.Context, sshforward.Text) error {
	return m.s.guard(m.p, "announce", func() error { return nil })
}

// channel is what people read in Slack.
type channel struct {
	mu      sync.Mutex
	notices []string
}

func (c *channel) notice(l *sshforward.Lease, n sshforward.Notice) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.notices = append(c.notices, l.ID+" "+string(n.Kind))
}

func (c *channel) said(id string, kind sshforward.NoticeKind) (times int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, n := range c.notices {
		if n == id+" "+string(kind) {
			times++
		}
	}
	return times
}

// nobody is a directory without groups, in which everybody is a full member.
type nobody struct{}

func (nobody) Members(context.Context, string) ([]string, error) { return nil, nil }

func (nobody) Person(context.Context, string) (sshforward.Person, error) {
	return sshforward.Person{}, nil
}
