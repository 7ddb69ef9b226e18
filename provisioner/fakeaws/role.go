package fakeaws

import (
	"fmt"
	"net/http"
	"slices"
	"time"
)

// role is an IAM role that a test or a caller made.
type role struct {
	account string
	trusts  []string // the services that may assume it
	created time.Time
}

// elbRoleName is the service-linked role that a load balancer needs. ELB makes
// it on the first create of an account, with the caller's permission.
const elbRoleName = "AWSServiceRoleForElasticLoadBalancing"

func elbRoleARN(partition, account string) string {
	return "arn:" + partition + ":iam::" + account + ":role/aws-service-role/elasticloadbalancing.amazonaws.com/" + elbRoleName
}

// AddRole makes a role that the given services ("scheduler.amazonaws.com") may
// assume, or replaces its trust. Scheduler sees a new one only after
// Options.RoleVisibleAfter.
func (c *Cloud) AddRole(arn string, trusts ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	m := roleRE.FindStringSubmatch(arn)
	must(arn, m != nil, "role", arn)
	c.iamRoles.put(arn, &role{account: m[1], trusts: trusts, created: time.Now()})
}

// RemoveELBRole makes an account one that never had a load balancer, without
// the service-linked role AWSServiceRoleForElasticLoadBalancing. Accounts have
// it to begin with.
func (c *Cloud) RemoveELBRole(account string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.noELBRole[account] = true
}

// needELBRole makes the service-linked role if it is missing, with the rights
// of whoever creates the load balancer.
func (rq *request) needELBRole() *apiError {
	if !rq.c.noELBRole[rq.r.account] {
		return nil
	}
	make := rq.call
	make.Service, make.Operation = "iam", "CreateServiceLinkedRole"
	if !rq.c.allowed(make) {
		return &apiError{status: http.StatusForbidden, code: "AccessDenied", message: fmt.Sprintf(
			"User: %s is not authorized to perform: iam:CreateServiceLinkedRole on resource: %s",
			rq.who.arn, elbRoleARN(partition(rq.r.name), rq.r.account))}
	}
	delete(rq.c.noELBRole, rq.r.account)
	return nil
}

// checkScheduleRole is what Scheduler looks at before it takes a role: that it
// may assume it. It does not see a fresh one. Roles that nothing is known about
// are refused, unless Options.UnknownRoles.
func (rq *request) checkScheduleRole(arn string) *apiError {
	r, ok := rq.c.iamRoles.get(arn)
	switch {
	case !ok && rq.c.opts.UnknownRoles:
		return nil
	case ok && slices.Contains(r.trusts, "scheduler.amazonaws.com") && !rq.now.Before(r.created.Add(rq.c.opts.RoleVisibleAfter)):
		return nil
	}
	return errorf("ValidationException", "The execution role you provide must allow AWS EventBridge Scheduler to assume the role.")
}
