package fakedynamo

import "time"

// The account and region that are used where nothing else is said.
const (
	DefaultAccount = "123456789012"
	DefaultRegion  = "ap-northeast-1"
)

// Options says how a DB behaves. The zero value is a DynamoDB without faults that
// answers at once, where reads without ConsistentRead see the past.
type Options struct {
	Account string // in ARNs; DefaultAccount if empty
	Region  string // DefaultRegion if empty

	// Lag is how far behind reads are that are not consistent: 200 ms if zero, so
	// that who forgets ConsistentRead notices; nothing if negative. AWS says
	// "usually one second or less".
	Lag time.Duration
	// PageBytes is how much a Query or Scan reads for one page; 1 MB if zero.
	PageBytes int
	// CreateTime is how long a new table is CREATING, and BackupsTime how long
	// after that its point-in-time recovery cannot be switched.
	CreateTime, BackupsTime time.Duration
	// CallTime is how long every call takes, half of it before its effect.
	CallTime time.Duration
	// ClockSkew is how far the DB's clock is ahead. See DB.SetClockSkew.
	ClockSkew time.Duration
	// Fault is asked about every call. See also DB.SetFault.
	Fault func(Call) Fault
}

func (o Options) withDefaults() Options {
	if o.Account == "" {
		o.Account = DefaultAccount
	}
	if o.Region == "" {
		o.Region = DefaultRegion
	}
	if o.PageBytes == 0 {
		o.PageBytes = 1 << 20
	}
	switch {
	case o.Lag == 0:
		o.Lag = 200 * time.Millisecond
	case o.Lag < 0:
		o.Lag = 0
	}
	return o
}
