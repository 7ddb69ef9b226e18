package playground

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

// How often the forwarder looks at the cloud without having been told to.
// Things that happen with time alone are worked out by the cloud when somebody
// looks, so somebody has to.
const (
	lookWhilePending = 200 * time.Millisecond
	lookOtherwise    = time.Second
)

// forwarder is the data path: it makes the cloud's load balancers carry real
// connections. A load balancer listens exactly as long as it has an instance
// in service; whether a connection gets through is the cloud's to say.
type forwarder struct {
	cloud *fakeaws.Cloud
	addrs *addresses
	hosts map[string]*host // by instance id
	log   *slog.Logger
	// changed is called when a listener or a session has come or gone.
	changed func()
	// seen gets what is in service, after every look.
	seen func(inService map[string]bool)
	// traffic is told who came and went.
	traffic *traffic

	nudge chan struct{}
	group sync.WaitGroup

	mu        sync.Mutex
	closed    bool
	listeners map[place]net.Listener
	sessions  map[*session]struct{}
}

// place is one listener of one load balancer; created tells it from an earlier
// one of the same name.
type place struct {
	balancer string
	port     int
	created  time.Time
}

func newForwarder(cloud *fakeaws.Cloud, addrs *addresses, hosts map[string]*host, log *slog.Logger) *forwarder {
	return &forwarder{
		cloud: cloud, addrs: addrs, hosts: hosts, log: log, changed: func() {}, seen: func(map[string]bool) {},
		traffic: &traffic{tell: func(time.Time, string, string, ...any) {}}, nudge: make(chan struct{}, 1),
		listeners: make(map[place]net.Listener), sessions: make(map[*session]struct{}),
	}
}

// run follows the cloud until ctx ends, and then cuts everything.
func (f *forwarder) run(ctx context.Context) {
	defer f.close()
	events, cancel := f.cloud.Subscribe(1024)
	defer cancel()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-f.nudge:
		case <-events:
			// One look covers everything that has been announced by now; the
			// buffer may even overflow without harm.
			for drained := false; !drained; {
				select {
				case <-events:
				default:
					drained = true
				}
			}
		}
		f.cloud.Refresh()
		timer.Reset(f.reconcile())
	}
}

// reconcile makes listeners and sessions what the cloud says they should be,
// and returns when to look again.
func (f *forwarder) reconcile() time.Duration {
	region, again := f.cloud.Home(), lookOtherwise
	running := make(map[string]bool)
	for _, i := range region.Instances() {
		running[i.ID] = i.State == fakeaws.Running
	}
	want := make(map[place]bool)
	registered := make(map[registration]bool)
	inService := make(map[string]bool)
	balancers, there := region.LoadBalancers(), make(map[string]bool)
	for _, lb := range balancers {
		there[lb.Name] = true
	}
	f.addrs.look(there)
	for _, lb := range balancers {
		if _, ours := f.addrs.of(lb.Name); !ours {
			continue
		}
		serving := false
		for _, r := range lb.Instances {
			registered[registration{lb.Name, lb.Created, r.Instance}] = running[r.Instance]
			if r.State == "InService" {
				serving, inService[r.Instance] = true, true
			}
		}
		if !serving {
			again = lookWhilePending
		}
		for _, l := range lb.Listeners {
			if serving {
				want[place{lb.Name, l.Port, lb.Created}] = true
			}
		}
	}
	f.seen(inService)
	if f.apply(want, registered) {
		f.changed()
	}
	return again
}

// apply opens and closes what has to be, and says whether anything was.
func (f *forwarder) apply(want map[place]bool, registered map[registration]bool) (changed bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for p, l := range f.listeners {
		if !want[p] {
			_ = l.Close()
			delete(f.listeners, p)
			changed = true
			f.log.Debug("load balancer stopped listening", "name", p.balancer, "address", l.Addr())
		}
	}
	for s := range f.sessions {
		if s.routed && !registered[s.to] {
			s.cut()
			f.traffic.ended(s.id, true)
			delete(f.sessions, s)
			changed = true
			f.log.Info("session cut", "instance", s.to.instance, "name", s.to.balancer)
		}
	}
	for p := range want {
		if f.listeners[p] != nil || f.closed {
			continue
		}
		addr, _ := f.addrs.of(p.balancer)
		l, err := net.Listen("tcp", net.JoinHostPort(addr.String(), strconv.Itoa(p.port)))
		if err != nil {
			f.log.Warn("a load balancer cannot listen on this machine; trying again", "name", p.balancer, "err", err)
			continue
		}
		f.listeners[p] = l
		changed = true
		f.log.Debug("load balancer listens", "name", p.balancer, "address", l.Addr())
		f.group.Go(func() { f.accept(p, l) })
	}
	return changed
}

func (f *forwarder) accept(p place, l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return // closed: reconcile has taken it away
		}
		f.group.Go(func() { f.carry(p, conn) })
	}
}

// carry brings one connection to the instance, if the cloud lets it through.
func (f *forwarder) carry(p place, conn net.Conn) {
	s := &session{Conn: conn}
	if !f.add(s) {
		s.cut()
		return
	}
	defer f.remove(s)
	source := sourceOf(conn)
	backend, err := f.cloud.Home().Route(p.balancer, source, p.port)
	h := f.hosts[backend.Instance]
	if err != nil || h == nil {
		// AWS would drop the packets of a source that is not let in, so that
		// the client waits in vain; a reset says the same sooner.
		f.log.Info("connection refused", "from", source, "err", err)
		s.cut()
		if errors.Is(err, fakeaws.ErrFiltered) {
			f.traffic.refused(f.lease(p.balancer), source)
			f.changed()
		}
		return
	}
	s.begin(backend.IdleTimeout, f.node(p.balancer))
	f.mu.Lock()
	s.to, s.routed = registration{p.balancer, p.created, backend.Instance}, true
	f.mu.Unlock()
	lease := f.lease(p.balancer)
	s.loggedIn = func() {
		f.mu.Lock()
		_, there := f.sessions[s]
		if there {
			s.id = f.traffic.came(lease, h.name, source)
		}
		f.mu.Unlock()
		f.changed()
	}
	f.wake() // the instance may have been deregistered since Route looked
	f.changed()
	h.serve(s)
}

// sourceOf is where a connection comes from. Some systems let a client that has
// not chosen an address come from the very one it goes to; it comes from here,
// as it does where the system chooses 127.0.0.1.
func sourceOf(conn net.Conn) netip.Addr {
	remote, _ := conn.RemoteAddr().(*net.TCPAddr)
	local, _ := conn.LocalAddr().(*net.TCPAddr)
	if remote == nil || local == nil {
		return netip.Addr{} // which no rule lets in
	}
	if remote.IP.Equal(local.IP) {
		return home
	}
	return remote.AddrPort().Addr().Unmap()
}

// address is where the forward of a lease listens now, or the newest forward if
// lease is empty.
func (f *forwarder) address(lease string) (netip.AddrPort, bool) {
	var (
		newest time.Time
		at     netip.AddrPort
	)
	balancers := f.cloud.Home().LoadBalancers()
	f.mu.Lock()
	defer f.mu.Unlock()
	for p, l := range f.listeners {
		i := slices.IndexFunc(balancers, func(lb fakeaws.LoadBalancer) bool { return lb.Name == p.balancer })
		if i < 0 || lease != "" && balancers[i].Tags["sshforward:lease"] != lease || p.created.Before(newest) {
			continue
		}
		newest, at = p.created, l.Addr().(*net.TCPAddr).AddrPort()
	}
	return at, at.IsValid()
}

// lease is whose a load balancer is, by its tags.
func (f *forwarder) lease(balancer string) string {
	for _, lb := range f.cloud.Home().LoadBalancers() {
		if lb.Name == balancer {
			return lb.Tags["sshforward:lease"]
		}
	}
	return ""
}

// node is the private address of the load balancer's node, which is where an
// instance sees connections come from.
func (f *forwarder) node(balancer string) string {
	for _, ni := range f.cloud.Home().Interfaces() {
		if ni.LoadBalancer == balancer {
			return ni.PrivateIP
		}
	}
	return "10.1.1.0"
}

// wake makes the forwarder look now.
func (f *forwarder) wake() {
	select {
	case f.nudge <- struct{}{}:
	default:
	}
}

func (f *forwarder) add(s *session) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.closed {
		f.sessions[s] = struct{}{}
	}
	return !f.closed
}

func (f *forwarder) remove(s *session) {
	s.end()
	f.mu.Lock()
	delete(f.sessions, s)
	f.traffic.ended(s.id, false)
	f.mu.Unlock()
	f.changed()
}

// count is how many sessions are live, and how many addresses are listened on.
func (f *forwarder) count() (sessions, listeners int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for s := range f.sessions {
		if s.routed {
			sessions++
		}
	}
	return sessions, len(f.listeners)
}

// close cuts everything and waits until nothing runs any more.
func (f *forwarder) close() {
	f.mu.Lock()
	f.closed = true
	for _, l := range f.listeners {
		_ = l.Close()
	}
	clear(f.listeners)
	for s := range f.sessions {
		s.cut()
	}
	f.mu.Unlock()
	f.group.Wait()
}
