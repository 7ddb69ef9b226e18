package main

import (
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// TestCommandsInDocuments looks up each command line of sshforward that a
// document shows: the command is there, and so is every flag.
func TestCommandsInDocuments(t *testing.T) {
	var files []string
	for _, pattern := range []string{"../../*.md", "../../docs/*.md", "../../deploy/*.md", "../../.github/*.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	block := regexp.MustCompile("(?ms)^[ \t]*```sh\n(.*?)^[ \t]*```")
	inline := regexp.MustCompile("`(sshforward [a-z][^`]*)`")
	begins := regexp.MustCompile(`^\s*(?:\./|go run \./cmd/)?(sshforward [a-z].*)$`)
	n := 0
	for _, file := range files {
		if name := filepath.Base(file); name == "CHANGELOG.md" || name == "CONTRIBUTING.md" {
			continue // which tell of what was, and of what somebody may add
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var lines []string
		for _, m := range block.FindAllStringSubmatch(string(text), -1) {
			for line := range strings.Lines(m[1]) {
				if c := begins.FindStringSubmatch(strings.TrimSuffix(line, "\n")); c != nil {
					lines = append(lines, c[1])
				}
			}
		}
		for _, m := range inline.FindAllStringSubmatch(string(text), -1) {
			lines = append(lines, m[1])
		}
		for _, line := range lines {
			n++
			checkCommand(t, file, line)
		}
	}
	if n < 40 {
		t.Errorf("only %d commands were found in %v", n, files)
	}
}

func checkCommand(t *testing.T, file, line string) {
	line, _, _ = strings.Cut(line, " #")
	words := regexp.MustCompile(`[|>;&]`).Split(line, 2)[:1]
	words = strings.Fields(words[0])
	root := newRoot(console{io.Discard, io.Discard, func(string) string { return "" }})
	root.InitDefaultCompletionCmd()
	c, rest, err := root.Find(words[1:])
	if err != nil || c == root {
		t.Errorf("%s: %s: there is no such command", file, line)
		return
	}
	c.InitDefaultHelpFlag()
	for _, word := range rest {
		if !strings.HasPrefix(word, "--") {
			continue
		}
		name, _, _ := strings.Cut(strings.TrimRight(strings.TrimPrefix(word, "--"), "]).,"), "=")
		found := false
		c.Flags().VisitAll(func(f *pflag.Flag) { found = found || f.Name == name })
		if !found {
			t.Errorf("%s: %s: there is no flag --%s", file, line, name)
		}
	}
}
