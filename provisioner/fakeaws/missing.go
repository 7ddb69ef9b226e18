package fakeaws

// tagConditioned are the operations that policies narrow by aws:ResourceTag
// (Service Authorization Reference), and what they are about.
var tagConditioned = map[string]func(*request) bool{
	"ec2:CreateTags":                    (*request).resourceMissing,
	"ec2:DeleteTags":                    (*request).resourceMissing,
	"ec2:DeleteSecurityGroup":           (*request).groupMissing,
	"ec2:AuthorizeSecurityGroupIngress": (*request).groupMissing,
	"ec2:AuthorizeSecurityGroupEgress":  (*request).groupMissing,
	"ec2:RevokeSecurityGroupIngress":    (*request).groupMissing,
	"ec2:RevokeSecurityGroupEgress":     (*request).groupMissing,

	"elasticloadbalancing:DeleteLoadBalancer":                  (*request).balancerMissing,
	"elasticloadbalancing:ConfigureHealthCheck":                (*request).balancerMissing,
	"elasticloadbalancing:ModifyLoadBalancerAttributes":        (*request).balancerMissing,
	"elasticloadbalancing:RegisterInstancesWithLoadBalancer":   (*request).balancerMissing,
	"elasticloadbalancing:DeregisterInstancesFromLoadBalancer": (*request).balancerMissing,
	"elasticloadbalancing:AddTags":                             (*request).anyBalancerMissing,
	"elasticloadbalancing:RemoveTags":                          (*request).anyBalancerMissing,
}

// hidden tells whether IAM refuses a call because what it is about is not
// there: what does not exist has no tags, so a policy with a condition on
// aws:ResourceTag does not match, and IAM answers before the service looks.
// That holds also for what IAM does not see yet.
func (rq *request) hidden() bool {
	missing, ok := tagConditioned[rq.call.String()]
	return ok && !rq.c.opts.MissingIsNotFound && missing(rq)
}

func (rq *request) groupMissing() bool {
	g, ok := rq.r.groups.get(rq.p.str("GroupId"))
	return !ok || !rq.visible(g.visibleAt)
}

func (rq *request) resourceMissing() bool {
	_, e := rq.taggable()
	return e != nil
}

func (rq *request) balancerMissing() bool {
	_, e := rq.loadBalancer()
	return e != nil
}

func (rq *request) anyBalancerMissing() bool {
	for _, name := range rq.p.members("LoadBalancerNames") {
		if _, e := rq.loadBalancerNamed(name); e != nil {
			return true
		}
	}
	return false
}
