package standin

import (
	"hash/fnv"
	"math/rand/v2"
	"sync"
)

// Chance decides at random with which calls something goes wrong. What happens to
// the nth call of a kind depends on the seed alone, not on how calls interleave.
type Chance struct {
	Seed uint64
	Rate float64 // the share of calls that are disturbed, 0 to 1

	mu sync.Mutex
	n  map[string]uint64 // how many calls of a kind there were
}

// NewChance disturbs the given share of calls (0 to 1).
func NewChance(seed uint64, rate float64) *Chance {
	return &Chance{Seed: seed, Rate: rate, n: make(map[string]uint64)}
}

// Of is asked once for each call. It returns nil if nothing is to go wrong with
// it, or else what decides on the kind of fault.
func (c *Chance) Of(kind string) *rand.Rand {
	c.mu.Lock()
	c.n[kind]++
	n := c.n[kind]
	c.mu.Unlock()

	h := fnv.New64a()
	_, _ = h.Write([]byte(kind))
	rnd := rand.New(rand.NewPCG(c.Seed^h.Sum64(), n))
	if rnd.Float64() >= c.Rate {
		return nil
	}
	return rnd
}
