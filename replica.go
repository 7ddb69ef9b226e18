package sshforward

import "time"

// Replica is one of the processes that share a store, as it has written itself there.
type Replica struct {
	ID      string    // drawn anew by each process when it starts
	Beat    uint64    // raised with every beat
	At      time.Time // of the beat, by the clock of the replica: for people to read
	Leaving bool      `json:",omitempty"` // told to stop: its leases may be taken over at once
}

// Held is what the replicas have to agree on about a person: the leases that count
// for the quota, and who answers. A lease that is over may still be among them; none
// that counts is missing.
type Held struct {
	User     string
	Revision uint64 // see Quotas.SetHeld
	Leases   []string
	Answered []Answered `json:",omitempty"` // the last few envelopes, see Keeper.Answers
}

// Answered is an envelope of Slack's, and the replica that answers it.
type Answered struct {
	Envelope string
	By       string // the replica's id
}
