package playground

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sshforward/sshforward"
)

// A script is a scenario without a browser: one step a line, empty lines and
// lines that begin with # apart.
//
//	as NAME [in #CHANNEL | in dm]   who acts from here on, and where
//	type TEXT                       a command such as /sshforward list, or a message
//	click LABEL                     the newest button in sight that is called so, or begins so,
//	                                in the language of who acts
//	expect card "TEXT" …            the lease's card says all of this
//	expect reply "TEXT" …           a message in the card's thread does
//	expect answer "TEXT" …          what the actor alone was told since they last did something
//	expect session cut | alive      how the ssh that session began fares
//	expect nothing left             nothing of any lease in the cloud, nothing listens, nobody is connected
//	ssh [from ADDRESS] COMMAND -> TEXT
//	                                the command on the card, run with COMMAND: it prints TEXT
//	ssh [from ADDRESS] COMMAND -> refused
//	                                it does not get in
//	session [from ADDRESS]          the command on the card, left running
//	wait DURATION                   nothing happens
//	trouble KIND                    one of kinds (trouble.go), or for a replica one of
//	                                replicaKinds, such as kill-2 (replicas.go)
//
// Expectations wait until they come true, for half a minute or, with
// "within DURATION" at the end, for that long. A click waits for its button.
// The lease whose card is meant is the one whose button was clicked last;
// {lease} in a typed line is its id. Durations after type /sshforward open and
// extend, wait and within are divided by the playground's speed, except that
// within does not become shorter than ten seconds: the cloud does not get faster.
//
// ssh is the openssh client, asked to check the host key against the one in
// the instance's console output.
type script struct {
	name  string
	steps []step
}

// step is one line of a script.
type step struct {
	number int
	text   string
	verb   string
	args   []string      // the words or quoted texts after the verb
	want   string        // after ->
	span   time.Duration // of wait and within
}

// patience is how long an expectation waits.
const patience = 30 * time.Second

// parseScript reads a script; the error names the line.
func parseScript(name string, r io.Reader) (*script, error) {
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	s := &script{name: name}
	for i, line := range strings.Split(string(text), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		st, err := parseStep(line)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %q: %w", name, i+1, line, err)
		}
		st.number = i + 1
		s.steps = append(s.steps, st)
	}
	return s, nil
}

func parseStep(line string) (step, error) {
	verb, rest, _ := strings.Cut(line, " ")
	rest = strings.TrimSpace(rest)
	s := step{text: line, verb: verb}
	var err error
	switch verb {
	case "type", "click":
		s.args = []string{rest}
		if rest == "" {
			return s, fmt.Errorf("%s needs a text", verb)
		}
		return s, nil
	case "ssh":
		command, want, ok := strings.Cut(rest, "->")
		if s.want = strings.TrimSpace(want); !ok || s.want == "" {
			return s, fmt.Errorf("say what to expect, as in: ssh hostname -> web-1")
		}
		s.args = strings.Fields(command)
		return s, nil
	}
	if s.args, err = words(rest); err != nil {
		return s, err
	}
	return s, s.check()
}

// words splits at spaces; a text in quotes is one word.
func words(s string) (out []string, err error) {
	for s = strings.TrimSpace(s); s != ""; s = strings.TrimSpace(s) {
		if s[0] != '"' {
			var word string
			word, s, _ = strings.Cut(s, " ")
			out = append(out, word)
			continue
		}
		quoted, err := strconv.QuotedPrefix(s)
		if err != nil {
			return nil, fmt.Errorf("a quote is not closed")
		}
		word, err := strconv.Unquote(quoted)
		if err != nil {
			return nil, err
		}
		out, s = append(out, word), s[len(quoted):]
	}
	return out, nil
}

func (s *step) check() (err error) {
	n := len(s.args)
	switch s.verb {
	case "as":
		if n == 1 || n == 3 && s.args[1] == "in" {
			return nil
		}
		return fmt.Errorf("write for example: as ann in #dev")
	case "session":
		if n == 0 || n == 2 && s.args[0] == "from" {
			return nil
		}
		return fmt.Errorf("write for example: session from 127.0.0.1")
	case "wait":
		if n != 1 {
			return fmt.Errorf("write for example: wait 5s")
		}
		s.span, err = sshforward.ParseDuration(s.args[0])
		return err
	case "trouble":
		var known []string
		for _, k := range kinds {
			known = append(known, k.name)
		}
		if n == 1 {
			if _, _, ok := replicaTrouble(s.args[0]); ok {
				return nil
			}
		}
		if n != 1 || !slices.Contains(known, s.args[0]) {
			return fmt.Errorf("the kinds of trouble are %s", strings.Join(known, ", "))
		}
		return nil
	case "expect":
		return s.checkExpect()
	}
	return fmt.Errorf("%q is not a step", s.verb)
}

func (s *step) checkExpect() (err error) {
	if n := len(s.args); n >= 2 && s.args[n-2] == "within" {
		if s.span, err = sshforward.ParseDuration(s.args[n-1]); err != nil {
			return err
		}
		s.args = s.args[:n-2]
	}
	if len(s.args) >= 2 {
		switch s.args[0] {
		case "card", "reply", "answer":
			return nil
		case "session":
			if s.args[1] == "cut" || s.args[1] == "alive" {
				return nil
			}
		case "nothing":
			if s.args[1] == "left" {
				return nil
			}
		}
	}
	return fmt.Errorf(`what can be expected is card "…", reply "…", answer "…", session cut, session alive, nothing left`)
}

// within is how long an expectation may wait at a speed.
func (s *step) within(speed float64) time.Duration {
	if s.span == 0 {
		return patience
	}
	return max(scaled(s.span, speed), min(s.span, 10*time.Second))
}

// faster divides the durations in a typed command.
func faster(text string, speed float64) string {
	fields := strings.Fields(text)
	if speed == 1 || len(fields) < 2 || fields[0] != "/sshforward" || fields[1] != "open" && fields[1] != "extend" {
		return text
	}
	for i, f := range fields {
		if strings.EqualFold(f, "because") {
			break // people's own words
		}
		// The first word after the verb is an instance or a lease.
		if d, err := sshforward.ParseDuration(f); err == nil && i > 2 {
			fields[i] = sshforward.FormatDuration(scaled(d, speed))
		}
	}
	return strings.Join(fields, " ")
}
