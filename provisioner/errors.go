package provisioner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"

	"github.com/sshforward/sshforward"
)

// kinds classifies AWS's codes; what is not here goes by whose fault the
// answer says it is.
var kinds = map[string]string{
	"UnauthorizedOperation": sshforward.EFORBIDDEN,
	"AccessDenied":          sshforward.EFORBIDDEN,
	"AccessDeniedException": sshforward.EFORBIDDEN,
	"OptInRequired":         sshforward.EFORBIDDEN,

	"AuthFailure":                     sshforward.EFORBIDDEN,
	"InvalidClientTokenId":            sshforward.EFORBIDDEN,
	"UnrecognizedClientException":     sshforward.EFORBIDDEN,
	"SignatureDoesNotMatch":           sshforward.EFORBIDDEN,
	"MissingAuthenticationToken":      sshforward.EFORBIDDEN,
	"IncompleteSignature":             sshforward.EFORBIDDEN,
	"ExpiredToken":                    sshforward.EUNAVAILABLE, // a fresh one will do
	"ExpiredTokenException":           sshforward.EUNAVAILABLE,
	"RequestExpired":                  sshforward.EUNAVAILABLE,
	"DependencyThrottle":              sshforward.EUNAVAILABLE,
	"HttpFailureException":            sshforward.EUNAVAILABLE,
	dependencyViolation:               sshforward.EUNAVAILABLE,
	groupInUse:                        sshforward.EUNAVAILABLE,
	scheduleNotFound:                  sshforward.EUNAVAILABLE,
	ruleNotFound:                      sshforward.EUNAVAILABLE, // somebody changes the group at the same time
	permissionNotFound:                sshforward.EUNAVAILABLE,
	scheduleConflict:                  sshforward.EUNAVAILABLE,
	"TooManyLoadBalancers":            sshforward.EQUOTA,
	"TooManyTags":                     sshforward.EQUOTA,
	"SecurityGroupLimitExceeded":      sshforward.EQUOTA,
	"ResourceLimitExceeded":           sshforward.EQUOTA,
	"ServiceQuotaExceededException":   sshforward.EQUOTA,
	rulesLimit:                        sshforward.EQUOTA,
	instanceNotFound:                  sshforward.ENOTFOUND,
	"InvalidInstanceID.Malformed":     sshforward.ENOTFOUND,
	"InvalidSubnet":                   sshforward.EINVALID,
	"SubnetNotFound":                  sshforward.EINVALID,
	"InvalidSubnetID.NotFound":        sshforward.EINVALID,
	"InvalidVpcID.NotFound":           sshforward.EINVALID,
	"InvalidConfigurationRequest":     sshforward.EINVALID,
	"OperationNotPermitted":           sshforward.EINVALID,
	"InvalidScheme":                   sshforward.EINVALID,
	"TagPolicyViolation":              sshforward.EINVALID, // an organisation's; see Account.Tags
	"InvalidParameterValue":           sshforward.EINVALID,
	"InvalidParameterCombination":     sshforward.EINVALID,
	"ValidationError":                 sshforward.EINVALID,
	"ValidationException":             sshforward.EINVALID,
	"InvalidSecurityGroup":            sshforward.EINVALID,
	"InvalidGroup.NotFound":           sshforward.EINVALID,
	"InvalidSecurityGroupID.NotFound": sshforward.EINVALID,
	balancerInstance:                  sshforward.EINVALID,
	balancerNotFound:                  sshforward.EINVALID,
	balancerDuplicate:                 sshforward.EINVALID,
}

// credentialCodes blame the credentials, not what they may do.
var credentialCodes = []string{
	"AuthFailure", "InvalidClientTokenId", "UnrecognizedClientException",
	"SignatureDoesNotMatch", "MissingAuthenticationToken", "IncompleteSignature",
}

// failed makes an *sshforward.Error of what a call returned; doing is what the
// call was for, as in "create the load balancer". It is the one place where
// AWS's codes become ours.
func (a *account) failed(err error, doing string) error {
	if err == nil {
		return nil
	}
	if own, ok := errors.AsType[*sshforward.Error](err); ok {
		return own
	}
	out := &sshforward.Error{Err: fmt.Errorf("%s in account %s: %w", doing, a.Name, err)}
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		out.Code = sshforward.EUNAVAILABLE
		out.Message = sshforward.Textf("AWS could not be reached to %s.", sshforward.Textf(doing))
		if noCredentials(err) {
			out.Message = sshforward.Textf("I have no AWS credentials to %s with: there are none in the environment or a profile, "+
				"and this machine has no role.", sshforward.Textf(doing))
		}
		if errors.Is(err, errNoTurn) {
			out.Message = sshforward.Textf("Account %s has used up the calls that AWS takes about load balancers; I did not %s.",
				a.Name, sshforward.Textf(doing))
		}
		if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
			out.Message = sshforward.Textf("I was interrupted when I tried to %s.", sshforward.Textf(doing))
		}
		return out
	}
	code := api.ErrorCode()
	_, throttled := retry.DefaultThrottleErrorCodes[code]
	switch kind, known := kinds[code]; {
	case throttled:
		out.Code = sshforward.EUNAVAILABLE
	case known:
		out.Code = kind
	case api.ErrorFault() == smithy.FaultServer || statusOf(err) >= 500:
		out.Code = sshforward.EUNAVAILABLE
	default:
		out.Code = sshforward.EINTERNAL
	}
	out.Message = a.sentence(out.Code, code, throttled, doing, api.ErrorMessage(), err)
	return out
}

// noCredentials reports whether the SDK found no credentials: the last place where
// it looks is the machine's own role (IMDS).
func noCredentials(err error) bool {
	for err != nil {
		op, ok := errors.AsType[*smithy.OperationError](err)
		if !ok {
			return false
		}
		if op.ServiceID == "ec2imds" {
			return true
		}
		err = op.Err
	}
	return false
}

func (a *account) sentence(kind, code string, throttled bool, doing, reason string, err error) sshforward.Text {
	what := sshforward.Textf(doing)
	switch {
	case throttled || code == "DependencyThrottle":
		return sshforward.Textf("AWS gets too many calls from this account just now and did not %s.", what)
	case slices.Contains(credentialCodes, code):
		return sshforward.Textf("AWS does not accept my credentials for account %s; the operator has to look at them.", a.Name)
	case kind == sshforward.EFORBIDDEN:
		return sshforward.Textf("AWS does not let me %s: my role in account %s lacks the permission %s.", what, a.Name, action(err))
	case code == "TooManyLoadBalancers":
		return sshforward.Textf("Account %s has as many Classic Load Balancers in %s as it may have; "+
			"close a forward or ask AWS for a higher quota.", a.Name, a.Region)
	case kind == sshforward.EUNAVAILABLE:
		return sshforward.Textf("AWS could not %s just now (%s).", what, code)
	}
	return sshforward.Textf("AWS did not %s: %s", what, reasonFor(code, reason))
}

// reasonFor is AWS's own sentence, with a full stop, or the bare code.
func reasonFor(code, reason string) string {
	reason = strings.TrimRight(strings.TrimSpace(reason), ".")
	return cmp.Or(reason, code) + "."
}

// action names the IAM action that was refused. It is that of the innermost
// operation: with an assumed role, sts:AssumeRole inside any other call.
func action(err error) string {
	name := "it needs"
	for err != nil {
		op, ok := errors.AsType[*smithy.OperationError](err)
		if !ok {
			break
		}
		name = iamName(op.ServiceID) + ":" + op.OperationName
		err = op.Err
	}
	return name
}

func invalid(format string, args ...any) error {
	return &sshforward.Error{Code: sshforward.EINVALID, Message: sshforward.Textf(format, args...)}
}

// foreign is the error for something of ours by name but not by tags. It is
// final: whose it is does not change by asking again.
func foreign(what, name string) error {
	return invalid("There is a %s named %s already that is not mine; I leave it alone. "+
		"The operator should look at it.", sshforward.Textf(what), name)
}

func gone(what string) error {
	return &sshforward.Error{Code: sshforward.ENOTFOUND, Message: sshforward.Textf("The lease's %s is gone.", sshforward.Textf(what))}
}

// finalFirst joins errors so that the first, whose code and sentence count,
// is one that repeating cannot help, if there is one.
func finalFirst(errs []error) error {
	slices.SortStableFunc(errs, func(x, y error) int {
		fx, fy := sshforward.Final(x), sshforward.Final(y)
		switch {
		case fx == fy:
			return 0
		case fx:
			return -1
		}
		return 1
	})
	return errors.Join(errs...)
}
