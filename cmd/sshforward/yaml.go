package main

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"

	"github.com/sshforward/sshforward"
)

// The types below check one value each while the file is read, where its line
// and column are still known.

// positionError is a complaint about one place in the file.
type positionError struct {
	line, column int
	message      string
}

func (e *positionError) Error() string {
	return fmt.Sprintf("line %d, column %d: %s", e.line, e.column, e.message)
}

func complain(at ast.Node, format string, args ...any) error {
	pos := at.GetToken().Position
	return &positionError{pos.Line, pos.Column, fmt.Sprintf(format, args...)}
}

// scalar returns the text of a value, or complains that it is not a simple one.
func scalar(at ast.Node, want string) (string, error) {
	if s, ok := at.(*ast.StringNode); ok {
		return s.Value, nil
	}
	if _, ok := at.(ast.ScalarNode); !ok {
		return "", complain(at, "want %s here", want)
	}
	return at.GetToken().Value, nil
}

// pause is a duration that may be none at all: 0s.
type pause time.Duration

// UnmarshalYAML implements yaml.NodeUnmarshaler.
func (p *pause) UnmarshalYAML(at ast.Node) error {
	if s, err := scalar(at, "a duration such as 90m, or 0s"); err != nil || s == "0s" || s == "0" {
		*p = 0
		return err
	}
	return (*duration)(p).UnmarshalYAML(at)
}

// duration is 45s, 90m, 2h, 1h30m or 1d.
type duration time.Duration

// UnmarshalYAML implements yaml.NodeUnmarshaler.
func (d *duration) UnmarshalYAML(at ast.Node) error {
	s, err := scalar(at, "a duration such as 90m")
	if err != nil {
		return err
	}
	parsed, err := sshforward.ParseExactDuration(s)
	if err != nil {
		return complain(at, "%s", sshforward.ErrorMessage(err))
	}
	*d = duration(parsed)
	return nil
}

// prefix is an IPv4 network in CIDR notation, or one address.
type prefix netip.Prefix

// UnmarshalYAML implements yaml.NodeUnmarshaler.
func (p *prefix) UnmarshalYAML(at ast.Node) error {
	s, err := scalar(at, "a network such as 203.0.113.0/24")
	if err != nil {
		return err
	}
	parsed, err := sshforward.ParseSources(s)
	if err != nil {
		return complain(at, "%s", sshforward.ErrorMessage(err))
	}
	if len(parsed) != 1 {
		return complain(at, "want one network here, and a list of them as [a, b]")
	}
	*p = prefix(parsed[0])
	return nil
}

// port is a TCP port.
type port int

// UnmarshalYAML implements yaml.NodeUnmarshaler.
func (p *port) UnmarshalYAML(at ast.Node) error {
	n, err := integer(at)
	if err != nil || n < 1 || n > 65535 {
		return complain(at, "want a port from 1 to 65535 here")
	}
	*p = port(n)
	return nil
}

func integer(at ast.Node) (n int, err error) {
	if _, ok := at.(*ast.IntegerNode); !ok {
		return 0, errors.New("not an integer")
	}
	return n, yaml.NodeToValue(at, &n)
}

// prepareWord is when what is slow about an opening is done.
type prepareWord sshforward.Prepare

// UnmarshalYAML implements yaml.NodeUnmarshaler.
func (p *prepareWord) UnmarshalYAML(at ast.Node) error {
	s, err := scalar(at, "never, approval or prompt")
	if err != nil {
		return err
	}
	switch *p = prepareWord(s); sshforward.Prepare(s) {
	case sshforward.PrepareNever, sshforward.PrepareApproval, sshforward.PreparePrompt:
		return nil
	}
	return complain(at, "%q is none of never, approval and prompt", s)
}

// person is the id of a user or a user group. Names change hands; ids do not.
type person string

var personID = regexp.MustCompile(`^[UWS][A-Za-z0-9_]+$`)

// UnmarshalYAML implements yaml.NodeUnmarshaler.
func (p *person) UnmarshalYAML(at ast.Node) error {
	s, err := scalar(at, "a Slack id")
	if err != nil {
		return err
	}
	if !personID.MatchString(s) {
		return complain(at, "%q is not the id of a user (U…) or a user group (S…); Slack shows it in the profile under ⋮", s)
	}
	*p = person(s)
	return nil
}

// people are users and user groups; the word everyone, like a list that is not
// there, is every full member of the workspace.
type people []person

// UnmarshalYAML implements yaml.InterfaceUnmarshaler.
func (p *people) UnmarshalYAML(decode func(any) error) error {
	if word(decode, "everyone") {
		return nil
	}
	return decode((*[]person)(p))
}

// tagMap are tags and their values; the word any, like none, is every instance.
type tagMap map[string]string

// UnmarshalYAML implements yaml.InterfaceUnmarshaler.
func (m *tagMap) UnmarshalYAML(decode func(any) error) error {
	if word(decode, "any") {
		return nil
	}
	return decode((*map[string]string)(m))
}

// word reports whether a value is a certain word.
func word(decode func(any) error, want string) bool {
	var got string
	return decode(&got) == nil && got == want
}

// vpcID, subnetID and instanceID are ids in AWS, of the old length or the new one.
type (
	vpcID      string
	subnetID   string
	instanceID string
)

var (
	vpcIDs      = regexp.MustCompile(`^vpc-[0-9a-f]+$`)
	subnetIDs   = regexp.MustCompile(`^subnet-[0-9a-f]+$`)
	instanceIDs = regexp.MustCompile(`^i-[0-9a-f]+$`)
)

// UnmarshalYAML implements yaml.NodeUnmarshaler.
func (v *vpcID) UnmarshalYAML(at ast.Node) error {
	s, err := idOf(at, vpcIDs, "a VPC, such as vpc-0123456789abcdef0")
	*v = vpcID(s)
	return err
}

// UnmarshalYAML implements yaml.NodeUnmarshaler.
func (s *subnetID) UnmarshalYAML(at ast.Node) error {
	id, err := idOf(at, subnetIDs, "a subnet, such as subnet-0123456789abcdef0")
	*s = subnetID(id)
	return err
}

// UnmarshalYAML implements yaml.NodeUnmarshaler.
func (i *instanceID) UnmarshalYAML(at ast.Node) error {
	s, err := idOf(at, instanceIDs, "an instance, such as i-0123456789abcdef0")
	*i = instanceID(s)
	return err
}

func idOf(at ast.Node, ids *regexp.Regexp, what string) (string, error) {
	s, err := scalar(at, "the id of "+what)
	if err == nil && !ids.MatchString(s) {
		err = complain(at, "%q is not the id of %s", s, what)
	}
	return s, err
}

// pattern is a regular expression.
type pattern struct{ *regexp.Regexp }

// UnmarshalYAML implements yaml.NodeUnmarshaler.
func (p *pattern) UnmarshalYAML(at ast.Node) error {
	s, err := scalar(at, "a regular expression")
	if err != nil {
		return err
	}
	if p.Regexp, err = regexp.Compile(s); err != nil {
		return complain(at, "%v", err)
	}
	return nil
}

// where makes the library's errors one line with line and column.
func where(err error) error {
	if p, ok := errors.AsType[*positionError](err); ok {
		return p
	}
	if y, ok := errors.AsType[yaml.Error](err); ok {
		if t := y.GetToken(); t != nil && t.Position != nil {
			return &positionError{t.Position.Line, t.Position.Column, y.GetMessage()}
		}
		return errors.New(y.GetMessage())
	}
	return err
}
