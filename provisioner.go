package sshforward

import (
	"context"
	"net/netip"
	"time"
)

// StepResult is the outcome of one provisioner step that did not fail.
type StepResult struct {
	// Resources replaces the lease's Resources.
	Resources Resources
	// Wait is zero when the step is complete; otherwise it is not there yet
	// and should be asked for again after that long.
	Wait time.Duration
	// Detail says in plain words what is waited for, or a note on success.
	Detail Text
	// InLine: it waits for its turn among others, which is not what AWS said to
	// it. It keeps what went wrong before.
	InLine bool
}

// Finder looks at instances, and changes nothing. Errors are those of
// [Provisioner].
type Finder interface {
	// Find returns the instances with this id, or this Name tag, looking in
	// all accounts at once. ENOTFOUND if there is none; if an account could
	// not be asked, that account's error, with what the others have. An id is
	// in one account: the first instance that settles says yes to is all there
	// is, and the other accounts are not waited for; nil says so of any.
	Find(ctx context.Context, ref string, settles func(Instance) bool) ([]Instance, error)

	// Instance returns one instance of one account as it is now, whatever the
	// other accounts say or do not. ENOTFOUND if there is none.
	Instance(ctx context.Context, account, id string) (Instance, error)

	// Preflight finds where a load balancer for the instance can go that these
	// sources will reach, so that the confirm prompt can be honest.
	Preflight(ctx context.Context, in Instance, sources []netip.Prefix) (Placement, error)

	// PlaceAgain is Preflight for a lease whose last yes has come, which may have
	// taken hours. Where its load balancer stands already, people have to be able
	// to reach that; else it may go to another subnet than was found before.
	PlaceAgain(ctx context.Context, l *Lease) (Placement, error)

	// List returns the running instances of an account, for forms that offer
	// what could be opened.
	List(ctx context.Context, account string) ([]Instance, error)
}

// Watcher looks at what is open, and changes nothing. Errors are those of
// [Provisioner].
type Watcher interface {
	// Health asks how the instance behind an open lease fares. ENOTFOUND if
	// the way in is gone.
	Health(ctx context.Context, l *Lease) (Health, error)

	// Resolves looks the load balancer's name up, once.
	Resolves(ctx context.Context, l *Lease) bool
}

// Health is whether people get through to sshd, as the health check sees it.
type Health struct {
	InService bool
	Why       Text   // AWS's reason, when it is not in service
	State     string // EC2's word for the state of an instance that is not; "" if it could not be told
}

// Provisioner makes and removes what a lease needs in AWS. Every method may be
// repeated, with the same lease or a later copy of it, after any failure and
// by a process that knows nothing of the first try.
//
// Errors: EUNAVAILABLE (throttled, 5xx, no connection: try again), EFORBIDDEN
// (AWS permissions), EQUOTA, EINVALID (cannot work, for example no public
// subnet), ENOTFOUND (no such instance); the Message is the AWS reason in plain
// words.
//
// A second way in, a Network Load Balancer say, is a second implementation of
// [Cloud]. What it has to bring is written in the documentation of package
// provisioner, and provisioner/provisionertest holds it to this contract.
type Provisioner interface {
	// Open does the stage l.Stage (never StageCheck). StepResult.Resources
	// says what was made also when the error is not nil. All stages but
	// StageClock are also done while a yes is missing, and let nobody in.
	Open(ctx context.Context, l *Lease) (StepResult, error)

	// Extend moves the end that stands in AWS to l.ExpiresAt.
	Extend(ctx context.Context, l *Lease) (StepResult, error)

	// ChangeSource makes l.Sources all that is let in: it writes them into the
	// signed tags, then lets in what is not yet, and l.Former no more after that.
	// Sessions that are open go on. Other rules are left to Mend.
	ChangeSource(ctx context.Context, l *Lease) (StepResult, error)

	// Mend makes the rules of an open lease what they should be: puts back
	// what is missing, the instance behind the load balancer included, and
	// takes out of the lease's own group what somebody else put in: of a lease
	// that is Locked, whatever lets anybody in. While the sources are being
	// changed it leaves both the old and the new to that.
	// StepResult.Resources says what there is also when the error is not nil.
	Mend(ctx context.Context, l *Lease) (StepResult, error)

	// Close removes what the lease has, each thing independently of the
	// others, and is complete only when a read-back shows that nothing is
	// left. StepResult.Resources says what is gone also when the error is not
	// nil.
	Close(ctx context.Context, l *Lease) (StepResult, error)
}
