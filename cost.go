package sshforward

import (
	"time"
)

// Price is what an hour costs in one region, in US dollars.
type Price struct {
	LoadBalancer float64 // a Classic Load Balancer, per started hour
	Address      float64 // the public IPv4 address of one node, per hour
}

// Prices by region. Data ($0.008 per GB) is left out: a shell moves little. A
// load balancer may get a second node, and so a second address, when much goes
// through it. Estimates only, so texts always say "about".
type Prices map[string]Price

// DefaultPrices are the list prices known in November 2026; those of São Paulo
// and Tokyo are not confirmed. A region that is missing is taken to cost what the
// dearest known one does.
func DefaultPrices() Prices {
	return Prices{
		"us-east-1":      {0.025, 0.005},
		"us-east-2":      {0.025, 0.005},
		"us-west-1":      {0.028, 0.005},
		"us-west-2":      {0.025, 0.005},
		"ap-northeast-1": {0.027, 0.005},
		"eu-central-1":   {0.030, 0.005},
		"eu-west-1":      {0.028, 0.005},
		"eu-west-2":      {0.0294, 0.005},
		"sa-east-1":      {0.034, 0.005},
	}
}

// In is the price in a region.
func (p Prices) In(region string) Price {
	price, ok := p[region]
	if !ok {
		for _, q := range p {
			price.LoadBalancer = max(price.LoadBalancer, q.LoadBalancer)
			price.Address = max(price.Address, q.Address)
		}
	}
	return price
}

// Cost estimates what a forward in a region costs for a duration, in US
// dollars. AWS counts started hours of the load balancer.
func (p Prices) Cost(region string, d time.Duration) float64 {
	price := p.In(region)
	started := (d + time.Hour - 1) / time.Hour
	return float64(started)*price.LoadBalancer + d.Hours()*price.Address
}
