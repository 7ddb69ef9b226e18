package fakeaws

import (
	"strings"
)

// tagged is a resource of EC2's that has tags.
type tagged struct {
	kind, id string
	seq      int
	tags     map[string]string
}

// taggedResources lists everything of EC2's that can carry a tag.
func (r *region) taggedResources() []tagged {
	var out []tagged
	for _, v := range r.vpcs.all() {
		out = append(out, tagged{"vpc", v.ID, v.seq, v.Tags})
	}
	for _, s := range r.subnets.all() {
		out = append(out, tagged{"subnet", s.ID, s.seq, s.Tags})
	}
	for _, t := range r.routeTables.all() {
		out = append(out, tagged{"route-table", t.ID, t.seq, t.Tags})
	}
	for _, i := range r.instances.all() {
		out = append(out, tagged{"instance", i.ID, i.seq, i.Tags})
	}
	for _, g := range r.groups.all() {
		out = append(out, tagged{"security-group", g.ID, g.seq, g.Tags})
	}
	for _, u := range r.rules.all() {
		out = append(out, tagged{"security-group-rule", u.ID, u.seq, u.Tags})
	}
	for _, ni := range r.ifaces.all() {
		out = append(out, tagged{"network-interface", ni.ID, ni.seq, ni.Tags})
	}
	return out
}

// notFoundCodes are what EC2 says of ids it does not know, by their prefix.
var notFoundCodes = map[string]string{
	"vpc": "InvalidVpcID.NotFound", "subnet": "InvalidSubnetID.NotFound", "rtb": "InvalidRouteTableID.NotFound",
	"i": "InvalidInstanceID.NotFound", "sg": "InvalidGroup.NotFound",
	"sgr": "InvalidSecurityGroupRuleId.NotFound", "eni": "InvalidNetworkInterfaceID.NotFound",
}

// taggable finds the resources that CreateTags and DeleteTags name; all of
// them have to exist.
func (rq *request) taggable() ([]tagged, *apiError) {
	ids := rq.p.list("ResourceId")
	if len(ids) == 0 {
		return nil, errorf("MissingParameter", "The request must contain the parameter resourceIdSet")
	}
	all := rq.r.taggedResources()
	var out []tagged
	for _, id := range ids {
		found := filterSlice(all, func(t tagged) bool { return t.id == id })
		if len(found) == 0 {
			prefix, _, _ := strings.Cut(id, "-")
			code, ok := notFoundCodes[prefix]
			if !ok {
				return nil, errorf("InvalidID", "The ID '%s' is not valid", id)
			}
			return nil, errorf(code, "The ID '%s' does not exist", id)
		}
		if g, ok := rq.r.groups.get(id); ok && !rq.visible(g.visibleAt) {
			return nil, errorf("InvalidGroup.NotFound", "The security group '%s' does not exist", id)
		}
		out = append(out, found...)
	}
	return out, nil
}

// checkTags holds tags against EC2's rules: keys up to 128 and values up to
// 256 characters, none of AWS's own, 50 to a resource.
func checkTags(tags map[string]string, have int) *apiError {
	for k, v := range tags {
		switch {
		case k == "" || len([]rune(k)) > 128:
			return errorf("InvalidParameterValue", "Tag key exceeds the maximum length of 128 characters")
		case len([]rune(v)) > 256:
			return errorf("InvalidParameterValue", "Tag value exceeds the maximum length of 256 characters")
		case strings.HasPrefix(strings.ToLower(k), "aws:"):
			return errorf("InvalidParameterValue", "Tag keys starting with 'aws:' are reserved for internal use")
		}
	}
	if len(tags)+have > 50 {
		return errorf("TagLimitExceeded", "The maximum number of Tags for a resource has been reached.")
	}
	return nil
}

// tagSpecification reads the tags a call gives to what it creates.
func (rq *request) tagSpecification(kind string) (map[string]string, *apiError) {
	tags := map[string]string{}
	for _, spec := range rq.p.objects("TagSpecification") {
		if got := spec.str("ResourceType"); got != kind {
			return nil, errorf("InvalidParameterValue", "'%s' is not a valid taggable resource type for this operation.", got)
		}
		for _, t := range spec.objects("Tag") {
			if _, twice := tags[t.str("Key")]; twice {
				return nil, errorf("InvalidParameterValue", "Duplicate tag key '%s' specified.", t.str("Key"))
			}
			tags[t.str("Key")] = t.str("Value")
		}
	}
	return tags, checkTags(tags, 0)
}

func createTags(rq *request) (any, *apiError) {
	resources, e := rq.taggable()
	if e != nil {
		return nil, e
	}
	tags := map[string]string{}
	for _, t := range rq.p.objects("Tag") {
		tags[t.str("Key")] = t.str("Value")
	}
	for _, res := range resources {
		others := 0
		for k := range res.tags {
			if _, replaced := tags[k]; !replaced {
				others++
			}
		}
		if e := checkTags(tags, others); e != nil {
			return nil, e
		}
	}
	for _, res := range resources {
		for k, v := range tags {
			res.tags[k] = v
		}
		rq.r.emit(res.kind, res.id, Changed, "tags")
	}
	return xmlReturn{true}, nil
}

// deleteTags removes tags by key, or by key and value; without any, all.
func deleteTags(rq *request) (any, *apiError) {
	resources, e := rq.taggable()
	if e != nil {
		return nil, e
	}
	asked := rq.p.objects("Tag")
	for _, res := range resources {
		if len(asked) == 0 {
			clear(res.tags)
		}
		for _, t := range asked {
			if k := t.str("Key"); !t.has("Value") || res.tags[k] == t.str("Value") {
				delete(res.tags, k)
			}
		}
		rq.r.emit(res.kind, res.id, Changed, "tags")
	}
	return xmlReturn{true}, nil
}

func describeTags(rq *request) (any, *apiError) {
	type row struct {
		ID    string `xml:"resourceId"`
		Kind  string `xml:"resourceType"`
		Key   string `xml:"key"`
		Value string `xml:"value"`
		seq   int
	}
	var all []row
	for _, res := range rq.r.taggedResources() {
		if g, ok := rq.r.groups.get(res.id); ok && !rq.visible(g.visibleAt) {
			continue
		}
		if u, ok := rq.r.rules.get(res.id); ok && !rq.visible(u.visibleAt) {
			continue
		}
		for _, k := range sortedKeys(res.tags) {
			all = append(all, row{ID: res.id, Kind: res.kind, Key: k, Value: res.tags[k]})
		}
	}
	// seq pages through the rows as they are now; there is no better identity.
	for i := range all {
		all[i].seq = i + 1
	}
	all, e := selected(rq, all,
		func(t row) map[string]string { return map[string]string{t.Key: t.Value} },
		func(t row) attributes {
			return attributes{
				"key": {t.Key}, "value": {t.Value}, "resource-id": {t.ID}, "resource-type": {t.Kind},
			}
		})
	if e != nil {
		return nil, e
	}
	var out struct {
		Tags []row  `xml:"tagSet>item"`
		Next string `xml:"nextToken,omitempty"`
	}
	out.Tags, out.Next, e = page(rq, all, func(t row) int { return t.seq }, 5, 1000)
	return out, e
}
