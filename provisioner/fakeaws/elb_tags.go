package fakeaws

import (
	"regexp"
	"strings"
)

// elbTagRE is the pattern of TagKey and TagValue in ELB's API reference.
var elbTagRE = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`)

func elbTagsAsked(p params) (map[string]string, *apiError) {
	tags := map[string]string{}
	for _, o := range p.memberObjects("Tags") {
		if _, twice := tags[o.str("Key")]; twice {
			return nil, errorf("DuplicateTagKeys", "Tag keys must be unique: %s", o.str("Key"))
		}
		tags[o.str("Key")] = o.str("Value")
	}
	return tags, nil
}

// checkELBTags holds tags against ELB's rules, which are not quite EC2's: keys
// up to 127 and values up to 255 characters of fewer kinds, 50 to a load
// balancer (or Options.TagLimit), none of AWS's own.
func (c *Cloud) checkELBTags(tags map[string]string, others int) *apiError {
	for k, v := range tags {
		if !elbTagRE.MatchString(k) || !elbTagRE.MatchString(v) || strings.HasPrefix(strings.ToLower(k), "aws:") {
			return errorf("ValidationError", "Invalid tag key or value: '%s'='%s'", k, v)
		}
		if k == "" || len([]rune(k)) > 127 || len([]rune(v)) > 255 {
			return errorf("ValidationError", "Tag keys have 1 to 127 characters, values up to 255: '%s'", k)
		}
	}
	if limit := c.opts.TagLimit; len(tags)+others > limit {
		return errorf("TooManyTags", "A load balancer can have at most %d tags", limit)
	}
	return nil
}

// tagTargets finds the load balancers of a tagging call; most is what the API
// takes at once.
func (rq *request) tagTargets(most int) ([]*loadBalancer, *apiError) {
	names := rq.p.members("LoadBalancerNames")
	if len(names) == 0 || len(names) > most {
		return nil, errorf("ValidationError", "LoadBalancerNames must have between 1 and %d names", most)
	}
	var out []*loadBalancer
	for _, name := range names {
		lb, e := rq.loadBalancerNamed(name)
		if e != nil {
			return nil, e
		}
		out = append(out, lb)
	}
	return out, nil
}

func addTags(rq *request) (any, *apiError) {
	lbs, e := rq.tagTargets(1)
	if e != nil {
		return nil, e
	}
	tags, e := elbTagsAsked(rq.p)
	if e != nil {
		return nil, e
	}
	for _, lb := range lbs {
		others := 0
		for k := range lb.Tags {
			if _, replaced := tags[k]; !replaced {
				others++
			}
		}
		if e := rq.c.checkELBTags(tags, others); e != nil {
			return nil, e
		}
		for k, v := range tags {
			lb.Tags[k] = v
		}
		rq.r.emit("load-balancer", lb.Name, Changed, "tags")
	}
	return nil, nil
}

func removeTags(rq *request) (any, *apiError) {
	lbs, e := rq.tagTargets(1)
	if e != nil {
		return nil, e
	}
	for _, lb := range lbs {
		for _, o := range rq.p.memberObjects("Tags") {
			delete(lb.Tags, o.str("Key"))
		}
		rq.r.emit("load-balancer", lb.Name, Changed, "tags")
	}
	return nil, nil
}

func describeELBTags(rq *request) (any, *apiError) {
	lbs, e := rq.tagTargets(20)
	if e != nil {
		return nil, e
	}
	type tag struct {
		Key   string `xml:"Key"`
		Value string `xml:"Value"`
	}
	type description struct {
		Name string `xml:"LoadBalancerName"`
		Tags []tag  `xml:"Tags>member"`
	}
	var out struct {
		Descriptions []description `xml:"TagDescriptions>member"`
	}
	for _, lb := range lbs {
		d := description{Name: lb.Name}
		for _, k := range sortedKeys(lb.Tags) {
			d.Tags = append(d.Tags, tag{k, lb.Tags[k]})
		}
		out.Descriptions = append(out.Descriptions, d)
	}
	return out, nil
}
