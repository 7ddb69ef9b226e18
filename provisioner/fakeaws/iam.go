package fakeaws

import (
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"
)

type xmlRole struct {
	Path    string `xml:"Path"`
	Name    string `xml:"RoleName"`
	ID      string `xml:"RoleId"`
	ARN     string `xml:"Arn"`
	Created string `xml:"CreateDate"`
	Trust   string `xml:"AssumeRolePolicyDocument"`
}

// getRole answers for the roles of AddRole and for ELB's service-linked role.
func getRole(rq *request) (any, *apiError) {
	name, account := rq.p.str("RoleName"), rq.who.account
	var out struct {
		Role xmlRole `xml:"Role"`
	}
	if name == elbRoleName && !rq.c.noELBRole[account] {
		out.Role = describeRole(elbRoleARN("aws", account), []string{"elasticloadbalancing.amazonaws.com"}, rq.now)
		return out, nil
	}
	for _, arn := range rq.c.iamRoles.order {
		if r := rq.c.iamRoles.byID[arn]; r.account == account && path.Base(arn) == name {
			out.Role = describeRole(arn, r.trusts, r.created)
			return out, nil
		}
	}
	return nil, &apiError{status: http.StatusNotFound, code: "NoSuchEntity", message: "The role with name " + name + " cannot be found."}
}

func describeRole(arn string, trusts []string, created time.Time) xmlRole {
	_, full, _ := strings.Cut(arn, ":role")
	trust := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":["` +
		strings.Join(trusts, `","`) + `"]}}]}`
	return xmlRole{
		Path: strings.TrimSuffix(full, path.Base(full)), Name: path.Base(full), ID: "AROAFAKEAWS", ARN: arn,
		Created: stamp(created), Trust: url.QueryEscape(trust),
	}
}

type xmlEvaluation struct {
	Action   string `xml:"EvalActionName"`
	Resource string `xml:"EvalResourceName"`
	Decision string `xml:"EvalDecision"`
}

// simulatePrincipalPolicy decides as the Cloud itself would: by what Deny and
// Options.RequireTags say. It has no policies, so ARNs make no difference.
func simulatePrincipalPolicy(rq *request) (any, *apiError) {
	actions, resources := rq.p.members("ActionNames"), rq.p.members("ResourceArns")
	if rq.p.str("PolicySourceArn") == "" || len(actions) == 0 {
		return nil, errorf("ValidationError", "PolicySourceArn and ActionNames are required")
	}
	if len(resources) == 0 {
		resources = []string{"*"}
	}
	var keys []string
	for _, entry := range rq.p.memberObjects("ContextEntries") {
		keys = append(keys, entry.str("ContextKeyName"))
	}
	var out struct {
		Truncated bool            `xml:"IsTruncated"`
		Results   []xmlEvaluation `xml:"EvaluationResults>member"`
	}
	for _, action := range actions {
		decision := rq.c.simulated(action, keys)
		for _, resource := range resources {
			out.Results = append(out.Results, xmlEvaluation{Action: action, Resource: resource, Decision: decision})
		}
	}
	return out, nil
}

func (c *Cloud) simulated(action string, keys []string) string {
	call := Call{}
	call.Service, call.Operation, _ = strings.Cut(action, ":")
	if _, creates := tagsOnCreate[action]; creates {
		for _, key := range c.opts.RequireTags {
			if !slices.Contains(keys, "aws:RequestTag/"+key) {
				return "explicitDeny"
			}
		}
	}
	if !c.allowed(call) {
		return "implicitDeny"
	}
	return "allowed"
}
