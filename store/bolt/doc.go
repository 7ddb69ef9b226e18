// Package bolt keeps leases in one bbolt file on the local disk. It is the
// store for a bot that runs once; a second process on the same file is refused.
//
// The file holds eight buckets:
//
//	meta     "version" -> the schema version, decimal; "store" -> the store's id;
//	         "unordered" -> the last number of an event that is not in order
//	leases   lease id -> the lease as JSON
//	due      DueAt, then lease id -> nothing; leases without a DueAt are not in it
//	active   RequestedAt, then lease id -> nothing; closed leases are not in it
//	sources  user id -> the saved source addresses as JSON
//	events   At, then a sequence -> an event of the audit record as JSON
//	past     owner, then the key of a closed event in events -> nothing
//	order    sequence -> At; events that were written before there was this
//	         bucket are not in it
//
// Events are only ever added.
//
// Times in keys are eight bytes that sort as the times do, so that what is due
// is a prefix of the due bucket, and what is active comes oldest first, however
// many closed leases are kept for the record.
//
// Writes that arrive while a commit is under way share the next one, see
// [Store.Put]; there is no timer and no added delay.
//
// A file of an older schema is migrated when it is opened, after a copy was made
// beside it. Where there is no room for that it is worked with as it is: the
// first schema had no order, and in its beginning no events and past, which the
// first event makes.
//
// JSON fields that this version does not know are ignored on reading, and lost
// when the lease is written again. A change that older versions must not read
// past raises the schema version instead.
package bolt
