package playground

import (
	"time"

	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

// pace is how long the cloud takes. Where a person looks, it is what
// fakeaws.SlowAWS measures AWS by, with the parts in proportion: calls take
// longer than AWS's, so that each of them can be seen, and what takes AWS ten
// seconds and more takes a few.
func pace(fast bool) fakeaws.Options {
	o := fakeaws.Options{
		RegisterDelay: 1500 * time.Millisecond, InterfaceLinger: 3 * time.Second, StateDelay: 3 * time.Second,
	}
	if !fast {
		o.CallTime, o.CreateTime = 300*time.Millisecond, 1500*time.Millisecond
		o.GroupVisibleAfter, o.RegisterDelay = 700*time.Millisecond, 3*time.Second
		o.InterfaceDelay, o.InterfaceLinger = 500*time.Millisecond, 6*time.Second
	}
	return o
}
