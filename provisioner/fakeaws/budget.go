package fakeaws

import (
	"cmp"
	"net/http"
	"time"
)

// The API budget of Classic ELB: a bucket of 40 calls that is refilled at 10 a
// second, for each account and region, shared by all its calls and by whoever
// makes them. Learnt from operators of Kubernetes' AWS provider; AWS does not
// document it.
const (
	elbBurst = 40
	elbRate  = 10.0
)

// bucket is a token bucket, as AWS throttles with. used is what somebody else
// takes out of it all the time, in calls a second.
type bucket struct {
	tokens, used float64
	at           time.Time
}

// refill brings a bucket up to date. What somebody else uses comes first, and
// cannot make it less than empty.
func (b *bucket) refill(size, rate float64, now time.Time) {
	b.tokens = max(0, min(size, b.tokens+now.Sub(b.at).Seconds()*(rate-b.used)))
	b.at = now
}

func (b *bucket) take() bool {
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}

// withinRate is the limit of Options.Rate, for every service.
func (c *Cloud) withinRate(call Call, now time.Time) bool {
	if c.opts.Rate <= 0 {
		return true
	}
	size := float64(max(c.opts.Burst, 1))
	b := c.bucket(call.Account+"/"+call.Region+"/"+call.Service, size, now)
	b.refill(size, c.opts.Rate, now)
	return b.take()
}

// withinBudget is the limit of Classic ELB's own.
func (c *Cloud) withinBudget(call Call, now time.Time) bool {
	return call.Service != "elasticloadbalancing" || c.opts.ELBBurst < 0 || c.elbBudget(call.Account, call.Region, now).take()
}

func (c *Cloud) elbBudget(account, region string, now time.Time) *bucket {
	size := float64(max(cmp.Or(c.opts.ELBBurst, elbBurst), 0))
	b := c.bucket("elb-budget/"+account+"/"+region, size, now)
	b.refill(size, cmp.Or(c.opts.ELBRate, elbRate), now)
	return b
}

func (c *Cloud) bucket(key string, size float64, now time.Time) *bucket {
	b, ok := c.buckets[key]
	if !ok {
		b = &bucket{tokens: size, at: now}
		c.buckets[key] = b
	}
	return b
}

// ELBTokens is how many calls of Classic ELB would be answered now.
func (h *Region) ELBTokens() float64 {
	defer h.lock("")()
	return h.c.elbBudget(h.r.account, h.r.name, time.Now()).tokens
}

// UseELB is somebody else making n calls of Classic ELB at once; what the
// bucket does not have they do not get.
func (h *Region) UseELB(n int) {
	defer h.lock("")()
	b := h.c.elbBudget(h.r.account, h.r.name, time.Now())
	b.tokens = max(0, b.tokens-float64(n))
}

// LoadELB is somebody else making so many calls of Classic ELB a second from
// now on, until it is called with zero.
func (h *Region) LoadELB(perSecond float64) {
	defer h.lock("")()
	h.c.elbBudget(h.r.account, h.r.name, time.Now()).used = perSecond
}

func overBudget() *apiError {
	return &apiError{status: http.StatusBadRequest, code: "ThrottlingException", message: "Rate exceeded"}
}
