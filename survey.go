package sshforward

import (
	"context"
	"net/netip"
	"time"
)

// Surveyor looks at AWS from above: at what is provably a lease's of this
// deployment, whether the store knows it or not, and at what only carries the
// deployment's tag. It never looks at the rest.
type Surveyor interface {
	// Survey lists what there is in one account, an entry for each lease id.
	// stored are the leases that the store has there: what is recorded in one
	// is the lease's, tags or not, and its instance is looked at. Its cost does
	// not grow with what other people have, beyond listing load balancers.
	// EUNAVAILABLE or EFORBIDDEN if the picture would not be whole: nothing may
	// be concluded from half of it.
	Survey(ctx context.Context, account string, stored []*Lease) (Survey, error)
}

// Survey is what one account has of this deployment at one moment.
type Survey struct {
	At        time.Time // before the first call
	Found     []Found
	Instances map[string]Instance // those that stored and found leases name; gone ones are missing
	Unproven  []Unproven          // what carries the deployment's tag and is not provably a lease's
}

// Unproven is something that carries the deployment's tag and is not provably a
// lease's: somebody has put the tag on it, or made something else of what was a
// lease's. It is never changed, and holds up no close.
type Unproven struct {
	Kind  string // "security group", "security group rule" or "load balancer"
	ID    string // AWS's id, or the load balancer's name
	Lease string // whose it is according to its tag, which may say anything
	Why   string // what it lacks, in English, for operators
}

// Found is what is provably one lease's.
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
	Unlocked   bool           // it has a rule that lets anything in at all
	DeadMan    bool           // the dead-man switch is set

	// Proof says whether the tags are as a bot with the key wrote them. Without
	// a valid one nothing that they say may be acted on.
	Proof Proof
	// Retagged: the tags are not what the store says, and not by a bot. Unsigned:
	// they are, but their signature is missing, of an older key or for another
	// store. Both only of stored leases that are open.
	Retagged, Unsigned bool
}

// Proof is what the signature on a lease's tags is worth.
type Proof string

const (
	ProofUnchecked Proof = ""              // there is no key here to check it with, or no group to find it on
	ProofMissing   Proof = "missing"       // there is none
	ProofWrong     Proof = "wrong"         // the tags were changed, or signed with another key
	ProofValid     Proof = "valid"         // they were written for this store
	ProofElsewhere Proof = "another store" // they were written for another store
)
