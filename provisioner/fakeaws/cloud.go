package fakeaws

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/sshforward/sshforward/internal/standin"
)

// Cloud is one imaginary AWS: accounts, regions and what is in them. All its
// methods may be called from several goroutines.
type Cloud struct {
	opts Options

	mu        sync.Mutex
	rnd       *rand.Rand
	seq       int
	regions   table[*region]
	keys      map[string]string // access key id -> account
	sessions  map[string]session
	roles     map[string]rolePolicy
	iamRoles  table[*role]
	noELBRole map[string]bool // accounts
	denied    []string
	fault     func(Call) Fault
	calls     standin.Calls[Call]
	late      []lateCall
	buckets   map[string]*bucket
	subs      map[int]chan Event
	eventSeq  int
	recent    []Event // the last of them, see Recent
	cause     string  // the operation under way, for the events it brings about
}

// New returns an empty Cloud.
func New(o Options) *Cloud {
	o = o.withDefaults()
	return &Cloud{
		opts:      o,
		rnd:       rand.New(rand.NewPCG(o.Seed, 0x5f0a)),
		keys:      map[string]string{},
		sessions:  map[string]session{},
		roles:     map[string]rolePolicy{},
		denied:    slices.Clone(o.Deny),
		fault:     o.Fault,
		buckets:   map[string]*bucket{},
		noELBRole: map[string]bool{},
		subs:      map[int]chan Event{},
	}
}

// Region is a handle on one account in one region: what fixtures are built
// with and what assertions look at.
type Region struct {
	c *Cloud
	r *region
}

// Home is the default account in the default region.
func (c *Cloud) Home() *Region { return c.Region(c.opts.Account, c.opts.Region) }

// Region returns the handle for an account and region, which need not have
// been mentioned before.
func (c *Cloud) Region(account, name string) *Region {
	c.mu.Lock()
	defer c.mu.Unlock()
	return &Region{c: c, r: c.region(account, name)}
}

// Regions returns a handle for every account and region in use.
func (c *Cloud) Regions() []*Region {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []*Region
	for _, r := range c.regions.all() {
		out = append(out, &Region{c: c, r: r})
	}
	return out
}

// Account is the account the handle is for.
func (h *Region) Account() string { return h.r.account }

// Name is the region's name, such as ap-northeast-1.
func (h *Region) Name() string { return h.r.name }

func (c *Cloud) region(account, name string) *region {
	key := account + "/" + name
	if r, ok := c.regions.get(key); ok {
		return r
	}
	r := newRegion(c, account, name)
	c.regions.put(key, r)
	return r
}

// lock takes the Cloud's lock with everything that is due by now done, and
// returns what releases it with the consequences worked out.
func (h *Region) lock(cause string) (unlock func()) {
	h.c.mu.Lock()
	h.c.cause = cause
	h.c.settle(time.Now())
	return func() {
		h.c.settle(time.Now())
		h.c.cause = ""
		h.c.mu.Unlock()
	}
}

// Refresh does what has become due since somebody last looked and sends its
// events. A live picture calls it every now and then; nothing else needs it.
func (c *Cloud) Refresh() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.settle(time.Now())
}

func (c *Cloud) nextSeq() int {
	c.seq++
	return c.seq
}

// newID makes an id in the long EC2 form: a prefix and 17 hex digits.
func (c *Cloud) newID(prefix string) string {
	return fmt.Sprintf("%s-0%016x", prefix, c.rnd.Uint64())
}
