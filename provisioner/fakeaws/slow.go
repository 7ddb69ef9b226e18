package fakeaws

import "time"

// SlowAWS returns the options of the model that figures of speed are measured
// against: 60 ms a call, 0.9 s for CreateLoadBalancer, and an instance in
// service 12 s after it was registered if its health check is the quickest that
// there is (2 s for the registration, two checks 5 s apart); a group, and the
// interfaces of a load balancer, are there after a second. It works in a
// synctest bubble and in real time.
func SlowAWS() Options {
	return Options{
		CallTime: 60 * time.Millisecond, CreateTime: 900 * time.Millisecond,
		RegisterDelay: 2 * time.Second, HealthTiming: true,
		GroupVisibleAfter: time.Second, InterfaceDelay: time.Second,
		InterfaceLinger: 4 * time.Minute, DNSDelay: 30 * time.Second,
	}
}

// latency is how long a call takes by itself.
func (o Options) latency(c Call) time.Duration {
	if c.String() == "elasticloadbalancing:CreateLoadBalancer" && o.CreateTime > 0 {
		return o.CreateTime
	}
	return o.CallTime
}
