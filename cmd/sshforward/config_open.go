package main

import (
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// checkOpen refuses what would let in more people, or to more, than whoever
// wrote it can have meant: a list of which the entries were deleted or
// commented out reads like one that was never there, and in a rule that means
// everybody. What is decoded cannot tell the two apart; the text can.
func checkOpen(text []byte) error {
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		return where(err)
	}
	if len(file.Docs) == 0 || file.Docs[0].Body == nil {
		return nil
	}
	doc := document{anchors: make(map[string]ast.Node)}
	ast.Walk(doc, file.Docs[0].Body)
	if err := doc.checkStore(doc.child(file.Docs[0].Body, "store")); err != nil {
		return err
	}
	for _, account := range doc.elements(doc.child(file.Docs[0].Body, "aws")) {
		if err := doc.checkAccount(account); err != nil {
			return err
		}
	}
	policy := doc.child(file.Docs[0].Body, "policy")
	for _, e := range doc.entries(policy) {
		if e.name == "sources" {
			if err := doc.checkSources(e); err != nil {
				return err
			}
		}
	}
	names := make(map[string]bool)
	for _, rule := range doc.elements(doc.child(policy, "rules")) {
		if err := doc.checkRule(rule, names); err != nil {
			return err
		}
	}
	return nil
}

// checkAccount looks at what narrows where load balancers may stand, at the tags
// that they carry, and at what ends access without the bot.
func (d document) checkAccount(account ast.Node) error {
	for _, e := range d.entries(account) {
		switch {
		case e.name == "tags":
			if err := d.checkTexts(e.value); err != nil {
				return err
			}
		case e.name == "subnets" && d.empty(e.value):
			return complain(e.key, "subnets is there and empty, which would allow every public one; leave it out if that is meant")
		case e.name == "deadman" && d.empty(e.value):
			return complain(e.key, "deadman is there and empty, so nothing would end access without the bot; leave it out if that is meant")
		}
	}
	return nil
}

// checkSources looks at policy.sources: with no network allowed, all are.
func (d document) checkSources(sources entry) error {
	const meaning = "which would allow every public address; leave it out if that is meant"
	if d.empty(sources.value) {
		return complain(sources.key, "sources is there and empty, %s", meaning)
	}
	for _, e := range d.entries(sources.value) {
		if e.name == "allow" && d.empty(e.value) {
			return complain(e.key, "allow is there and empty, %s", meaning)
		}
	}
	return nil
}

// checkRule looks at one rule; names are those of the rules before it.
func (d document) checkRule(rule ast.Node, names map[string]bool) error {
	tags := false
	for _, e := range d.entries(rule) {
		if err := d.checkFilled(e); err != nil {
			return err
		}
		switch e.name {
		case "tags", "not_tags":
			tags = tags || e.name == "tags"
			if err := d.checkTexts(e.value); err != nil {
				return err
			}
			if e.name == "not_tags" && len(d.entries(e.value)) == 0 {
				return complain(e.key, "not_tags wants the tags that no instance may have; a word would leave none out")
			}
		case "name":
			name := d.text(e.value)
			if names[name] {
				return complain(e.value, "there are two rules called %q; people and the audit record know a rule by its name", name)
			}
			names[name] = true
		}
	}
	if !tags {
		return complain(rule, "the rule has no tags, so it would decide about every instance; write tags: any if that is meant")
	}
	return nil
}

// checkFilled refuses a key of a rule without a value, at any depth.
func (d document) checkFilled(e entry) error {
	if d.empty(e.value) {
		return complain(e.key, "%s is there and empty; write what it is, or leave it out%s", e.name, instead[e.name])
	}
	if e.name == "tags" || e.name == "not_tags" {
		return nil // a tag may have an empty value
	}
	for _, inner := range d.entries(e.value) {
		if err := d.checkFilled(inner); err != nil {
			return err
		}
	}
	for _, element := range d.elements(e.value) {
		if d.empty(element) {
			return complain(element, "%s has an empty entry; write what it is, or take it out", e.name)
		}
	}
	return nil
}

// instead is how to say what an empty key would have meant.
var instead = map[string]string{
	"users": "; users: everyone lets in every full member of the workspace",
	"tags":  "; tags: any covers every instance",
}

// checkTexts refuses tags that YAML does not read as texts: 0123 is the number
// 83 to it and 1.10 is 1.1, so what the instance has would not be compared with
// what stands in the file.
func (d document) checkTexts(tags ast.Node) error {
	for _, e := range d.entries(tags) {
		for _, at := range []ast.Node{e.key, d.resolve(e.value)} {
			switch at.(type) {
			case *ast.StringNode, *ast.LiteralNode:
				continue
			case *ast.NullNode:
				return complain(at, `the tag %s has no value here; write "" if the empty one is meant`, e.name)
			}
			text := strings.TrimSpace(at.String())
			return complain(at, `%s is not a text in YAML, so it may not be compared as it stands here; write "%s"`, text, text)
		}
	}
	return nil
}

// document finds its way in a YAML document, through anchors, aliases and
// merged maps.
type document struct{ anchors map[string]ast.Node }

// entry is a key of a map and its value.
type entry struct {
	name  string
	key   ast.Node
	value ast.Node
}

// Visit implements ast.Visitor: it notes the anchors.
func (d document) Visit(n ast.Node) ast.Visitor {
	if a, ok := n.(*ast.AnchorNode); ok {
		d.anchors[a.Name.GetToken().Value] = a.Value
	}
	return d
}

// resolve returns what an alias or an anchor stands for.
func (d document) resolve(n ast.Node) ast.Node {
	for range 100 { // an alias that stands for itself is the decoder's to refuse
		switch at := n.(type) {
		case *ast.AnchorNode:
			n = at.Value
		case *ast.AliasNode:
			n = d.anchors[at.Value.GetToken().Value]
		case *ast.TagNode:
			n = at.Value
		default:
			return n
		}
	}
	return n
}

// entries lists a map; there are none in anything else. A key that is written
// out goes before one that is merged in.
func (d document) entries(n ast.Node) (out []entry) {
	mapping, ok := d.resolve(n).(ast.MapNode)
	if !ok {
		return nil
	}
	var merged []entry
	written := make(map[string]bool)
	for all := mapping.MapRange(); all.Next(); {
		if all.Key().IsMergeKey() {
			merged = append(merged, d.entries(all.Value())...)
			for _, one := range d.elements(all.Value()) {
				merged = append(merged, d.entries(one)...)
			}
			continue
		}
		e := entry{all.Key().GetToken().Value, all.Key(), all.Value()}
		written[e.name] = true
		out = append(out, e)
	}
	for _, e := range merged {
		if !written[e.name] {
			written[e.name] = true
			out = append(out, e)
		}
	}
	return out
}

// elements lists a list; there are none in anything else.
func (d document) elements(n ast.Node) []ast.Node {
	if list, ok := d.resolve(n).(*ast.SequenceNode); ok {
		return list.Values
	}
	return nil
}

// child returns the value of a key, nil if it is not there.
func (d document) child(n ast.Node, name string) ast.Node {
	for _, e := range d.entries(n) {
		if e.name == name {
			return e.value
		}
	}
	return nil
}

// text returns a simple value, however it is written, without the blanks around it.
func (d document) text(n ast.Node) string {
	switch at := d.resolve(n).(type) {
	case *ast.LiteralNode:
		return strings.TrimSpace(at.Value.Value)
	default:
		return strings.TrimSpace(at.GetToken().Value)
	}
}

// empty reports whether a value is null, "", [] or {}.
func (d document) empty(n ast.Node) bool {
	switch at := d.resolve(n).(type) {
	case nil, *ast.NullNode:
		return true
	case *ast.StringNode:
		return at.Value == ""
	case *ast.LiteralNode:
		return strings.TrimSpace(at.Value.Value) == ""
	case *ast.SequenceNode:
		return len(at.Values) == 0
	case *ast.MappingNode:
		return len(at.Values) == 0
	}
	return false
}
