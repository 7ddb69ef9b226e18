package fakeaws

// operations is everything the services answer; the rest is InvalidAction.
// The names are those of IAM actions.
var operations = map[string]operation{
	"ec2:DescribeRegions":           describeRegions,
	"ec2:DescribeAvailabilityZones": describeAvailabilityZones,
	"ec2:DescribeVpcs":              describeVpcs,
	"ec2:DescribeSubnets":           describeSubnets,
	"ec2:DescribeRouteTables":       describeRouteTables,
	"ec2:DescribeNetworkInterfaces": describeNetworkInterfaces,
	"ec2:DescribeNetworkAcls":       describeNetworkACLs,

	"ec2:DescribeInstances": describeInstances,
	"ec2:GetConsoleOutput":  getConsoleOutput,

	"ec2:CreateSecurityGroup":           createSecurityGroup,
	"ec2:DeleteSecurityGroup":           deleteSecurityGroup,
	"ec2:DescribeSecurityGroups":        describeSecurityGroups,
	"ec2:DescribeSecurityGroupRules":    describeSecurityGroupRules,
	"ec2:AuthorizeSecurityGroupIngress": func(rq *request) (any, *apiError) { return authorize(rq, false) },
	"ec2:AuthorizeSecurityGroupEgress":  func(rq *request) (any, *apiError) { return authorize(rq, true) },
	"ec2:RevokeSecurityGroupIngress":    func(rq *request) (any, *apiError) { return revoke(rq, false) },
	"ec2:RevokeSecurityGroupEgress":     func(rq *request) (any, *apiError) { return revoke(rq, true) },

	"ec2:CreateTags":   createTags,
	"ec2:DeleteTags":   deleteTags,
	"ec2:DescribeTags": describeTags,

	"elasticloadbalancing:CreateLoadBalancer":                  createLoadBalancer,
	"elasticloadbalancing:DeleteLoadBalancer":                  deleteLoadBalancer,
	"elasticloadbalancing:DescribeLoadBalancers":               describeLoadBalancers,
	"elasticloadbalancing:DescribeAccountLimits":               describeAccountLimits,
	"elasticloadbalancing:ConfigureHealthCheck":                configureHealthCheck,
	"elasticloadbalancing:ModifyLoadBalancerAttributes":        modifyLoadBalancerAttributes,
	"elasticloadbalancing:DescribeLoadBalancerAttributes":      describeLoadBalancerAttributes,
	"elasticloadbalancing:RegisterInstancesWithLoadBalancer":   registerInstances,
	"elasticloadbalancing:DeregisterInstancesFromLoadBalancer": deregisterInstances,
	"elasticloadbalancing:DescribeInstanceHealth":              describeInstanceHealth,
	"elasticloadbalancing:CreateLoadBalancerListeners":         createListeners,
	"elasticloadbalancing:DeleteLoadBalancerListeners":         deleteListeners,
	"elasticloadbalancing:ApplySecurityGroupsToLoadBalancer":   applyGroups,
	"elasticloadbalancing:AddTags":                             addTags,
	"elasticloadbalancing:RemoveTags":                          removeTags,
	"elasticloadbalancing:DescribeTags":                        describeELBTags,

	"iam:GetRole":                 getRole,
	"iam:SimulatePrincipalPolicy": simulatePrincipalPolicy,

	"sts:AssumeRole":        assumeRole,
	"sts:GetCallerIdentity": getCallerIdentity,

	"scheduler:CreateSchedule": createSchedule,
	"scheduler:GetSchedule":    getSchedule,
	"scheduler:UpdateSchedule": updateSchedule,
	"scheduler:DeleteSchedule": deleteSchedule,
	"scheduler:ListSchedules":  listSchedules,

	"scheduler:CreateScheduleGroup": createScheduleGroup,
	"scheduler:GetScheduleGroup":    getScheduleGroup,
	"scheduler:DeleteScheduleGroup": deleteScheduleGroup,
	"scheduler:ListScheduleGroups":  listScheduleGroups,
	"scheduler:TagResource":         tagScheduleGroup,
	"scheduler:UntagResource":       untagScheduleGroup,
	"scheduler:ListTagsForResource": listScheduleGroupTags,
}
