package fakeaws

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// params reads the flattened parameters of a query API: Filter.1.Value.2 in
// EC2's manner, Listeners.member.1.Protocol in ELB's.
type params struct {
	v      url.Values
	prefix string
}

func (p params) str(key string) string { return p.v.Get(p.prefix + key) }

func (p params) has(key string) bool { return p.v.Has(p.prefix + key) }

// num returns def where the key is absent or no number.
func (p params) num(key string, def int) int {
	n, err := strconv.Atoi(p.str(key))
	if err != nil {
		return def
	}
	return n
}

func (p params) list(key string) []string {
	var out []string
	for i := 1; p.has(fmt.Sprintf("%s.%d", key, i)); i++ {
		out = append(out, p.str(fmt.Sprintf("%s.%d", key, i)))
	}
	return out
}

func (p params) members(key string) []string { return p.list(key + ".member") }

func (p params) sub(key string) params { return params{v: p.v, prefix: p.prefix + key + "."} }

func (p params) empty() bool {
	for k := range p.v {
		if strings.HasPrefix(k, p.prefix) {
			return false
		}
	}
	return true
}

func (p params) objects(key string) []params {
	var out []params
	for i := 1; ; i++ {
		o := p.sub(fmt.Sprintf("%s.%d", key, i))
		if o.empty() {
			return out
		}
		out = append(out, o)
	}
}

func (p params) memberObjects(key string) []params { return p.objects(key + ".member") }

// operation lets one call take effect and returns the fields of its answer.
type operation func(*request) (any, *apiError)
