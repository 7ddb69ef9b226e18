package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sshforward/sshforward/internal/testenv"
)

// runBy are the documents whose shell blocks a test runs, line by line, but for what
// notRunHere names; and those of which it runs nothing, and why.
var runBy = map[string]string{
	"README.md":               "TestInstallAsItIsWritten",
	"README.ja.md":            "TestInstallAsItIsWritten",
	"docs/install.md":         "TestInstallAsItIsWritten",
	"docs/controls.md":        "TestRunbookAsItIsWritten",
	"docs/operations.md":      "TestRunbookAsItIsWritten",
	"docs/runbook.md":         "TestRunbookAsItIsWritten",
	"deploy/README.md":        "TestDeployAsItIsWritten",
	"CONTRIBUTING.md":         "TestDeployAsItIsWritten",
	"docs/replicas.md":        "TestReplicas and TestTableIsLost move a backup out of a table and into one, with dynalite",
	"docs/testing.md":         "they are tests, and what builds the program",
	"docs/reliability.md":     "they are tests",
	"docs/performance.md":     "they are tests",
	"docs/troubleshooting.md": "they are for an instance that is really there",
}

// TestNoDocumentIsForgotten wants each document with a shell block in the list.
func TestNoDocumentIsForgotten(t *testing.T) {
	n := 0
	for _, pattern := range []string{"*.md", "docs/*.md", "deploy/*.md", "deploy/*/*.md", ".github/*.md"} {
		files, err := filepath.Glob("../../" + pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			name := strings.TrimPrefix(filepath.ToSlash(file), "../../")
			lines := commandLines(t, file)
			if len(lines) == 0 {
				continue
			}
			n++
			if runBy[name] == "" {
				t.Errorf("nothing runs the commands of %s: %q", name, lines)
			}
			if by := runBy[name]; strings.HasPrefix(by, "they are") {
				for _, line := range lines {
					if first := strings.Fields(line)[0]; strings.HasSuffix(first, "sshforward") {
						t.Errorf("%s has %q, which is not run, since %s", name, line, by)
					}
				}
			}
		}
	}
	if n != len(runBy) {
		t.Errorf("%d documents have commands, and %d are listed", n, len(runBy))
	}
}

// TestDeployAsItIsWritten runs the commands of deploy/README.md in a copy of that
// folder, with a root of its own, and asks make whether it knows its own.
func TestDeployAsItIsWritten(t *testing.T) {
	testenv.SkipRaced(t, "they are of other programs")
	t.Parallel()
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "deploy"), os.DirFS("../../deploy")); err != nil {
		t.Fatal(err)
	}
	deploy, root := filepath.Join(dir, "deploy"), filepath.Join(dir, "root")
	for _, folder := range []string{"usr/local/bin", "etc/systemd/system"} {
		if err := os.MkdirAll(filepath.Join(root, folder), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(binary, filepath.Join(deploy, "sshforward")); err != nil {
		t.Fatal(err)
	}
	repository, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	ran := 0
	for _, document := range []string{"deploy/README.md", "CONTRIBUTING.md"} {
		for _, line := range slices.DeleteFunc(commandLines(t, "../../"+document), isLeftOut) {
			if made, ok := strings.CutPrefix(line, "make "); ok {
				line = "make -n -C " + repository + " " + made // it would run these tests
			}
			line = strings.NewReplacer(" /usr/local/", " "+root+"/usr/local/", " /etc/", " "+root+"/etc/").Replace(line)
			says, err := shell(t, deploy, nil, line)
			if err != nil {
				t.Errorf("%s: %v\n%s", line, err, says)
			}
			ran++
			if strings.HasPrefix(line, "sed -e") && (!json.Valid([]byte(says)) || !containsAll(says, []string{"210987654321", `"staging"`}) ||
				strings.Contains(says, "123456789012") || strings.Contains(says, "prod")) {
				t.Errorf("%s makes\n%s", line, says)
			}
		}
	}
	if ran < 10 {
		t.Errorf("only %d lines were run", ran)
	}
	for _, name := range []string{"iam-policy.json", "iam-policy-deadman.json"} {
		text, err := os.ReadFile(filepath.Join(deploy, name))
		if err != nil || !json.Valid(text) || !strings.Contains(string(text), "CostCenter") {
			t.Errorf("%s does not know the key CostCenter: %v\n%s", name, err, text)
		}
	}
	for name, mode := range map[string]os.FileMode{"usr/local/bin/sshforward": 0o755, "etc/sshforward/sshforward.yaml": 0o644,
		"etc/sshforward/slack-bot-token": 0o400, "etc/systemd/system/sshforward.service": 0o644} {
		if info, err := os.Stat(filepath.Join(root, name)); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s is %v, %v; want %v", name, info, err, mode)
		}
	}
}
