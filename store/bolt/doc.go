// Package bolt keeps leases in one bbolt file on the local disk. It is the
// store for a bot that runs once; a second process on the same file is refused.
//
// The file holds seven buckets:
//
//	meta     "version" -> the schema version, decimal; "store" -> the store's id
//	leases   lease id -> the lease as JSON
//	due      DueAt, then lease id -> nothing; leases without a DueAt are not in it
//	active   RequestedAt, then lease id -> nothing; closed leases are not in it
//	sources  user id -> the saved source addresses as JSON
//	events   At, then a sequence -> an event of the audit record as JSON
//	past     owner, then the key of a closed event in events -> nothing
//
// The last two may be missing in a file that was made before there were any
// events; the first event makes them. Events are only ever added.
//
// Times in keys are eight bytes that sort as the times do, so that what is due
// is a prefix of the due bucket, and what is active comes oldest first, however
// many closed leases are kept for the record.
//
// Writes that arrive while a commit is under way share the next one, see
// [Store.Put]; there is no timer and no added delay.
//
// JSON fields that this version does not know are ignored on reading, and lost
// when the lease is written again. A change that older versions must not read
// past raises the schema version instead.
package bolt
