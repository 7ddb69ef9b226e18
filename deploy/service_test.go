package deploy_test

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// What people copy hands tokens over as files: a variable is seen by whoever
// may look at the process or the container.
func TestTokensAreFilesInExamples(t *testing.T) {
	variable := regexp.MustCompile(`SLACK_(BOT|APP)_TOKEN=|-e SLACK_(BOT|APP)_TOKEN\b`)
	for _, file := range []string{"../README.md", "README.md", "sshforward.service"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for line := range strings.Lines(string(text)) {
			found = found || strings.Contains(line, "SLACK_BOT_TOKEN_FILE=")
			if variable.MatchString(line) {
				t.Errorf("%s has a token in a variable: %s", file, line)
			}
		}
		if !found {
			t.Errorf("%s does not show how to hand over a token", file)
		}
	}
}

// Tokens must not end on a disk because the process ended badly.
func TestServiceWritesNoCore(t *testing.T) {
	unit, err := os.ReadFile("sshforward.service")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(unit), "\nLimitCORE=0\n") {
		t.Error("the unit allows core dumps")
	}
}

// systemd's own measure: 0 is a service that can do nothing, 10 one that can do
// all. --threshold takes ten times that.
func TestServiceIsLittleExposed(t *testing.T) {
	t.Parallel()
	analyze := exec.Command(need(t, "systemd-analyze", "systemd"),
		"security", "--offline=true", "--threshold=20", "--no-pager", "sshforward.service")
	if out, err := analyze.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
