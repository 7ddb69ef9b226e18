package provisioner

import (
	"errors"
	"slices"

	"github.com/aws/smithy-go"
)

// Codes that steps act on. ELB's codes differ from its Go type names.
const (
	groupDuplicate      = "InvalidGroup.Duplicate"
	permissionDuplicate = "InvalidPermission.Duplicate"
	permissionNotFound  = "InvalidPermission.NotFound"
	ruleNotFound        = "InvalidSecurityGroupRuleId.NotFound"
	rulesLimit          = "RulesPerSecurityGroupLimitExceeded"
	dependencyViolation = "DependencyViolation"
	groupInUse          = "InvalidGroup.InUse" // DependencyViolation's older name
	balancerDuplicate   = "DuplicateLoadBalancerName"
	balancerNotFound    = "LoadBalancerNotFound"
	balancerInstance    = "InvalidInstance"
	instanceNotFound    = "InvalidInstanceID.NotFound"
	tooManyTags         = "TooManyTags"
	scheduleNotFound    = "ResourceNotFoundException" // the schedule or its group
	scheduleConflict    = "ConflictException"         // exists, or is being changed by somebody else
	scheduleInvalid     = "ValidationException"
)

// groupNotFound are the codes for a group that is not there, which also means
// not there yet: for a while after its creation any call may say so, even
// after a Describe has found it. ELB says InvalidSecurityGroup.
var groupNotFound = []string{
	"InvalidGroup.NotFound", "InvalidSecurityGroupID.NotFound", "InvalidSecurityGroup",
}

// denied are the codes of a missing permission: EC2's own, and everybody else's.
// IAM answers before the service. So, where a permission depends on the tags of
// what a call is about, they also mean that it is gone, or not to be seen yet.
var denied = []string{"UnauthorizedOperation", "AccessDenied"}

// What calls say that are about the lease's own group or load balancer, when it is
// not there, or not there yet.
var (
	groupUnseen    = slices.Concat(groupNotFound, denied)
	balancerUnseen = append([]string{balancerNotFound}, denied...)
)

// moreRetryable are transient codes of ELB that the SDK does not know.
var moreRetryable = map[string]struct{}{"DependencyThrottle": {}, "HttpFailureException": {}}

// iamNames are the services' names as in IAM policies, by SDK service id.
var iamNames = map[string]string{
	"EC2":                    "ec2",
	"Elastic Load Balancing": "elasticloadbalancing",
	"IAM":                    "iam",
	"STS":                    "sts",
	"Scheduler":              "scheduler",
}

func iamName(serviceID string) string {
	if n, ok := iamNames[serviceID]; ok {
		return n
	}
	return serviceID
}

// codeOf is AWS's error code, empty when AWS did not answer with one.
func codeOf(err error) string {
	if e, ok := errors.AsType[smithy.APIError](err); ok {
		return e.ErrorCode()
	}
	return ""
}

func hasCode(err error, codes ...string) bool {
	return err != nil && slices.Contains(codes, codeOf(err))
}

// statusOf is the HTTP status of the answer that err is about; zero if there
// was no answer.
func statusOf(err error) int {
	if e, ok := errors.AsType[interface {
		error
		HTTPStatusCode() int
	}](err); ok {
		return e.HTTPStatusCode()
	}
	return 0
}
