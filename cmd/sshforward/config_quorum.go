package main

import (
	"slices"

	"github.com/goccy/go-yaml/ast"

	"github.com/sshforward/sshforward"
)

// quorum is how many approvals are needed: a number, of any of the approvers, or
// a list that says of whom they have to be.
type quorum struct {
	n     int // in all
	needs []sshforward.Need
}

// UnmarshalYAML implements yaml.NodeUnmarshaler.
func (q *quorum) UnmarshalYAML(at ast.Node) error {
	list, ok := at.(*ast.SequenceNode)
	if !ok {
		n, err := integer(at)
		if err != nil {
			return complain(at, "want a number here, or a list such as [{from: S0DBA, n: 1}, {from: S0SEC, n: 1}]")
		}
		*q = quorum{n: n}
		return nil
	}
	*q = quorum{}
	for _, value := range list.Values {
		need, err := readNeed(value)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(q.needs, func(n sshforward.Need) bool { return n.From == need.From }) {
			return complain(value, "%s stands here twice; add the numbers up", need.From)
		}
		q.needs, q.n = append(q.needs, need), q.n+need.N
	}
	if q.n == 0 {
		return complain(at, "an empty list would ask for no approval; leave it out, or write 0, if that is meant")
	}
	return nil
}

func readNeed(at ast.Node) (need sshforward.Need, err error) {
	need.N = 1
	of, ok := at.(*ast.MappingNode)
	if !ok {
		return need, complain(at, "want {from: S0DBA, n: 1} here")
	}
	for _, e := range of.Values {
		switch key := e.Key.String(); key {
		case "from":
			var p person
			err = p.UnmarshalYAML(e.Value)
			need.From = string(p)
		case "n":
			if need.N, err = integer(e.Value); err != nil || need.N < 1 {
				return need, complain(e.Value, "want a number from 1 on here")
			}
		default:
			return need, complain(e.Key, "%s is not known here; write {from: S0DBA, n: 1}", key)
		}
		if err != nil {
			return need, err
		}
	}
	switch {
	case need.From == "":
		return need, complain(at, "say of whom, for example {from: S0DBA, n: 1}")
	case !sshforward.IsGroup(need.From) && need.N > 1:
		return need, complain(at, "%s is one person, who can give one approval", need.From)
	}
	return need, nil
}

// withApprovers adds those of whom approvals have to be to the approvers.
func (q *quorum) withApprovers(approvers []person) []person {
	if q == nil {
		return approvers
	}
	for _, need := range q.needs {
		if !slices.Contains(approvers, person(need.From)) {
			approvers = append(approvers, person(need.From))
		}
	}
	return approvers
}
