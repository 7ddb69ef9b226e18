package fakeaws

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// attributes are what a resource offers to filters: name to values. A name
// that is missing altogether is one the Cloud does not know, which is an error,
// as it is at AWS: a filter that is silently ignored would match everything.
type attributes map[string][]string

// matches tells whether a resource passes all filters of a call; within one
// filter any value will do. Values may have the wildcards * and ?.
func matches(filters []params, tags map[string]string, attrs attributes) (bool, *apiError) {
	for _, f := range filters {
		name, want := f.str("Name"), f.list("Value")
		var have []string
		switch key, isTag := strings.CutPrefix(name, "tag:"); {
		case isTag:
			if v, ok := tags[key]; ok {
				have = []string{v}
			}
		case name == "tag-key":
			for k := range tags {
				have = append(have, k)
			}
		default:
			var known bool
			if have, known = attrs[name]; !known {
				return false, errorf("InvalidParameterValue", "The filter '%s' is invalid", name)
			}
		}
		if !slices.ContainsFunc(want, func(pattern string) bool {
			return slices.ContainsFunc(have, func(v string) bool { return glob(pattern, v) })
		}) {
			return false, nil
		}
	}
	return true, nil
}

// glob matches EC2's filter wildcards.
func glob(pattern, s string) bool {
	if pattern == "" {
		return s == ""
	}
	switch pattern[0] {
	case '*':
		for i := 0; i <= len(s); i++ {
			if glob(pattern[1:], s[i:]) {
				return true
			}
		}
		return false
	case '?':
		return s != "" && glob(pattern[1:], s[1:])
	case '\\':
		if len(pattern) > 1 {
			pattern = pattern[1:]
		}
	}
	return s != "" && pattern[0] == s[0] && glob(pattern[1:], s[1:])
}

// selected is what a Describe call of EC2 has in view: the resources it names,
// or all, and of these the ones that pass its filters.
func selected[T any](rq *request, all []T, tags func(T) map[string]string, attrs func(T) attributes) ([]T, *apiError) {
	filters := rq.p.objects("Filter")
	var out []T
	for _, v := range all {
		ok, e := matches(filters, tags(v), attrs(v))
		if e != nil {
			return nil, e
		}
		if ok {
			out = append(out, v)
		}
	}
	return out, nil
}

// page cuts one page out of an EC2 listing. The token says which was the last
// one seen, so that things that come and go between pages do no harm.
func page[T any](rq *request, all []T, seq func(T) int, least, most int) ([]T, string, *apiError) {
	size := most
	if rq.p.has("MaxResults") {
		n, err := strconv.Atoi(rq.p.str("MaxResults"))
		if err != nil || n < least || n > most {
			return nil, "", errorf("InvalidParameterValue",
				"Value ( %s ) for parameter maxResults is invalid. Expecting a value between %d and %d.",
				rq.p.str("MaxResults"), least, most)
		}
		size = n
	}
	return cut(rq, all, seq, size, rq.p.str("NextToken"), "NextToken")
}

func cut[T any](rq *request, all []T, seq func(T) int, size int, token, param string) ([]T, string, *apiError) {
	if n := rq.c.opts.PageSize; n > 0 {
		size = min(size, n)
	}
	after := 0
	if token != "" {
		raw, err := base64.RawURLEncoding.DecodeString(token)
		if err == nil {
			_, err = fmt.Sscanf(string(raw), "after:%d", &after)
		}
		if err != nil {
			return nil, "", errorf("InvalidParameterValue", "The value of %s is not valid", param)
		}
	}
	rest := slices.DeleteFunc(slices.Clone(all), func(v T) bool { return seq(v) <= after })
	if len(rest) <= size {
		return rest, "", nil
	}
	last := fmt.Sprintf("after:%d", seq(rest[size-1]))
	return rest[:size], base64.RawURLEncoding.EncodeToString([]byte(last)), nil
}
