package provisioner

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing/types"

	"github.com/sshforward/sshforward"
)

const (
	// filterValues is how many values EC2 takes in one filter.
	filterValues = 200
	// tagNames is how many load balancers ELB's DescribeTags takes.
	tagNames = 20
)

// groups lists the security groups that pass the filters.
func (a *account) groups(ctx context.Context, doing string, filters ...types.Filter) ([]types.SecurityGroup, error) {
	var out []types.SecurityGroup
	pages := ec2.NewDescribeSecurityGroupsPaginator(a.ec2, &ec2.DescribeSecurityGroupsInput{Filters: filters})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, a.failed(err, doing)
		}
		out = append(out, page.SecurityGroups...)
	}
	return out, nil
}

func groupIDs(groups []types.SecurityGroup) []string {
	var ids []string
	for _, g := range groups {
		ids = append(ids, aws.ToString(g.GroupId))
	}
	return ids
}

// distinct returns them in order and once each, and leaves them as they are: who
// asks may be reading them meanwhile.
func distinct(ids []string) []string { return slices.Compact(slices.Sorted(slices.Values(ids))) }

// existing returns those of the groups that exist.
func (a *account) existing(ctx context.Context, ids []string) ([]string, error) {
	found, err := a.groupsByID(ctx, ids)
	return groupIDs(found), err
}

// groupsByID lists groups by a filter, since one that is gone would refuse a call
// that names it.
func (a *account) groupsByID(ctx context.Context, ids []string) ([]types.SecurityGroup, error) {
	return inChunks(distinct(ids), filterValues, func(ids []string) ([]types.SecurityGroup, error) {
		return a.groups(ctx, "look for security groups", filter("group-id", ids...))
	})
}

func ruleIDsOf(rules []types.SecurityGroupRule) []string {
	var ids []string
	for _, r := range rules {
		ids = append(ids, aws.ToString(r.SecurityGroupRuleId))
	}
	return ids
}

// rulesByID lists rules in the same way.
func (a *account) rulesByID(ctx context.Context, ids []string) ([]types.SecurityGroupRule, error) {
	return inChunks(distinct(ids), filterValues, func(ids []string) ([]types.SecurityGroupRule, error) {
		return a.rules(ctx, "look for security group rules", filter("security-group-rule-id", ids...))
	})
}

func (a *account) deploymentGroups(ctx context.Context, deployment string) ([]types.SecurityGroup, error) {
	return a.groups(ctx, "list my security groups", filter("tag:"+TagDeployment, deployment))
}

func (a *account) deploymentRules(ctx context.Context, deployment string) ([]types.SecurityGroupRule, error) {
	return a.rules(ctx, "list my security group rules", filter("tag:"+TagDeployment, deployment))
}

// rulesIn lists all rules of groups, those that somebody else added among them.
func (a *account) rulesIn(ctx context.Context, groups []string) ([]types.SecurityGroupRule, error) {
	return inChunks(groups, filterValues, func(ids []string) ([]types.SecurityGroupRule, error) {
		return a.rules(ctx, "list the rules of my security groups", filter("group-id", ids...))
	})
}

func (a *account) rules(ctx context.Context, doing string, filters ...types.Filter) ([]types.SecurityGroupRule, error) {
	var out []types.SecurityGroupRule
	pages := ec2.NewDescribeSecurityGroupRulesPaginator(a.ec2, &ec2.DescribeSecurityGroupRulesInput{Filters: filters})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, a.failed(err, doing)
		}
		out = append(out, page.SecurityGroupRules...)
	}
	return out, nil
}

// namedBalancers lists the load balancers whose name may be one of the
// deployment's, by name: ELB has no filter for tags, and reading everybody's
// would be a call for each twenty. An id has no hyphen, which keeps those of a
// deployment prod-2 from prod; the tags decide about what is left.
func (a *account) namedBalancers(ctx context.Context, deployment string) (map[string]elbtypes.LoadBalancerDescription, error) {
	out, n := map[string]elbtypes.LoadBalancerDescription{}, 0
	pages := elb.NewDescribeLoadBalancersPaginator(a.elb, &elb.DescribeLoadBalancersInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, a.failed(err, "list the load balancers")
		}
		n += len(page.LoadBalancerDescriptions)
		for _, b := range page.LoadBalancerDescriptions {
			name := aws.ToString(b.LoadBalancerName)
			id, ok := strings.CutPrefix(name, sshforward.Name(deployment, ""))
			if ok && !strings.Contains(id, "-") {
				out[name] = b
			}
		}
	}
	a.quota.used(n)
	return out, nil
}

// balancerTags reads the tags of load balancers. One name that is gone by now
// refuses the twenty, which are then read one by one: it does not count any
// more, and the others do.
func (a *account) balancerTags(ctx context.Context, names []string) (map[string]map[string]string, error) {
	read := func(names []string) ([]elbtypes.TagDescription, error) {
		out, err := a.elb.DescribeTags(ctx, &elb.DescribeTagsInput{LoadBalancerNames: names})
		if err != nil {
			return nil, err
		}
		return out.TagDescriptions, nil
	}
	all, err := inChunks(names, tagNames, func(names []string) ([]elbtypes.TagDescription, error) {
		some, err := read(names)
		if !hasCode(err, balancerNotFound) {
			return some, a.failed(err, "read the load balancers' tags")
		}
		return inChunks(names, 1, func(one []string) ([]elbtypes.TagDescription, error) {
			some, err := read(one)
			if hasCode(err, balancerNotFound) {
				return nil, nil
			}
			return some, a.failed(err, "read the load balancers' tags")
		})
	})
	if err != nil {
		return nil, err
	}
	out := map[string]map[string]string{}
	for _, d := range all {
		out[aws.ToString(d.LoadBalancerName)] = fromELBTags(d.Tags)
	}
	return out, nil
}

// describe returns the instances that exist of those with the given ids. It
// asks with a filter: an id that is gone would refuse a call that names it.
func (a *account) describe(ctx context.Context, ids []string) (map[string]sshforward.Instance, error) {
	ids = slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return !instanceIDRE.MatchString(id) })
	all, err := inChunks(distinct(ids), filterValues, func(ids []string) ([]sshforward.Instance, error) {
		return a.described(ctx, &ec2.DescribeInstancesInput{
			Filters: []types.Filter{filter("instance-id", ids...)},
		}, "look at the instances")
	})
	if err != nil {
		return nil, err
	}
	out := map[string]sshforward.Instance{}
	for _, in := range all {
		out[in.ID] = in
	}
	return out, nil
}

// describeOf describes the instances of leases. In an outage of a zone a look with
// a filter fails for all of them; then those of each zone are asked for by their
// ids, and what is not in that zone is answered. It returns what it could read
// beside the error.
func (a *account) describeOf(ctx context.Context, leases []*sshforward.Lease) (map[string]sshforward.Instance, error) {
	var ids []string
	zones := map[string][]string{}
	for _, l := range leases {
		if id := l.Instance.ID; instanceIDRE.MatchString(id) && !slices.Contains(ids, id) {
			ids = append(ids, id)
			zones[l.Instance.Zone] = append(zones[l.Instance.Zone], id)
		}
	}
	out, err := a.describe(ctx, ids)
	if !disrupted(err) {
		return out, err
	}
	var (
		mu    sync.Mutex
		tasks []func() error
	)
	out = map[string]sshforward.Instance{}
	for _, ids := range zones {
		tasks = append(tasks, func() error {
			found, err := a.describeByID(ctx, ids)
			mu.Lock()
			defer mu.Unlock()
			for _, in := range found {
				out[in.ID] = in
			}
			return err
		})
	}
	return out, together(tasks...)
}

// disrupted reports whether a look at instances failed for what is wrong at AWS:
// not for a permission, not for too many calls, and not for the way there.
func disrupted(err error) bool {
	_, throttled := retry.DefaultThrottleErrorCodes[codeOf(err)]
	return codeOf(err) != "" && !throttled && sshforward.ErrorCode(err) != sshforward.EFORBIDDEN
}

// describeByID leaves out instances that are gone. One of them refuses a call that
// names others too, which are then asked for one by one.
func (a *account) describeByID(ctx context.Context, ids []string) ([]sshforward.Instance, error) {
	found, err := inChunks(ids, filterValues, func(ids []string) ([]sshforward.Instance, error) {
		return a.described(ctx, &ec2.DescribeInstancesInput{InstanceIds: ids}, "look at the instances")
	})
	switch {
	case !hasCode(err, instanceNotFound):
		return found, err
	case len(ids) == 1:
		return nil, nil
	}
	return inChunks(ids, 1, func(one []string) ([]sshforward.Instance, error) { return a.describeByID(ctx, one) })
}
