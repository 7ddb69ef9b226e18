package provisioner

import (
	"math/rand/v2"
	"time"
)

// When an opening asks for the health of its instance, counted from the
// registration. Registering and two checks take ten seconds at least at AWS, so
// that earlier looks hardly ever find anything; they are for the rare lucky one and
// are left out when the budget of calls is needed elsewhere.
var earlyLooks = []time.Duration{time.Second, 3 * time.Second, 6 * time.Second}

const (
	// From likelyAfter to likelyUntil is when most come into service.
	likelyAfter = 10 * time.Second
	likelyUntil = 20 * time.Second
	likelyEvery = time.Second
	laterEvery  = 5 * time.Second
)

// untilLook is how long a look has to wait that wants to be made now; zero if it
// has not.
func untilLook(since time.Duration, plenty bool) time.Duration {
	switch {
	case since >= likelyAfter, plenty && since >= earlyLooks[0]:
		return 0
	case plenty:
		return earlyLooks[0] - since
	}
	return likelyAfter - since
}

// nextLook is how long the one after a look in vain waits. It is never early, and
// late by up to a fifth, so that leases which were opened together are not looked at
// together for ever.
func nextLook(since time.Duration, plenty bool) time.Duration {
	pause := laterEvery
	switch {
	case since < likelyAfter:
		pause = likelyAfter - since
		for _, at := range earlyLooks {
			if plenty && since < at {
				pause = at - since
				break
			}
		}
	case since < likelyUntil:
		pause = likelyEvery
	}
	return pause + rand.N(pause/5+1)
}
