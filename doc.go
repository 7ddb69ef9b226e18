// Package sshforward is the domain of the bot: leases, the rules about them,
// and the keeper that moves each lease through its life. It imports no SDK.
//
// Data flows one way:
//
//	envelope -> parse -> keeper -> store (intent) -> provisioner step -> store (result) -> notice
//
// What a person types or clicks becomes a [Command]. [Keeper.Do] checks it
// against the [Policy] and writes what is intended into the [Store]; nothing has
// happened outside the process yet. A worker then asks [Next] what a lease needs
// now, lets the [Provisioner] do that one thing, writes the result, and asks
// again. What people have to be told is owed in the same write, in the [Outbox],
// and sent by the [Notifier] afterwards, until Slack has taken it.
//
// Each write carries the [Event]s that it makes true, so that the audit record
// has what happened if and only if it did. Sentences for people are [Text]s,
// which bot puts into their language.
//
// Wherever the process dies, the next one carries on from what is written: every
// step may be repeated, every wait is a time in the lease, and every name in AWS
// derives from the lease's id.
//
// The files are layers; each uses only what is in those below it:
//
//	do         keeper_do.go: Do, Tick, Stop
//	commands   keeper_open.go, keeper_approve.go …: a command or a query each
//	sweeps     keeper_sweep.go, keeper_drift.go: AWS compared with the store
//	loops      keeper_work.go: what a lease needs now, and whom to tell
//	effects    keeper_step.go (AWS), keeper_notify.go (Slack)
//	machine    keeper.go, ledger.go (how a lease is written), workers.go …
//	rules      next.go, transition.go, approval.go, outbox.go, policy.go …: no I/O
//	contracts  store.go, provisioner.go, survey.go, notifier.go, directory.go
//	words      lease.go, command.go, event.go, text.go, error.go …
//
// The folders wrap one dependency each and import only this package: bot
// (Slack), provisioner (AWS), store/bolt (bbolt), store/dynamo (DynamoDB). cmd/sshforward
// wires them.
package sshforward
