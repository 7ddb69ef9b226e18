package sshforward

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// Surveyor looks at AWS from above: at what is provably a lease's of this
// deployment, whether the store knows it or not, and at what only carries the
// deployment's tag. It never looks at the rest.
type Surveyor interface {
	// Survey lists what there is in one account, an entry for each lease id.
	// stored are the leases that the store has there: what is recorded in one
	// is the lease's, tags or not, and its instance is looked at. Its cost does
	// not grow with what other people have, beyond listing load balancers. What
	// cannot be read is in Survey.Unread, and hides none of the rest.
	// EUNAVAILABLE or EFORBIDDEN if nothing can be read.
	Survey(ctx context.Context, account string, stored []*Lease) (Survey, error)
}

// Survey is what one account has of this deployment at one moment.
type Survey struct {
	At        time.Time // before the first call
	Found     []Found
	Instances map[string]Instance // those that stored and found leases name; gone ones are missing
	Unproven  []Unproven          // what carries the deployment's tag and is not provably a lease's
	// Unread is what could not be read. That something of it is missing above says
	// nothing; what is there was read all the same.
	Unread []Unread
}

// Part is what one kind of look at an account shows.
type Part string

const (
	PartBalancers Part = "load balancers"
	PartGroups    Part = "security groups"
	PartRules     Part = "security group rules"
	PartInstances Part = "instances"
	PartDeadMan   Part = "dead-man switches"
)

// Unread is a part of an account that could not be read, and why.
type Unread struct {
	Part Part
	Err  error
}

// Hides reports whether the survey could not read one of the parts.
func (s *Survey) Hides(parts ...Part) bool {
	return slices.ContainsFunc(s.Unread, func(u Unread) bool { return slices.Contains(parts, u.Part) })
}

// Err says what the survey could not read; nil if it is whole.
func (s *Survey) Err() error {
	var errs []error
	for _, u := range s.Unread {
		errs = append(errs, fmt.Errorf("the %s could not be read: %w", u.Part, u.Err))
	}
	return errors.Join(errs...)
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
	Widened    bool           // it lets in anything else, or other traffic out, or the load balancer has other instances too
	Reshaped   bool           // the load balancer has other groups or listeners than the lease's, or is not the one that was made
	Unlocked   bool           // the group has a rule that lets anything in at all
	DeadMan    bool           // the dead-man switch is set

	// Proof says whether the tags are as a bot with the key wrote them. Without
	// a valid one nothing that they say may be acted on.
	Proof Proof
	Says  []TagWord // what the tags say, if that is not proven
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
