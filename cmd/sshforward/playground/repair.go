package playground

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/sshforward/sshforward/cmd/sshforward/playground/web"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

// repairs is how long it took to put right what was broken on purpose.
type repairs struct {
	mu    sync.Mutex
	all   map[string]web.Repair // by the kind of trouble
	rules map[string]bool       // leases whose rule was taken out and is not back
}

// begin starts to count.
func (r *repairs) begin(kind string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.all == nil {
		r.all, r.rules = make(map[string]web.Repair), make(map[string]bool)
	}
	r.all[kind] = web.Repair{Since: time.Now().UTC()}
}

// end stops it, and returns how long it took; nothing if nothing was begun.
func (r *repairs) end(kind string) (took time.Duration, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	x, ok := r.all[kind]
	if !ok || x.Took > 0 {
		return 0, false
	}
	took = time.Since(x.Since)
	x.Took = max(took.Seconds(), 0.001)
	r.all[kind] = x
	return took, true
}

// forget is for what nobody will put right.
func (r *repairs) forget(kind string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.all, kind)
}

func (r *repairs) get() map[string]web.Repair {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.all)
}

// missing adds a lease whose rule is gone.
func (r *repairs) missing(lease string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rules[lease] = true
}

// look finds out which rules are back, and which leases are over; it returns
// those of the former, and whether there is nothing left to wait for.
func (r *repairs) look(region *fakeaws.Region, group string) (back []string, over bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.rules) == 0 {
		return nil, false
	}
	there, alive := leasesWithRules(region, group)
	for lease := range r.rules {
		switch {
		case there[lease]:
			back = append(back, lease)
			delete(r.rules, lease)
		case !alive[lease]:
			delete(r.rules, lease)
		}
	}
	slices.Sort(back)
	return back, len(r.rules) == 0
}

// leasesWithRules are the leases that have a rule in the instances' group, and
// those that have a load balancer with an instance behind it.
func leasesWithRules(region *fakeaws.Region, group string) (there, alive map[string]bool) {
	there, alive = make(map[string]bool), make(map[string]bool)
	for _, rule := range region.Rules() {
		if !rule.Egress && rule.Group == group {
			there[rule.Tags["sshforward:lease"]] = true
		}
	}
	for _, lb := range region.LoadBalancers() {
		alive[lb.Tags["sshforward:lease"]] = len(lb.Instances) > 0
	}
	return there, alive
}

// look is told of every look at the cloud: who came into service and who went
// out, and what was put back.
func (p *Playground) look(inService map[string]bool) {
	p.health.seen(inService)
	p.tellHealth(inService)
	back, over := p.repairs.look(p.cloud.Home(), p.fieldNote.Group)
	if !over {
		return
	}
	if len(back) == 0 {
		p.repairs.forget("remove-rule")
	} else if took, ok := p.repairs.end("remove-rule"); ok {
		p.chronicle.add(time.Now(), ofTrouble, "The rule is back after %.1f s: the bot saw that it was missing", took.Seconds())
	}
	p.note()
}

func (p *Playground) tellHealth(inService map[string]bool) {
	for _, i := range p.cloud.Home().Instances() {
		name := i.Tags["Name"]
		switch now := inService[i.ID]; {
		case now == p.inService[i.ID]:
		case now:
			p.chronicle.add(time.Now(), ofHealth, "%s is in service: its load balancer reaches it", name)
		default:
			p.chronicle.add(time.Now(), ofHealth, "%s is not in service any more: its load balancer does not reach it", name)
		}
	}
	p.inService = maps.Clone(inService)
}
