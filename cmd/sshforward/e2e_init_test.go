package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sshforward/sshforward/internal/testenv"
)

// runInit runs the built program in a folder of its own and returns that folder.
func runInit(t *testing.T, typed string, args ...string) (dir, out, errs string, err error) {
	t.Helper()
	dir = t.TempDir()
	cmd := exec.Command(binary, append([]string{"init"}, args...)...)
	cmd.Dir, cmd.Stdin = dir, strings.NewReader(typed)
	cmd.Env = []string{"HOME=" + dir, "AWS_REGION=eu-central-1"}
	var o, e bytes.Buffer
	cmd.Stdout, cmd.Stderr = &o, &e
	err = cmd.Run()
	return dir, o.String(), e.String(), err
}

// offline has the doctor look at what init wrote.
func lookedAtOffline(t *testing.T, folder string) string {
	t.Helper()
	cmd := exec.Command(binary, "doctor", "--offline", "--config", filepath.Join(folder, "sshforward.yaml"))
	cmd.Env = []string{"HOME=" + folder}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("the doctor is not content: %v\n%s", err, out)
	}
	return string(out)
}

func TestInitWithoutQuestions(t *testing.T) {
	testenv.SkipRaced(t, "it looks at single calls, one after the other")
	t.Parallel()
	dir, out, errs, err := runInit(t, "", "--yes")
	if err != nil || errs != "" {
		t.Fatalf("%v\n%s", err, errs)
	}
	folder := filepath.Join(dir, "sshforward-setup")
	lookedAtOffline(t, folder)
	for _, says := range []string{
		"aws iam create-policy", "sshforward doctor --config " + folder, "sshforward serve --config " + folder, "a stand-in",
	} {
		if !strings.Contains(out, says) {
			t.Errorf("it does not say %q:\n%s", says, out)
		}
	}
	key, err := os.ReadFile(filepath.Join(folder, "key"))
	if err != nil {
		t.Fatal(err)
	}
	if raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(key))); err != nil || len(raw) != 32 {
		t.Errorf("the key is %q", key)
	}
	if info, err := os.Stat(filepath.Join(folder, "key")); err != nil || info.Mode().Perm() != 0o400 {
		t.Errorf("the key has mode %v, %v", info.Mode(), err)
	}

	// A second time nothing is written over.
	again := exec.Command(binary, "init", "--yes", folder)
	if out, err := again.CombinedOutput(); err == nil || !strings.Contains(string(out), "is there already") {
		t.Errorf("a second time: %v %s", err, out)
	}
	if now, _ := os.ReadFile(filepath.Join(folder, "key")); !bytes.Equal(now, key) {
		t.Error("the key was written over")
	}
}

func TestInitAsks(t *testing.T) {
	testenv.SkipRaced(t, "it looks at single calls, one after the other")
	t.Parallel()
	typed := strings.Join([]string{
		"Too Long A Name For This", "staging", // asked again
		"ap-northeast-1", "210987654321", "C0OPS", "U0CAROL, S0SRE",
		"Team=ops: it's \"ours\"", "", "90m", "S0LEAD", "203.0.113.0/24 198.51.100.7", "",
	}, "\n")
	dir, out, errs, err := runInit(t, typed, "--deadman", "with blank")
	if err != nil {
		t.Fatalf("%v\n%s", err, errs)
	}
	folder := filepath.Join(dir, "with blank")
	if !strings.Contains(errs, "1 to 12 of a-z, 0-9 and -") {
		t.Errorf("it does not say what is wrong with a name:\n%s", errs)
	}
	if !strings.Contains(out, "'"+folder+"/sshforward.yaml'") || strings.Contains(out, "stand-in") {
		t.Errorf("it says:\n%s", out)
	}
	if says := lookedAtOffline(t, folder); !strings.Contains(says, "Team") {
		t.Errorf("the doctor does not know the rule:\n%s", says)
	}
	c, err := readConfig(filepath.Join(folder, "sshforward.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	rule := c.Policy.policy(c.Slack.Admins).Rules[0]
	if c.Deployment != "staging" || c.Slack.Channel != "C0OPS" || len(c.Slack.Admins) != 2 || len(c.Policy.Sources.Allow) != 2 ||
		rule.Tags["Team"] != "ops: it's \"ours\"" || rule.Approvals != 1 || rule.Max.Minutes() != 90 ||
		c.AWS[0].DeadMan.RoleARN != "arn:aws:iam::210987654321:role/sshforward-deadman" {
		t.Errorf("it wrote %+v", c)
	}
	for _, name := range []string{"iam-policy.json", "iam-policy-deadman.json", "iam-deadman-role.json", "iam-deadman-trust.json"} {
		text, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		if !json.Valid(text) {
			t.Errorf("%s is no JSON", name)
		}
		for _, other := range []string{standInAccount, "us-east-1", `"prod"`, "sshforward-prod"} {
			if strings.Contains(string(text), other) {
				t.Errorf("%s has %s of the example", name, other)
			}
		}
	}
	manifest, err := os.ReadFile(filepath.Join(folder, "slack-manifest.yaml"))
	if err != nil || !strings.Contains(string(manifest), "/sshforward") {
		t.Errorf("the manifest: %v\n%s", err, manifest)
	}
}

func TestInitRefuses(t *testing.T) {
	testenv.SkipRaced(t, "it looks at single calls, one after the other")
	t.Parallel()
	for _, args := range [][]string{
		{"--yes", "--account", "12345"}, {"--yes", "--region", "Frankfurt"}, {"--yes", "--max", "tomorrow"},
		{"--yes", "--sources", "10.0.0.0/33"},
		{"--yes", "--approvers", "carol"}, {"--yes", "--tags", "prod"}, {"--yes", "--store", "leases.db"}, {"--yes", "--channel", "#ops"},
		{"--yes", "--table", "arn:aws:x"},
	} {
		dir, _, errs, err := runInit(t, "", args...)
		if err == nil || strings.Count(errs, "\n") != 1 || !strings.Contains(errs, args[1]) {
			t.Errorf("%v: %v %s", args, err, errs)
		}
		if left, _ := os.ReadDir(dir); len(left) > 0 {
			t.Errorf("%v: it left %v", args, left)
		}
	}
	// What is typed ends before the answers do: the rest is as suggested.
	if dir, _, errs, err := runInit(t, "staging\n"); err != nil {
		t.Errorf("%v\n%s", err, errs)
	} else {
		lookedAtOffline(t, filepath.Join(dir, "sshforward-setup"))
	}
}

// For China and GovCloud ARNs begin otherwise.
func TestInitInOtherPartitions(t *testing.T) {
	testenv.SkipRaced(t, "it looks at single calls, one after the other")
	t.Parallel()
	for region, want := range map[string]string{
		"cn-north-1": "arn:aws-cn:ec2:cn-north-1", "us-gov-west-1": "arn:aws-us-gov:ec2:us-gov-west-1",
	} {
		dir, _, errs, err := runInit(t, "", "--yes", "--region", region, "--account", "210987654321", "x")
		if err != nil {
			t.Fatalf("%v\n%s", err, errs)
		}
		text, err := os.ReadFile(filepath.Join(dir, "x", "iam-policy.json"))
		if err != nil || !strings.Contains(string(text), want) || strings.Contains(string(text), "arn:aws:") {
			t.Errorf("%s: %v\n%s", region, err, text)
		}
	}
}

// Who wants several replicas names a table instead of a file.
func TestInitWithATable(t *testing.T) {
	t.Parallel()
	dir, out, errs, err := runInit(t, "", "--yes", "--table", "leases", "--region", "cn-north-1", "--account", "210987654321", "x")
	if err != nil {
		t.Fatalf("%v\n%s", err, errs)
	}
	c, err := readConfig(filepath.Join(dir, "x", "sshforward.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if want := (dynamoDBConfig{Table: "leases", Region: "cn-north-1", Create: true}); c.Store.Bolt != "" || *c.Store.DynamoDB != want {
		t.Errorf("it wrote %+v", c.Store)
	}
	for _, name := range tablePolicies {
		text, err := os.ReadFile(filepath.Join(dir, "x", name))
		if err != nil || !strings.Contains(string(text), `"arn:aws-cn:dynamodb:cn-north-1:210987654321:table/leases"`) ||
			strings.Contains(string(text), "prod") || !strings.Contains(out, name) {
			t.Errorf("%s: %v\n%s\nand it says\n%s", name, err, text, out)
		}
	}
}
