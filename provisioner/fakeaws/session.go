package fakeaws

import (
	"net/netip"
	"slices"
	"time"
)

// Session is one TCP connection through a load balancer to an instance. It has
// no socket: it stands for a connection and knows when AWS would cut it.
type Session struct {
	Backend
	LoadBalancer string
	Source       netip.Addr
	Began        time.Time

	c *Cloud
	s *connection
}

// connection is what the region knows of a connection. ends is when it is to be
// cut, if that is decided already; cut is when it was.
type connection struct {
	lb          *loadBalancer
	instance    string
	ends, cut   time.Time
	endsWhy, by string
}

// Dial opens a session where Route lets one through. It stands until Close, or
// until AWS cuts it: with draining off as soon as the instance is out of
// service or deregistered, with draining on DrainingTimeout later; and when the
// load balancer is gone, or the instance does not run any more. Rules, network
// ACLs and routes that change later do not end it: security groups track
// established connections.
//
// That an unhealthy instance loses its sessions, and not only a deregistered
// one, is from the guide on connection draining: it keeps connections open "to
// instances that are de-registering or unhealthy", and without it the load
// balancer closes them.
func (h *Region) Dial(loadBalancer string, source netip.Addr, port int) (*Session, error) {
	defer h.lock("")()
	lb, backend, err := h.r.route(loadBalancer, source, port)
	if err != nil {
		return nil, err
	}
	s := &connection{lb: lb, instance: backend.Instance}
	h.r.sessions = append(h.r.sessions, s)
	return &Session{Backend: backend, LoadBalancer: loadBalancer, Source: source, Began: time.Now(), c: h.c, s: s}, nil
}

// Alive tells whether the session stands now.
func (s *Session) Alive() bool { at, _ := s.Ended(); return at.IsZero() }

// Ended tells when the session ended and why; the zero time means that it
// stands. Like everything that happens with time it is worked out when somebody
// looks, and is as exact as if it had been watched.
func (s *Session) Ended() (at time.Time, why string) {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	s.c.settle(time.Now())
	return s.s.cut, s.s.by
}

// Close ends the session, as the client does.
func (s *Session) Close() {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	s.c.settle(time.Now())
	s.s.end(time.Now(), "closed by the client")
}

func (s *connection) end(at time.Time, why string) {
	if s.cut.IsZero() {
		s.cut, s.by = at, why
	}
}

// cut ends the sessions of a load balancer with an instance, or with any of its
// instances if that is empty, when it is time for it. The earliest end counts.
func (r *region) cut(lb *loadBalancer, instance string, at time.Time, why string) {
	for _, s := range r.sessions {
		if s.lb == lb && (instance == "" || s.instance == instance) && (s.ends.IsZero() || at.Before(s.ends)) {
			s.ends, s.endsWhy = at, why
		}
	}
}

// unhealthy cuts the sessions of an instance that went out of service.
func (r *region) unhealthy(lb *loadBalancer, instance string, at time.Time) {
	if !lb.Draining {
		r.cut(lb, instance, at, "instance out of service")
	}
}

// spared tells whether some session still stands that draining waits for.
func (r *region) spared(lb *loadBalancer, instance string) bool {
	return slices.ContainsFunc(r.sessions, func(s *connection) bool {
		return s.lb == lb && s.instance == instance && s.cut.IsZero()
	})
}

func (r *region) settleSessions(now time.Time) {
	r.sessions = slices.DeleteFunc(r.sessions, func(s *connection) bool {
		if i, ok := r.instances.get(s.instance); !ok || i.State != Running {
			s.end(now, "instance not running")
		}
		if !s.ends.IsZero() && !now.Before(s.ends) {
			s.end(s.ends, s.endsWhy)
		}
		return !s.cut.IsZero()
	})
}
