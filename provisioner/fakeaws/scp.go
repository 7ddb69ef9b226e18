package fakeaws

import (
	"net/http"
	"slices"
	"strings"
)

// tagsOnCreate are the tags that a call gives to what it creates, for the
// operations that an organisation narrows by aws:RequestTag.
var tagsOnCreate = map[string]func(*request) map[string]string{
	"ec2:CreateSecurityGroup": func(rq *request) map[string]string {
		tags, _ := rq.tagSpecification("security-group")
		return tags
	},
	"elasticloadbalancing:CreateLoadBalancer": func(rq *request) map[string]string {
		tags, _ := elbTagsAsked(rq.p)
		return tags
	},
	"scheduler:CreateScheduleGroup": func(rq *request) map[string]string {
		var doc struct{ Tags []jsonTag }
		_ = rq.document(&doc)
		tags := map[string]string{}
		for _, t := range doc.Tags {
			tags[t.Key] = t.Value
		}
		return tags
	},
}

// organisation holds a call against what an organisation demands of tags: keys
// that a service control policy requires on whatever is created, and values
// that a tag policy allows, on create and later.
func (rq *request) organisation() *apiError {
	tags := map[string]string{}
	if f, creates := tagsOnCreate[rq.call.String()]; creates {
		tags = f(rq)
		for _, key := range rq.c.opts.RequireTags {
			if _, ok := tags[key]; !ok {
				return explicitlyDenied(rq.call, rq.who)
			}
		}
	} else if op := rq.call.Operation; op == "CreateTags" || op == "AddTags" {
		for _, t := range append(rq.p.objects("Tag"), rq.p.memberObjects("Tags")...) {
			tags[t.str("Key")] = t.str("Value")
		}
	}
	for _, key := range sortedKeys(tags) {
		if allowed, ok := rq.c.opts.TagPolicy[key]; ok && !slices.Contains(allowed, tags[key]) {
			return &apiError{status: http.StatusBadRequest, code: "TagPolicyViolation",
				message: "The tag policy does not allow the specified value for the following tag key: '" + key + "'."}
		}
	}
	return nil
}

// explicitlyDenied is what IAM says where a service control policy denies.
func explicitlyDenied(call Call, who identity) *apiError {
	e := unauthorized(call, who)
	head, _, _ := strings.Cut(e.message, " because ")
	e.message = head + " with an explicit deny in a service control policy"
	return e
}
