package deploy_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sshforward/sshforward/internal/testenv"
)

// variables are parameters as Terraform has them.
var variables = strings.NewReplacer(
	"volume/vol-0123456789abcdef0", "volume/${volume}",
	"arn:aws:secretsmanager:ap-northeast-1:123456789012:secret:sshforward/prod/bot-token-AbCdEf", "${bot_token}",
	"arn:aws:secretsmanager:ap-northeast-1:123456789012:secret:sshforward/prod/app-token-AbCdEf", "${app_token}",
	"arn:aws:secretsmanager:ap-northeast-1:123456789012:secret:sshforward/prod/key-AbCdEf", "${key}",
	"/sshforward/prod/configuration", "${configuration}",
	"log-group:/sshforward/prod:", "log-group:/sshforward/${deployment}:",
	"role/sshforward-deadman", "role/sshforward-${deployment}-deadman",
	"sshforward-prod", "sshforward-${deployment}",
	`"prod"`, `"${deployment}"`,
	"arn:aws:", "arn:${partition}:",
	"ap-northeast-1", "${region}",
	"123456789012", "${account}",
)

var instancePolicy = filepath.Join("aws", "iam-policy-instance.json")

// TestModuleIsCurrent keeps the module's policies those of this folder: go test
// ./deploy -update writes them.
func TestModuleIsCurrent(t *testing.T) {
	for _, file := range []string{botPolicy, switchPolicy, rolePolicy, "iam-deadman-trust.json", instancePolicy} {
		want := []byte(variables.Replace(policyText(t, file)))
		name := filepath.Join("terraform", "policies", filepath.Base(file))
		if got, err := os.ReadFile(name); err == nil && bytes.Equal(got, want) {
			continue
		}
		if !*update {
			t.Errorf("%s is not what %s is; go test ./deploy -update writes it", name, file)
		} else if err := os.WriteFile(name, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// offline keeps the provider from asking AWS who it is.
const offline = `
provider "aws" {
  region                      = "ap-northeast-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_requesting_account_id  = true
  skip_metadata_api_check     = true
  skip_region_validation      = true
}
`

// TestModule has Terraform and the real provider look at the module, and plan
// the example: nothing of it asks AWS. SSHFORWARD_TF_PLUGINS may name a folder
// that has the provider; else Terraform gets it where it gets it by itself.
func TestModule(t *testing.T) {
	testenv.SkipRaced(t, "Terraform does not run under it")
	t.Parallel()
	terraform := need(t, "terraform", "terraform")
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(".")); err != nil {
		t.Fatal(err)
	}
	example := filepath.Join(dir, "terraform", "example")
	if err := os.WriteFile(filepath.Join(example, "offline_override.tf"), []byte(offline), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) []byte {
		t.Helper()
		// Where there is neither provider nor registry nothing can be said.
		fail := t.Fatalf
		if args[0] == "init" && !slices.Contains(strings.Split(os.Getenv("SSHFORWARD_REQUIRE"), ","), "terraform") {
			fail = t.Skipf
		}
		c := exec.Command(terraform, args...)
		c.Dir = example
		c.Env = append(slices.DeleteFunc(os.Environ(), func(kv string) bool {
			return strings.HasPrefix(kv, "TF_") || strings.HasPrefix(kv, "AWS_")
		}), "AWS_EC2_METADATA_DISABLED=true", "CHECKPOINT_DISABLE=1", "TF_IN_AUTOMATION=1")
		var says bytes.Buffer
		c.Stderr = &says
		out, err := c.Output()
		if err != nil {
			fail("terraform %s: %v\n%s%s", args[0], err, out, says.Bytes())
		}
		return out
	}
	run("fmt", "-check", "-diff", "-recursive", "..")
	init := []string{"init", "-input=false", "-no-color"}
	if plugins := os.Getenv("SSHFORWARD_TF_PLUGINS"); plugins != "" {
		init = append(init, "-plugin-dir="+plugins)
	}
	run(init...)
	var valid struct {
		Diagnostics []any
	}
	if err := json.Unmarshal(run("validate", "-json"), &valid); err != nil || len(valid.Diagnostics) > 0 {
		t.Errorf("validate: %v, %v", err, valid.Diagnostics)
	}
	run("plan", "-input=false", "-no-color", "-out=plan")
	var plan struct {
		ResourceChanges []struct {
			Type, Name string
			Change     struct{ After map[string]any }
		} `json:"resource_changes"`
	}
	if err := json.Unmarshal(run("show", "-json", "plan"), &plan); err != nil {
		t.Fatal(err)
	}
	var planned []string
	for _, r := range plan.ResourceChanges {
		planned = append(planned, r.Type+"."+r.Name)
	}
	for _, want := range []string{
		"aws_autoscaling_group.bot", "aws_cloudwatch_log_group.bot", "aws_cloudwatch_metric_alarm.bot", "aws_ebs_volume.store",
		"aws_iam_policy.bot", "aws_iam_role.deadman", "aws_launch_template.bot", "aws_scheduler_schedule_group.deadman",
	} {
		if !slices.Contains(planned, want) {
			t.Errorf("%s is not planned; what is: %v", want, planned)
		}
	}
	// With the example's values the policies are what is in this folder.
	for _, r := range plan.ResourceChanges {
		if r.Type+"."+r.Name == "aws_iam_role_policy.deadman" {
			var got, want any
			if err := json.Unmarshal([]byte(r.Change.After["policy"].(string)), &got); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal([]byte(policyText(t, rolePolicy)), &want); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("the role of the dead-man switch: %s", d)
			}
		}
	}
}
