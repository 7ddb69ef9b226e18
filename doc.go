// Package sshforward is the domain of the bot: leases, the rules about them,
// and the keeper that moves each lease through its life. It imports no SDK.
//
// Data flows one way:
//
//	envelope -> parse -> keeper -> store (intent) -> provisioner step -> store (result) -> notice
//
// A person's words become a [Command]. [Keeper.Do] checks it against the
// [Policy] and writes what is intended into the [Store]; nothing has happened
// outside the process yet. A worker then asks [Next] what a lease needs now,
// lets the [Provisioner] do that one thing, writes the result, and asks again.
// What people should hear is owed in the same write and sent by the [Notifier]
// afterwards, until Slack has taken it.
//
// Each write carries the [Event] that it makes true, so that the audit record
// has what happened if and only if it did. Sentences for people are [Text]s,
// which bot puts into their language.
//
// Whatever dies in between, the next look at the lease carries on from what is
// written: every step may be repeated, every wait is a time in the lease, and
// every name in AWS derives from the lease's id.
//
// The folders wrap one dependency each and import only this package: bot
// (Slack), provisioner (AWS), store/bolt (bbolt). cmd/sshforward wires them.
package sshforward
