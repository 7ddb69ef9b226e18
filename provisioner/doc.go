// Package provisioner makes and removes in AWS what a lease needs: a security
// group of its own, a Classic Load Balancer in front of one instance, and one
// rule in one of the instance's groups. It is the [sshforward.Provisioner] on
// aws-sdk-go-v2.
//
// A [Provisioner] keeps nothing that it could not do without: what a step needs
// is in the lease and in AWS, so any step may be repeated by a process that knows
// nothing of the first try.
//
//	Find       one DescribeInstances for each account, at once
//	List       the running instances of one account
//	Preflight  where the load balancer can go, and whether there is room
//	Open       one stage of the opening; stages are in open.go and balancer.go
//	Extend     moves the end that stands in the tags
//	Close      one round over everything, and a read-back when all is gone
//	Survey     all that carries the deployment's tag in one account, in a few calls
//	Mend       the rules of an open lease as they should be
//
// With a [DeadMan], EventBridge Scheduler ends access if the bot does not: its
// schedule exists whenever the load balancer does.
//
// None of the calls used has a client token. What makes them safe to repeat is
// that every name derives from the lease's id, every setting is absolute, and
// whatever exists already is adopted if, and only if, its tags say that it
// belongs to this deployment and this lease. Nothing else is ever changed or
// deleted, whatever its name.
//
// Nothing here sleeps: what is not there yet is a [sshforward.StepResult] with a
// Wait. AWS is matched by error code only; the codes are in errors.go.
package provisioner
