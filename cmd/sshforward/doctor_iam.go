package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/deploy"
	"github.com/sshforward/sshforward/provisioner"
)

// recorded is one call of deploy/calls.json: what IAM is asked about it in the
// whole life of a lease.
type recorded struct {
	Call     string `json:"call"`
	Requests []struct {
		Action   string         `json:"action"`
		Resource string         `json:"resource"`
		Context  map[string]any `json:"context"`
	} `json:"requests"`
}

// questionsOf are the decisions that a whole life asks IAM for in an account that
// the ARN who is of: those of deploy/calls.json, which the policies there are
// proved to be enough for, about this deployment.
func questionsOf(a awsConfig, deployment, region, who string) ([]provisioner.Question, error) {
	arn := strings.SplitN(who, ":", 6)
	if len(arn) != 6 {
		return nil, fmt.Errorf("%q is no ARN", who)
	}
	text, err := deploy.Files.ReadFile("calls.json")
	if err != nil {
		return nil, err
	}
	var calls []recorded
	if err := json.Unmarshal(text, &calls); err != nil {
		return nil, err
	}
	role := ""
	if a.DeadMan != nil {
		role = a.DeadMan.RoleARN
	}
	here := strings.NewReplacer("arn:aws:iam::123456789012:role/sshforward-deadman", role,
		"arn:aws:", "arn:"+arn[1]+":", "123456789012", arn[4], "ap-northeast-1", region, "sshforward-prod", "sshforward-"+deployment)
	var out []provisioner.Question
	for _, call := range calls {
		if a.DeadMan == nil && strings.HasPrefix(call.Call, "scheduler:") {
			continue
		}
		for _, r := range call.Requests {
			q := provisioner.Question{Action: r.Action, Resource: here.Replace(r.Resource), Context: make(map[string][]string)}
			for key, value := range r.Context {
				q.Context[key] = valuesOf(key, value, here, deployment)
			}
			if _, creates := q.Context["aws:RequestTag/sshforward:deployment"]; creates {
				for _, key := range slices.Sorted(maps.Keys(a.Tags)) {
					q.Context["aws:RequestTag/"+key] = []string{a.Tags[key]}
					q.Context["aws:TagKeys"] = append(q.Context["aws:TagKeys"], key)
				}
			}
			out = append(out, q)
		}
	}
	return out, nil
}

func valuesOf(key string, value any, here *strings.Replacer, deployment string) (out []string) {
	if strings.HasSuffix(key, "/sshforward:deployment") {
		return []string{deployment}
	}
	if list, ok := value.([]any); ok {
		for _, v := range list {
			out = append(out, fmt.Sprint(v))
		}
		return out
	}
	return []string{here.Replace(fmt.Sprint(value))}
}

// canDoWithout is what is only told less of, or noted as not checked, without.
var canDoWithout = map[string]string{
	"ec2:GetConsoleOutput":                       "there are no host keys for known_hosts",
	"ec2:DescribeNetworkAcls":                    "nobody is warned of a network ACL",
	"elasticloadbalancing:DescribeAccountLimits": "the quota is not looked at",
}

// lookAtPermissions has IAM say what the role may do, where the role may ask that.
// Else ELB is asked for what cannot be done, in the place of an instance, if there
// is one.
func lookAtPermissions(ctx context.Context, a *about, aws *provisioner.Provisioner, c awsConfig, deployment, who string,
	rehearse rehearsal,
) {
	questions, err := questionsOf(c, deployment, aws.Region(c.Name), who)
	if err != nil {
		a.mend("%s", oneLine(err))
		return
	}
	denied, err := aws.Simulate(ctx, c.Name, questions)
	asked := err == nil
	if !asked {
		a.ok("IAM was not asked what the role may do: %s The bot can do without; see iam-policy-doctor.json in deploy/README.md", oneLine(err))
	} else if !slices.ContainsFunc(denied, func(d provisioner.Decision) bool { return canDoWithout[d.Action] == "" }) {
		a.ok("IAM would allow all that the life of a lease asks for (%s)", count(len(questions), "decision"))
	}
	told := make(map[string]bool)
	for _, d := range denied {
		if told[d.Action+d.Resource] {
			continue
		}
		told[d.Action+d.Resource] = true
		if without, ok := canDoWithout[d.Action]; ok {
			a.ok("IAM would not allow %s; without it %s", d.Action, without)
			continue
		}
		why := "no policy allows it"
		if d.Says == "explicitDeny" {
			why = "a policy forbids it: look at the role's boundary and the organisation's service control policies too"
		}
		a.mend("IAM would not allow %s on %s: %s; compare the role's policy with deploy/iam-policy.json", d.Action, d.Resource, why)
	}
	if said, err := rehearse(asked); err != nil {
		a.mend("%s", oneLine(err))
	} else if said != "" {
		a.ok("%s", said)
	}
	lookAtBalancerRole(ctx, a, aws, c.Name, who, asked)
}

// makeBalancerRole makes by hand what the first load balancer would.
const makeBalancerRole = "aws iam create-service-linked-role --aws-service-name elasticloadbalancing.amazonaws.com"

// lookAtBalancerRole says whether ELB's service-linked role is there, or would be
// made. Without it there is no load balancer.
func lookAtBalancerRole(ctx context.Context, a *about, aws *provisioner.Provisioner, account, who string, simulated bool) {
	there, err := aws.HasBalancerRole(ctx, account)
	switch {
	case err != nil && sshforward.ErrorCode(err) == sshforward.EFORBIDDEN:
		a.ok("ELB's service-linked role was not looked for, since the role may not; if the account never had a load balancer, run: %s",
			makeBalancerRole)
		return
	case err != nil:
		a.ok("ELB's service-linked role could not be looked for: %s", oneLine(err))
		return
	case there:
		a.ok("ELB's service-linked role is there")
		return
	}
	arn := strings.SplitN(who, ":", 6)
	var denied []provisioner.Decision
	if simulated {
		denied, err = aws.Simulate(ctx, account, []provisioner.Question{{
			Action: "iam:CreateServiceLinkedRole",
			Resource: fmt.Sprintf("arn:%s:iam::%s:role/aws-service-role/elasticloadbalancing.amazonaws.com/AWSServiceRoleForElasticLoadBalancing",
				arn[1], arn[4]),
			Context: map[string][]string{"iam:AWSServiceName": {"elasticloadbalancing.amazonaws.com"}},
		}})
	}
	switch {
	case simulated && err == nil && len(denied) == 0:
		a.ok("ELB's service-linked role is not there yet; the first load balancer makes it, which the role allows")
	case len(denied) > 0:
		a.mend("ELB's service-linked role is not there, and the bot's role may not have it made (FirstBalancerInAccount); run: %s",
			makeBalancerRole)
	default:
		a.mend("ELB's service-linked role is not there, and whether the bot's role may have it made was not asked; run: %s", makeBalancerRole)
	}
}

// sameAccounts tells of configured accounts that are one AWS account and region:
// each would take a share of the calls and of the quota for itself.
func sameAccounts(ctx context.Context, aws *provisioner.Provisioner, accounts []awsConfig) (out []string) {
	ids := eachAccount(accounts, func(account string) string {
		who, err := aws.Identity(ctx, account)
		if arn := strings.SplitN(who, ":", 6); err == nil && len(arn) == 6 {
			return arn[4] + " in " + aws.Region(account)
		}
		return ""
	}, func(string, error) string { return "" })
	for i, id := range ids {
		if before := slices.Index(ids[:i], id); id != "" && before >= 0 {
			out = append(out, fmt.Sprintf("the accounts %s and %s of the configuration are both AWS account %s: each believes to have its "+
				"calls and its quota for itself, and instances are listed twice; name it once", accounts[before].Name, accounts[i].Name, id))
		}
	}
	return out
}

// lookAtSubnets looks at the subnets that the configuration names.
func lookAtSubnets(ctx context.Context, a *about, aws *provisioner.Provisioner, c awsConfig) {
	named, err := aws.NamedSubnets(ctx, c.Name)
	if err != nil {
		a.mend("%s", oneLine(err))
		return
	}
	for _, s := range named {
		if s.Wrong == "" {
			a.ok("%s, which subnets names, is in %s of %s", s.ID, s.Zone, s.VPC)
		} else {
			a.mend("no load balancer can stand in %s, which subnets names: %s", s.ID, s.Wrong)
		}
	}
}
