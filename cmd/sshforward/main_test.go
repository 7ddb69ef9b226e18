package main

import (
	"bytes"
	"encoding/json"
	"maps"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// typed runs a command line within the test.
func typed(t *testing.T, env map[string]string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), args, console{&out, &errs, func(name string) string { return env[name] }})
	return code, out.String(), errs.String()
}

// What a script sees of each way to go wrong: the exit status, and one line on
// stderr that says what was wrong.
func TestUsage(t *testing.T) {
	nowhere := filepath.Join(t.TempDir(), "nowhere.yaml")
	for args, want := range map[string]struct {
		code int
		says string
	}{
		"serve":                                 {exitUsage, "config"},
		"serve --config":                        {exitUsage, "--config"},
		"serve --config=":                       {exitUsage, "it is empty"},
		"frobnicate":                            {exitUsage, `unknown command "frobnicate"`},
		"leasse":                                {exitUsage, "Did you mean this? leases"},
		"serve now --config " + nowhere:         {exitUsage, `unexpected argument "now"`},
		"serve --confg " + nowhere:              {exitUsage, "unknown flag: --confg"},
		"serve --log-level loud --config f":     {exitUsage, "must be one of info, debug, warn, error"},
		"close --config " + nowhere:             {exitUsage, "say which leases to close, or --all"},
		"close k7m2q3x --all --config f":        {exitUsage, "say which leases to close, or --all"},
		"close --all --timeout 5 --config f":    {exitUsage, `invalid argument "5" for "--timeout"`},
		"audit --since yesterday --config f":    {exitUsage, `"yesterday" is neither a duration, a day nor a time`},
		"audit --format xml --config f":         {exitUsage, "must be one of jsonl, csv"},
		"backup --config f":                     {exitUsage, "say where to write the copy"},
		"playground --script " + nowhere:        {exitUsage, "no such file"},
		"playground --language fr":              {exitUsage, "must be one of en, ja"},
		"serve --config " + nowhere:             {exitError, "nowhere.yaml: no such file"},
		"doctor --config " + nowhere:            {exitError, "nowhere.yaml: no such file"},
		"leases --config " + nowhere:            {exitError, "nowhere.yaml: no such file"},
		"close --all --config " + nowhere:       {exitError, "nowhere.yaml: no such file"},
		"sweep --dry-run --config=" + nowhere:   {exitError, "nowhere.yaml: no such file"},
		"audit --since 24h --config " + nowhere: {exitError, "nowhere.yaml: no such file"},
		"backup - --config " + nowhere:          {exitError, "nowhere.yaml: no such file"},
	} {
		code, stdout, stderr := typed(t, nil, strings.Fields(args)...)
		if code != want.code || !strings.Contains(stderr, want.says) || strings.Count(stderr, "\n") != 1 || stdout != "" {
			t.Errorf("sshforward %s: exit %d, want %d; it says\n%s%swant one line with %q", args, code, want.code, stdout, stderr, want.says)
		}
		if hint := strings.Contains(stderr, "sshforward --help shows the usage"); hint != (want.code == exitUsage) {
			t.Errorf("sshforward %s: %s", args, stderr)
		}
	}
}

// What is asked for goes to stdout, so that it can be piped, with exit 0.
func TestHelp(t *testing.T) {
	for args, want := range map[string]string{
		"":                               "playground",
		"--help":                         "Additional Commands",
		"help":                           "playground",
		"serve --help":                   "SSHFORWARD_LOG_LEVEL",
		"close -h":                       "close [LEASE…]",
		"version":                        "sshforward ",
		"completion bash":                "__start_sshforward",
		"completion zsh":                 "#compdef sshforward",
		"completion fish":                "complete -c sshforward",
		"__complete serve --log-format ": "json",
	} {
		fields := strings.Fields(args)
		if strings.HasSuffix(args, " ") {
			fields = append(fields, "")
		}
		code, stdout, stderr := typed(t, nil, fields...)
		if code != exitOK || !strings.Contains(stdout, want) {
			t.Errorf("sshforward %s: exit %d\n%s%swant %q on stdout", args, code, stdout, stderr, want)
		}
	}
}

// The environment says how to log where the command line does not; a word that
// is none is wrong usage there too.
func TestLogFromTheEnvironment(t *testing.T) {
	for _, test := range []struct {
		env  map[string]string
		args []string
		code int
	}{
		{map[string]string{"SSHFORWARD_LOG_FORMAT": "json", "SSHFORWARD_LOG_LEVEL": "warn"}, nil, exitError},
		{map[string]string{"SSHFORWARD_LOG_FORMAT": "xml"}, nil, exitUsage},
		{map[string]string{"SSHFORWARD_LOG_FORMAT": "xml"}, []string{"--log-format", "json"}, exitError},
	} {
		code, _, stderr := typed(t, test.env, append([]string{"serve", "--config", "/nowhere.yaml"}, test.args...)...)
		if code != test.code {
			t.Errorf("%v %v: exit %d, want %d: %s", test.env, test.args, code, test.code, stderr)
		}
		for name := range maps.Keys(test.env) {
			if test.code == exitUsage && !strings.Contains(stderr, name) {
				t.Errorf("it does not name %s: %s", name, stderr)
			}
		}
	}
}

// The process hands on what run returns.
func TestExitStatus(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]int{"version": exitOK, "serve --config /nowhere.yaml": exitError, "frobnicate": exitUsage} {
		cmd := exec.Command(binary, strings.Fields(args)...)
		if out, _ := cmd.CombinedOutput(); cmd.ProcessState.ExitCode() != want {
			t.Errorf("sshforward %s: exit %d, want %d:\n%s", args, cmd.ProcessState.ExitCode(), want, out)
		}
	}
}

func TestVersionAsJSON(t *testing.T) {
	t.Parallel()
	out, err := exec.Command(binary, "version", "--json").Output()
	if err != nil {
		t.Fatal(err)
	}
	var b build
	if err := json.Unmarshal(out, &b); err != nil || b.Version == "" || !strings.HasPrefix(b.Go, "go1.") {
		t.Errorf("%v: %s", err, out)
	}
	for _, key := range []string{`"version"`, `"commit"`, `"date"`, `"go"`} {
		if !strings.Contains(string(out), key) {
			t.Errorf("%s lacks %s", out, key)
		}
	}
}
