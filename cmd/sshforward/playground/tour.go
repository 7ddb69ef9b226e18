package playground

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/cmd/sshforward/playground/web"
)

// tour is what the guide's steps go by, beside the audit record and the traffic.
type tour struct {
	mu      sync.Mutex
	killed  bool      // the bot was, and is not back yet
	back    time.Time // when it first was back
	receipt time.Time // when the receipt of a lease that is closed was first asked for
}

// died and returned are the bot's.
func (t *tour) died() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.killed = true
}

func (t *tour) returned() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.killed && t.back.IsZero() {
		t.back = time.Now().UTC()
	}
	t.killed = false
}

// Story implements web.Tour.
func (p *Playground) Story() web.Story {
	events := p.record.all()
	s := web.Story{Leases: leasesOf(events)}
	s.Sessions, s.Refusals = p.forward.traffic.all()
	p.tour.mu.Lock()
	defer p.tour.mu.Unlock()
	done := map[string]time.Time{"break": p.tour.back, "receipt": p.tour.receipt}
	first := func(step string, at time.Time) {
		if done[step].IsZero() {
			done[step] = at
		}
	}
	closed := make(map[string]bool) // by somebody
	for _, e := range events {
		if e.Result != sshforward.ResultOK {
			continue
		}
		switch e.Act {
		case sshforward.ActOpened:
			first("open", e.At)
			if len(e.Approvers) > 0 {
				first("approve", e.At)
			}
			if e.Urgent {
				first("urgent", e.At)
			}
		case sshforward.ActClose:
			closed[e.Lease] = true
		case sshforward.ActMended, sshforward.ActRebuilt:
			first("break", e.At)
		}
	}
	for _, x := range s.Sessions {
		first("ssh", x.Began)
		if x.Cut && closed[x.Lease] {
			first("close", x.Ended)
		}
	}
	for _, x := range s.Refusals {
		first("stranger", x.At)
	}
	for _, id := range []string{"open", "ssh", "stranger", "close", "approve", "urgent", "break", "receipt"} {
		s.Steps = append(s.Steps, web.Step{ID: id, Done: done[id]})
	}
	return s
}

// leasesOf is what the record last says of each lease, in the order in which
// they were asked for.
func leasesOf(events []sshforward.Event) []web.Lease {
	var all []web.Lease
	for _, e := range events {
		if e.Lease == "" || e.State == "" {
			continue
		}
		i := slices.IndexFunc(all, func(l web.Lease) bool { return l.ID == e.Lease })
		if i < 0 {
			i = len(all)
			all = append(all, web.Lease{ID: e.Lease, Asked: e.At})
		}
		l := &all[i]
		l.Name, l.Owner, l.State, l.Urgent, l.Expires = e.Name, e.Owner, string(e.State), e.Urgent, e.Expires
		l.Approved = len(e.Approvers) > 0
	}
	return all
}

// Receipt implements web.Tour.
func (p *Playground) Receipt(lease string) (web.Receipt, error) {
	r := web.Receipt{Lease: lease, Events: p.record.about(lease), Sessions: []web.Session{}, Refusals: []web.Refusal{}}
	sessions, refusals := p.forward.traffic.all()
	for _, s := range sessions {
		if s.Lease == lease {
			r.Sessions = append(r.Sessions, s)
		}
	}
	for _, x := range refusals {
		if x.Lease == lease {
			r.Refusals = append(r.Refusals, x)
		}
	}
	if slices.ContainsFunc(leasesOf(p.record.all()), func(l web.Lease) bool {
		return l.ID == lease && l.State == string(sshforward.Closed)
	}) {
		p.tour.mu.Lock()
		if p.tour.receipt.IsZero() {
			p.tour.receipt = time.Now().UTC()
		}
		p.tour.mu.Unlock()
		p.note()
	}
	return r, nil
}

// elsewhere is where a stranger comes from.
var elsewhere = netip.AddrFrom4([4]byte{127, 0, 0, 2})

// strangerWithin is how long a stranger waits for a first word.
const strangerWithin = 5 * time.Second

// Stranger implements web.Tour.
func (p *Playground) Stranger(ctx context.Context, lease string) (string, error) {
	conn, err := p.dial(ctx, lease, elsewhere)
	if errors.Is(err, syscall.EADDRNOTAVAIL) {
		return "", fmt.Errorf("this machine has no address %s; on macOS, add it with: sudo ifconfig lo0 alias %[1]s", elsewhere)
	}
	n := 0
	if err == nil {
		defer func() { _ = conn.Close() }() // all was said by then
		_ = conn.SetReadDeadline(time.Now().Add(strangerWithin))
		n, err = conn.Read(make([]byte, 1))
	}
	switch {
	case n > 0:
		return fmt.Sprintf("%s got in: this lease lets it.", elsewhere), nil
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET):
		return fmt.Sprintf("%s was refused by the security group.", elsewhere), nil
	}
	return "", err
}

// dial connects to the forward of a lease, or to the newest that there is.
func (p *Playground) dial(ctx context.Context, lease string, from netip.Addr) (net.Conn, error) {
	to, ok := p.forward.address(lease)
	if !ok {
		return nil, errors.New("there is no forward to connect to: open one first")
	}
	d := net.Dialer{Timeout: strangerWithin, LocalAddr: &net.TCPAddr{IP: from.AsSlice()}}
	return d.DialContext(ctx, "tcp", to.String())
}
