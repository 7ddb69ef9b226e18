package fakeslack

import (
	"encoding/json"
	"fmt"
	"maps"
	"time"
)

// element is one interactive element and the block it is in.
type element struct {
	block string // block_id
	input bool   // inside an input block
	index int    // of the block
	el    map[string]any
}

func (e element) typ() string { return str(e.el["type"]) }

// elementsOf lists the interactive elements of filled blocks in reading order.
func elementsOf(blocks []Block) []element {
	var out []element
	add := func(i int, b Block, v any, input bool) {
		if el, ok := v.(map[string]any); ok && interactive[str(el["type"])] {
			out = append(out, element{block: str(b["block_id"]), input: input, index: i, el: el})
		}
	}
	for i, b := range blocks {
		switch str(b["type"]) {
		case "section":
			add(i, b, b["accessory"], false)
		case "actions":
			for _, v := range list(b["elements"]) {
				add(i, b, v, false)
			}
		case "input":
			add(i, b, b["element"], true)
		}
	}
	return out
}

// fillIDs gives every block a block_id and every interactive element an
// action_id, as Slack does: what comes back in a payload always has both.
// It copies what it changes. Needs mu.
func (w *Workspace) fillIDs(blocks []Block) []Block {
	if blocks == nil {
		return nil
	}
	out := make([]Block, len(blocks))
	for i, b := range blocks {
		b = maps.Clone(b)
		if str(b["block_id"]) == "" {
			b["block_id"] = w.newID("b")
		}
		for _, key := range []string{"accessory", "element"} {
			if b[key] != nil {
				b[key] = w.fillActionID(b[key])
			}
		}
		if els := list(b["elements"]); els != nil && str(b["type"]) == "actions" {
			filled := make([]any, len(els))
			for j, el := range els {
				filled[j] = w.fillActionID(el)
			}
			b["elements"] = filled
		}
		out[i] = b
	}
	return out
}

func (w *Workspace) fillActionID(v any) any {
	el, ok := v.(map[string]any)
	if !ok || !interactive[str(el["type"])] || str(el["action_id"]) != "" {
		return v
	}
	el = maps.Clone(el)
	el["action_id"] = w.newID("a")
	return el
}

func str(v any) string {
	s, _ := v.(string)
	return s
}

func list(v any) []any {
	l, _ := v.([]any)
	return l
}

func object(v any) map[string]any {
	m, _ := v.(map[string]any)
	return m
}

// textOf is the text of a text object.
func textOf(v any) string { return str(object(v)["text"]) }

// blocksOf turns a decoded JSON value into blocks; ok is false if it is
// anything but a list of objects.
func blocksOf(v any) (blocks []Block, ok bool) {
	l, ok := v.([]any)
	if !ok {
		return nil, false
	}
	blocks = make([]Block, len(l))
	for i, b := range l {
		if blocks[i], ok = b.(map[string]any); !ok {
			return nil, false
		}
	}
	return blocks, true
}

// normal passes a value through JSON, so that what a caller built from structs
// looks like what came over the wire.
func normal(v any) (any, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("fakeslack: %w", err)
	}
	var out any
	err = json.Unmarshal(b, &out)
	return out, err
}

func tsOf(t time.Time) string {
	us := t.UnixMicro()
	return fmt.Sprintf("%d.%06d", us/1e6, us%1e6)
}
