// Package dynamo keeps leases in one DynamoDB table. It is the store for a bot
// that runs several times: each replica has the table open, and what one of them
// has written the others read at once.
//
// Of DynamoDB it uses conditional writes of single items and consistent reads, of
// the table and of local indexes: no transaction, no global index, no item that
// expires, and no lock. The table has two keys, pk and sk, both strings, and holds
//
//	pk              sk              attributes
//	lease/0         lease id        rev     the revision
//	                                doc     the lease as JSON
//	                                due     DueAt/id; not there for never
//	                                act     id; not there once it is closed
//	                                w       the replica that works on it
//	                                i0…i7   who wrote the last eight revisions
//	                                tail:…  events of a write, not yet told
//	                                tell    there if any tail is
//	source          user id         rev, i0…i7
//	                                doc     the saved source addresses as JSON, empty if forgotten
//	person          user id         rev, doc, i0…i7: the quota, and who answers
//	member          replica id      beat, doc
//	meta            store           id      the store's own random id
//	                loading         since   as long as a backup is loaded
//	                rebuilt/ACCOUNT since
//	                first           seq     the first position of the log
//	                log/STRETCH     this stretch of positions may be in use
//	                day/DAY         this day may have events
//	log/STRETCH     position        doc     some events
//	                                id      who wrote it
//	                                open    until each event has its own item
//	                                dup     which of them stand further up already
//	event/DAY       At/write/n      doc, seq: an event of the audit record
//	past/OWNER      At/write/n      doc, seq: a closed event once more
//
// The local indexes due, act and tell sort a partition by the attribute of their
// name; what lacks it is not in them. So what is due, what is active and what is
// to be told is found however many closed leases are kept. (All items of one
// partition of a table with local indexes may have 10 GB: that is some three
// million closed leases, or ten million events a day.)
//
// # A lease and its events
//
// Put is one UpdateItem on the condition that the revision is the expected one:
// lease, index entries and new events, as a tail, are there together or not at
// all. Soon after, the process that wrote them tells the events: it appends them
// to the log, and then drops the tail. If it dies before, any other does, once a
// minute or when somebody asks for events: whoever does so tells first whatever
// waits in any lease. Delete does, too.
//
// # An answer that was lost
//
// The SDK tries again what got no answer. If the first try was done, the second
// finds another revision than expected: its own. Each write draws an id, and the
// item remembers who wrote its last eight revisions. So a refused write looks who
// was first: itself, and it has succeeded; another one, and that is a conflict; or
// its revision is too long ago, and nobody knows, and the error says so.
//
// The revision tells one write from another as long as a lease lives. Whether the
// lease with an expected revision is the one that was there, or one that was made
// anew after a Delete, no condition on one item tells: a try to make a lease that
// was held up until after its Delete makes it anew. So an id whose lease was deleted
// is not to be used again while a call of it is under way. NewID draws ids, and the
// tests on a bad way keep to that. Delete that finds a lower revision than its own
// says that nobody knows.
//
// # The order of events
//
// The log is one row of positions without a gap, and each entry was put where
// nothing was, right after the last. So nobody who reads on from a position ever
// misses what was written late. A tail that two have told stands in two entries.
// To tell which one counts, events get their items under event/DAY, whose keys
// derive from the write and not from who tells it, strictly in the order of the
// log: the first entry has it, the other one notes that it is a double. Whoever
// finds an entry that is still open does that for it. The number of an event is
// its position, shifted by eight bits, and its place in the entry. Events of the
// same instant come in the order of their numbers.
//
// Times in keys are UTC with nine digits after the second, so that they sort, and
// can be read in a console. A doc of more than 16 KB is compressed.
//
// # What it costs
//
// In units, which DynamoDB counts and TestWhatThingsCost logs: to see that nothing
// is due, one read; a beat, one write; a lease of 10 KB, three reads; its Put, a
// write for each KB, and with an event two and a half times that, all told: the
// tail comes and goes, and the event is in the log and under its day. None of that
// grows with what is kept.
//
// # Beyond the contract
//
// [Open] makes the table or checks that it is one; a store has [Store.ID] and
// [Store.Close], as bolt's has. [Store.Pieces] and [Store.Load] are what backup and
// restore are made of, since bolt's store has them too:
//
//	file.Load(ctx, table.Pieces(ctx)) // backup: into a new file
//	table.Load(ctx, file.Pieces(ctx)) // restore: into an empty table, opened with ToLoad
//
// [Examine] says what doctor has to know, without changing anything.
package dynamo
