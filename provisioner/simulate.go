package provisioner

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// Question is one decision of IAM's: whether something may be done with a
// resource, where the condition keys have these values.
type Question struct {
	Action, Resource string
	Context          map[string][]string
}

// Decision is what IAM says to a question that it does not allow.
type Decision struct {
	Question
	Says string // implicitDeny: nothing allows it; explicitDeny: something forbids it
}

// Simulate asks IAM whether the role that the bot has in an account may do what
// the questions say, without doing it, and returns what it may not. IAM counts
// service control policies and a permissions boundary too. EFORBIDDEN if the role
// may not ask that, which the bot can do without.
func (p *Provisioner) Simulate(ctx context.Context, name string, questions []Question) ([]Decision, error) {
	const doing = "ask IAM what I may do"
	a, err := p.account(name)
	if err != nil {
		return nil, err
	}
	client := iam.NewFromConfig(a.config)
	source, err := a.policySource(ctx)
	if err != nil {
		return nil, err
	}
	var out []Decision
	whole := false // the ARN of the role is known with its path
	for _, group := range grouped(questions) {
		in := group.input(source)
		pages := iam.NewSimulatePrincipalPolicyPaginator(client, in)
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if hasCode(err, noSuchEntity) && !whole {
				// A session's ARN leaves out the path of its role.
				role, roleErr := client.GetRole(ctx, &iam.GetRoleInput{RoleName: aws.String(lastPart(source))})
				if roleErr != nil {
					return nil, a.failed(err, doing)
				}
				source, whole = aws.ToString(role.Role.Arn), true
				in.PolicySourceArn = aws.String(source)
				page, err = pages.NextPage(ctx)
			}
			if err != nil {
				return nil, a.failed(err, doing)
			}
			for _, r := range page.EvaluationResults {
				if r.EvalDecision == types.PolicyEvaluationDecisionTypeAllowed {
					continue
				}
				out = append(out, Decision{Question{aws.ToString(r.EvalActionName), group.Resource, group.Context}, string(r.EvalDecision)})
			}
		}
	}
	return out, nil
}

// noSuchEntity is IAM's code for a role that is not there.
const noSuchEntity = "NoSuchEntity"

// balancerRole is the role that ELB makes load balancers with, in every account.
const balancerRole = "AWSServiceRoleForElasticLoadBalancing"

// HasBalancerRole reports whether an account has the service-linked role of ELB.
// Without it ELB makes it at the first CreateLoadBalancer, with the caller's
// permission (iam:CreateServiceLinkedRole). EFORBIDDEN if the bot may not look.
func (p *Provisioner) HasBalancerRole(ctx context.Context, name string) (bool, error) {
	a, err := p.account(name)
	if err != nil {
		return false, err
	}
	_, err = iam.NewFromConfig(a.config).GetRole(ctx, &iam.GetRoleInput{RoleName: aws.String(balancerRole)})
	if hasCode(err, noSuchEntity) {
		return false, nil
	}
	return err == nil, a.failed(err, "look for ELB's service-linked role")
}

// policySource is whose policies are simulated: the role, or the user.
func (a *account) policySource(ctx context.Context) (string, error) {
	if a.RoleARN != "" {
		return a.RoleARN, nil
	}
	who, err := a.sts.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return "", a.failed(err, "tell who I am")
	}
	arn := aws.ToString(who.Arn)
	// arn:aws:sts::123456789012:assumed-role/NAME/SESSION
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) == 6 && parts[2] == "sts" && strings.HasPrefix(parts[5], "assumed-role/") {
		role := strings.Split(parts[5], "/")[1]
		return fmt.Sprintf("arn:%s:iam::%s:role/%s", parts[1], parts[4], role), nil
	}
	if strings.HasSuffix(arn, ":root") {
		return "", invalid("I am the root user of account %s, whose permissions IAM does not simulate; use a role.", a.Name)
	}
	return arn, nil
}

func lastPart(arn string) string { return arn[strings.LastIndex(arn, "/")+1:] }

// questions that differ in their actions alone are one call.
type sameResource struct {
	Question
	actions []string
}

func grouped(all []Question) []*sameResource {
	groups := make(map[string]*sameResource)
	var out []*sameResource
	for _, q := range all {
		key := q.Resource
		for _, k := range slices.Sorted(maps.Keys(q.Context)) {
			key += fmt.Sprintf("|%s=%q", k, q.Context[k])
		}
		if groups[key] == nil {
			groups[key] = &sameResource{Question: q}
			out = append(out, groups[key])
		}
		if !slices.Contains(groups[key].actions, q.Action) {
			groups[key].actions = append(groups[key].actions, q.Action)
		}
	}
	return out
}

func (g *sameResource) input(source string) *iam.SimulatePrincipalPolicyInput {
	in := &iam.SimulatePrincipalPolicyInput{
		PolicySourceArn: aws.String(source), ActionNames: g.actions, ResourceArns: []string{g.Resource},
	}
	for _, key := range slices.Sorted(maps.Keys(g.Context)) {
		kind := types.ContextKeyTypeEnumString
		if key == "aws:TagKeys" {
			kind = types.ContextKeyTypeEnumStringList
		}
		in.ContextEntries = append(in.ContextEntries, types.ContextEntry{
			ContextKeyName: aws.String(key), ContextKeyType: kind, ContextKeyValues: g.Context[key],
		})
	}
	return in
}
