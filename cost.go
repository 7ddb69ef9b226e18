package sshforward

import (
	"time"
)

// Price is what an hour costs in one region, in US dollars.
type Price struct {
	LoadBalancer float64 // a Classic Load Balancer, per started hour
	Address      float64 // the public IPv4 address of its one node, per hour
}

// Prices by region. Traffic ($0.008 per GB) is left out: a shell moves
// little. Estimates only, so texts always say "about".
type Prices map[string]Price

// DefaultPrices are the list prices known in November 2026; only the one of
// us-east-1 is confirmed. A region that is missing is taken to cost what the
// dearest known one does.
func DefaultPrices() Prices {
	return Prices{
		"us-east-1":      {0.025, 0.005},
		"ap-northeast-1": {0.027, 0.005},
		"eu-west-1":      {0.028, 0.005},
		"eu-central-1":   {0.030, 0.005},
	}
}

// Cost estimates what a forward in a region costs for a duration, in US
// dollars. AWS counts started hours of the load balancer.
func (p Prices) Cost(region string, d time.Duration) float64 {
	price, ok := p[region]
	if !ok {
		for _, q := range p {
			price.LoadBalancer = max(price.LoadBalancer, q.LoadBalancer)
			price.Address = max(price.Address, q.Address)
		}
	}
	started := (d + time.Hour - 1) / time.Hour
	return float64(started)*price.LoadBalancer + d.Hours()*price.Address
}
