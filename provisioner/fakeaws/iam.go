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
	// IAM wants the role, whole, and not the session that somebody has of it.
	source := rq.p.str("PolicySourceArn")
	entity := strings.SplitN(source, ":", 6)
	switch {
	case len(entity) != 6 || entity[2] != "iam":
		return nil, errorf("InvalidInput", "Invalid Entity Arn: %s does not clearly define entity type and name.", source)
	case entity[4] != rq.who.account || rq.c.hasOtherPath(source):
		return nil, &apiError{status: http.StatusNotFound, code: "NoSuchEntity", message: "The entity " + source + " cannot be found."}
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

// hasOtherPath reports whether a role of AddRole has the name in an ARN, but
// another path.
func (c *Cloud) hasOtherPath(arn string) bool {
	if _, ok := c.iamRoles.get(arn); ok {
		return false
	}
	account := roleRE.FindStringSubmatch(arn)
	return account != nil && slices.ContainsFunc(c.iamRoles.order, func(other string) bool {
		return path.Base(other) == path.Base(arn) && c.iamRoles.byID[other].account == account[1]
	})
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
