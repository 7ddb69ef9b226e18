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

// What an instance may do beside the bot; and ECS, to start a replica.
var (
	instancePolicy  = filepath.Join("aws", "iam-policy-instance.json")
	executionPolicy = filepath.Join("aws", "iam-policy-execution.json")
)

// TestModuleIsCurrent keeps the module's policies those of this folder: go test
// ./deploy -update writes them.
func TestModuleIsCurrent(t *testing.T) {
	for _, file := range []string{
		botPolicy, switchPolicy, tablePolicy, rolePolicy, "iam-deadman-trust.json", instancePolicy, executionPolicy,
	} {
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

// TestModules has Terraform and the real provider look at the modules, and plan
// the example of each: nothing of it asks AWS. SSHFORWARD_TF_PLUGINS may name a
// folder that has the provider; else Terraform gets it where it gets it by itself.
func TestModules(t *testing.T) {
	testenv.SkipRaced(t, "Terraform does not run under it")
	t.Parallel()
	for example, want := range map[string][]string{
		"example": {"aws_autoscaling_group.bot", "aws_ebs_volume.store", "aws_launch_template.bot", "aws_cloudwatch_metric_alarm.bot"},
		"example-replicas": {"aws_dynamodb_table.store", "aws_ecs_service.bot", "aws_ecs_task_definition.bot",
			"aws_cloudwatch_metric_alarm.said", "aws_cloudwatch_log_metric_filter.said", "aws_iam_role.execution"},
	} {
		t.Run(example, func(t *testing.T) {
			t.Parallel()
			checkPlan(t, planOf(t, example), append(want, "aws_cloudwatch_log_group.bot", "aws_iam_policy.bot", "aws_iam_role.deadman",
				"aws_scheduler_schedule_group.deadman"))
		})
	}
}

// plan is what Terraform would make.
type plan []struct {
	Type, Name string
	Change     struct{ After map[string]any }
}

func planOf(t *testing.T, name string) plan {
	terraform := need(t, "terraform", "terraform")
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(".")); err != nil {
		t.Fatal(err)
	}
	example := filepath.Join(dir, "terraform", name)
	if err := os.WriteFile(filepath.Join(example, "offline_override.tf"), []byte(offline), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) []byte {
		t.Helper()
		// Where there is neither provider nor registry nothing can be said.
		fail := t.Fatalf
		if args[0] == "init" && !testenv.Required("terraform") {
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
	var shown struct {
		ResourceChanges plan `json:"resource_changes"`
	}
	if err := json.Unmarshal(run("show", "-json", "plan"), &shown); err != nil {
		t.Fatal(err)
	}
	return shown.ResourceChanges
}

func checkPlan(t *testing.T, p plan, wanted []string) {
	var planned []string
	for _, r := range p {
		planned = append(planned, r.Type+"."+r.Name)
	}
	for _, want := range wanted {
		if !slices.Contains(planned, want) {
			t.Errorf("%s is not planned; what is: %v", want, planned)
		}
	}
	// With the example's values the policies are what is in this folder.
	for _, r := range p {
		if r.Type == "aws_dynamodb_table" {
			checkTable(t, r.Change.After)
		}
		file, ok := map[string]string{
			"aws_iam_role_policy.deadman":   rolePolicy,
			"aws_iam_role_policy.execution": executionPolicy,
		}[r.Type+"."+r.Name]
		if !ok {
			continue
		}
		var got, want any
		if err := json.Unmarshal([]byte(r.Change.After["policy"].(string)), &got); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(policyText(t, file)), &want); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", file, d)
		}
	}
}
