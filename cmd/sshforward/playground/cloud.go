package playground

import (
	"context"
	"fmt"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
	"net"
	"os"
	"path/filepath"
	"strings"
)

// startCloud builds the field note's network, its hosts and the data path, and
// serves the APIs.
func (p *Playground) startCloud() (url string, err error) {
	seed, err := p.seed()
	if err != nil {
		return "", err
	}
	o := pace(p.opts.Fast)
	o.Seed, o.DNSName, o.Listening = seed, p.addrs.name, p.health.listening
	if n := p.addrs.few(); n > 0 {
		o.LoadBalancerLimit = 1 + n // somebody else's, and those that there are addresses for
		missing := p.addrs.want[len(p.addrs.all)%len(p.addrs.want)]
		p.log.Warn("this machine has few loopback addresses, so few leases can be open at a time; on macOS, add one with: "+
			"sudo ifconfig lo0 alias "+missing.String(), "leases", n)
	}
	p.cloud = fakeaws.New(o)
	region := p.cloud.Home()
	p.fieldNote = region.FieldNote()
	hosts := make(map[string]*host)
	var known strings.Builder
	for _, i := range region.Instances() {
		h, err := newHost(filepath.Join(p.dir, keysDir), i)
		if err != nil {
			return "", err
		}
		hosts[i.ID] = h
		region.SetConsole(i.ID, h.console())
		fmt.Fprintf(&known, "%s %s\n", h.id, h.publicKey())
	}
	if err := os.WriteFile(filepath.Join(p.dir, knownHostsFile), []byte(known.String()), 0o600); err != nil {
		return "", err
	}

	p.forward = newForwarder(p.cloud, p.addrs, hosts, p.log)
	p.forward.changed, p.forward.seen, p.forward.traffic.tell = p.note, p.look, p.chronicle.add
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); p.forward.run(ctx) }()
	p.undo = append(p.undo, func() { cancel(); <-done })

	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	p.serve(l, p.cloud)
	return "http://" + l.Addr().String(), nil
}
