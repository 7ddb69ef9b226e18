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
//	Open       one stage of the opening; which does what is in open.go
//	Extend     moves the end that stands in the tags
//	Close      one round over everything, and a read-back when all is gone
//	Survey     all that is provably a lease's in one account, in a few calls, and
//	           what only carries the deployment's tag
//	Mend       the rules of an open lease as they should be
//
// With a [DeadMan], EventBridge Scheduler ends access if the bot does not: its
// schedule exists whenever the load balancer does.
//
// None of the calls used has a client token. What makes them safe to repeat is
// that every name derives from the lease's id, every setting is absolute, and
// whatever exists already is adopted if, and only if, it is provably the lease's:
// by its structure, which tags cannot forge, see ownership.go. Nothing else is
// ever changed or deleted, whatever its tags say.
//
// Nothing here sleeps: what is not there yet is a [sshforward.StepResult] with a
// Wait. AWS is matched by error code only; the codes are in codes.go, what they
// mean for a lease in errors.go.
//
// The files form layers, from the bottom up: options and AWS's codes; an
// account's clients, errors and tags; one run with its waits; one file for each
// thing that is made (group, group_rules, instance_rule, balancer, health, dns,
// hostkeys, deadman); the steps (open, extend, close, mend); and beside them the
// survey (survey_calls, evidence, survey_run, survey).
//
// # A second way in
//
// Another thing to stand between a user's ssh and an instance, a Network Load
// Balancer say, would be a package beside this one with the same interfaces, held
// to the same contract by [provisionertest.Run]. It would have to bring:
//
//   - Stages: what it does in each of [sshforward.Stages]; a stage that it does not
//     need is complete at once. What lets people in comes last, in
//     StageClock, never while [sshforward.Lease.Locked], and goes first.
//   - Resources: what it made, in [sshforward.Resources], written down before the
//     next stage, so that closing need not learn from one thing what else there is,
//     and a mark for each that it is gone. Names derive from [sshforward.Name], and
//     everything carries the [Tags]. [sshforward.Found] says the same in words that
//     fit any way in: the balancer lets people in, the group says from where, the
//     rule admits the balancer at the instance.
//   - Sentences: what it waits for and why it failed, in English, each with its
//     Japanese in bot/locale/ja.po.
//   - What the [DeadMan] has to delete, the permissions in deploy/iam-policy.json,
//     and what an hour costs in [sshforward.Price].
//
// Which one an account uses would be a word in its configuration, read by
// cmd/sshforward.
//
// [provisionertest.Run]: https://pkg.go.dev/github.com/sshforward/sshforward/provisioner/provisionertest#Run
package provisioner
