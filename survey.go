package sshforward

import (
	"context"
	"net/netip"
	"time"
)

// Surveyor looks at AWS from above: at everything that carries this
// deployment's tags, whatever the store says. It never looks at the rest.
type Surveyor interface {
	// Survey lists what there is in one account, an entry for each lease id
	// that any tag names. Its cost does not grow with what other people have,
	// beyond listing load balancers. instances names further instances to look
	// at; they are in the result by id. EUNAVAILABLE or EFORBIDDEN if the
	// picture would not be whole: nothing may be concluded from half of it.
	Survey(ctx context.Context, account string, instances []string) (Survey, error)
}

// Survey is what one account has of this deployment at one moment.
type Survey struct {
	At        time.Time // before the first call
	Found     []Found
	Instances map[string]Instance // those asked for and those found leases name; gone ones are missing
}

// Found is what carries the tags of one lease.
type Found struct {
	// Lease is as much of it as the tags say: Open if its clock had started,
	// Opening otherwise; ExpiresAt, Resources and Sources as AWS has them.
	Lease *Lease

	Balancer   bool           // the load balancer is there
	Registered bool           // with the instance behind it
	Group      bool           // the lease's security group is there
	Rule       bool           // the rule in the instance's group is there
	Ingress    []netip.Prefix // what the lease's group lets in to the listener port
	Widened    bool           // it lets in anything else, or other traffic out
	DeadMan    bool           // the dead-man switch is set
}
