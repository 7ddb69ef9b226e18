package playground

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func TestScriptMistakes(t *testing.T) {
	for line, says := range map[string]string{
		"dance":                      `"dance" is not a step`,
		"as":                         "as ann in #dev",
		"type":                       "type needs a text",
		"click ":                     "click needs a text",
		"wait soon":                  "not a duration",
		"ssh hostname":               "say what to expect",
		"trouble tickle":             "the kinds of trouble are",
		`expect card`:                "what can be expected",
		`expect card "Open`:          "a quote is not closed",
		`expect card "x" within now`: "not a duration",
		`expect session asleep`:      "what can be expected",
		`session at home`:            "session from",
	} {
		_, err := parseScript("f", strings.NewReader("# a comment\n\n"+line+"\n"))
		if err == nil || !strings.Contains(err.Error(), says) || !strings.HasPrefix(err.Error(), "f:3: ") {
			t.Errorf("%q: %v, want line 3 and %q", line, err, says)
		}
	}
}

func TestFaster(t *testing.T) {
	for in, want := range map[string]string{
		"/sshforward open web-1 1h because 2h are not enough": "/sshforward open web-1 1m because 2h are not enough",
		"/sshforward open 1h 2h from 127.0.0.1":               "/sshforward open 1h 2m from 127.0.0.1",
		"/sshforward extend k7m2q3x 30s":                      "/sshforward extend k7m2q3x 1s",
		"/sshforward list 1h":                                 "/sshforward list 1h",
		"see you in 1h":                                       "see you in 1h",
	} {
		if got := faster(in, 60); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
		if got := faster(in, 1); got != in {
			t.Errorf("%q became %q at speed 1", in, got)
		}
	}
	s := step{span: time.Minute}
	if got := s.within(60); got != 10*time.Second {
		t.Errorf("within 1m is %s at speed 60", got)
	}
	s.span = 2 * time.Second
	if got := s.within(60); got != 2*time.Second {
		t.Errorf("within 2s is %s at speed 60", got)
	}
}

// TestScriptFails shows how a scenario that does not go as written ends.
func TestScriptFails(t *testing.T) {
	t.Parallel()
	p := start(t, Options{Speed: 60})
	for script, says := range map[string]string{
		"as nobody":            "there is nobody called nobody",
		"as ann in #nowhere":   "there is no channel #nowhere",
		"ssh hostname -> x":    "there is no card yet",
		"expect session alive": "no session was begun",
		"type /sshforward open web-1 1h\nexpect answer \"unicorn\" within 1s": `f:2: "expect answer \"unicorn\" within 1s": ` +
			"waited in vain; it says: Open SSH to web-1",
		"expect card \"x\" within 1s": "there is no such message",
		"trouble remove-rule":         "no lease's rule",
	} {
		var out bytes.Buffer
		err := p.Play(t.Context(), "f", strings.NewReader(script), &out)
		if err == nil || !strings.Contains(strings.NewReplacer("*", "", "`", "").Replace(err.Error()), says) {
			t.Errorf("%q: %v, want %q", script, err, says)
		}
	}
	if err := p.Play(t.Context(), "f", strings.NewReader("type /sshforward open web-1 1h\nexpect answer \"1m\"\nclick Cancel"),
		&bytes.Buffer{}); err != nil {
		t.Errorf("an hour at speed 60: %v", err)
	}
}
