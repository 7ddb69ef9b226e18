package deploy_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/sshforward/sshforward/internal/testenv"
)

var update = flag.Bool("update", false, "write what is generated")

// templates are the files for CloudFormation, and how many files of this folder
// stand in each.
var templates = map[string]int{"cloudformation.yaml": 6, "cloudformation-replicas.yaml": 6}

// need looks for a program. Without it the test is skipped, unless
// SSHFORWARD_REQUIRE has its name.
func need(t *testing.T, program, name string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		testenv.Missing(t, name, err)
	}
	return path
}

// What stands in the policies for what is the stack's own.
var parameters = strings.NewReplacer(
	"vol-0123456789abcdef0", "${Volume}",
	"arn:aws:secretsmanager:ap-northeast-1:123456789012:secret:sshforward/prod/bot-token-AbCdEf", "${BotToken}",
	"arn:aws:secretsmanager:ap-northeast-1:123456789012:secret:sshforward/prod/app-token-AbCdEf", "${AppToken}",
	"arn:aws:secretsmanager:ap-northeast-1:123456789012:secret:sshforward/prod/key-AbCdEf", "${Key}",
	"/sshforward/prod/configuration", "${Configuration}",
	"log-group:/sshforward/prod:", "log-group:/sshforward/${Deployment}:",
	"role/sshforward-deadman", "role/sshforward-${Deployment}-deadman",
	"sshforward-prod", "sshforward-${Deployment}",
	"arn:aws:", "arn:${AWS::Partition}:",
	"ap-northeast-1", "${AWS::Region}",
	"123456789012", "${AWS::AccountId}",
)

// TestTemplateIsCurrent puts the policies and the script into the templates, or
// says that they have changed: go test ./deploy -update puts them there.
func TestTemplateIsCurrent(t *testing.T) {
	for template, files := range templates {
		t.Run(template, func(t *testing.T) { checkCurrent(t, template, files) })
	}
}

func checkCurrent(t *testing.T, template string, files int) {
	text, err := os.ReadFile(template)
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile(`(?ms)^( *)# begin (\S+)\n.*?^ *# end \S+\n`)
	found := 0
	current := block.ReplaceAllStringFunc(string(text), func(whole string) string {
		found++
		m := block.FindStringSubmatch(whole)
		indent, file := m[1], m[2]
		var lines []string
		if strings.HasSuffix(file, ".sh") {
			lines = script(t, file)
		} else {
			lines = policyYAML(t, file)
		}
		var b strings.Builder
		fmt.Fprintf(&b, "%s# begin %s\n", indent, file)
		for _, line := range lines {
			b.WriteString(strings.TrimRight(indent+line, " ") + "\n")
		}
		fmt.Fprintf(&b, "%s# end %s\n", indent, file)
		return b.String()
	})
	if found != files {
		t.Fatalf("the template has room for %d files, not %d", found, files)
	}
	if current == string(text) {
		return
	}
	if !*update {
		t.Fatalf("%s is not what the policies and the script are; go test ./deploy -update writes it", template)
	}
	if err := os.WriteFile(template, []byte(current), 0o644); err != nil {
		t.Fatal(err)
	}
}

// script is a script as a literal in a list.
func script(t *testing.T, file string) []string {
	lines := []string{"- |"}
	for line := range strings.Lines(policyText(t, file)) {
		lines = append(lines, "  "+strings.TrimSuffix(line, "\n"))
	}
	return lines
}

// policyYAML writes a policy as the template has it, in the order of the file.
func policyYAML(t *testing.T, file string) []string {
	t.Helper()
	var doc yaml.MapSlice
	if err := yaml.UnmarshalWithOptions([]byte(policyText(t, file)), &doc, yaml.UseOrderedMap()); err != nil {
		t.Fatal(err)
	}
	return blockYAML(doc)
}

func blockYAML(v any) (lines []string) {
	child := func(head string, v any) {
		switch v.(type) {
		case yaml.MapSlice, []any:
			lines = append(lines, head)
			for _, l := range blockYAML(v) {
				lines = append(lines, "  "+l)
			}
		default:
			lines = append(lines, head+" "+scalarYAML(v))
		}
	}
	switch v := v.(type) {
	case yaml.MapSlice:
		for _, item := range v {
			key := fmt.Sprint(item.Key)
			if strings.Contains(key, ":") || key == "Null" { // which would be none
				key = `"` + key + `"`
			}
			child(key+":", item.Value)
		}
	case []any:
		for _, item := range v {
			if _, isMap := item.(yaml.MapSlice); !isMap {
				lines = append(lines, "- "+scalarYAML(item))
				continue
			}
			for i, l := range blockYAML(item) {
				lines = append(lines, []string{"- ", "  "}[min(i, 1)]+l)
			}
		}
	}
	return lines
}

func scalarYAML(v any) string {
	s := fmt.Sprint(v)
	if s == deployment {
		return "!Ref Deployment"
	}
	if to := parameters.Replace(s); to != s {
		if name := strings.TrimSuffix(strings.TrimPrefix(to, "${"), "}"); "${"+name+"}" == to {
			return "!Ref " + name
		}
		return "!Sub " + to
	}
	if plain := regexp.MustCompile(`^[A-Za-z][\w.:/-]*$`); plain.MatchString(s) && s != "true" && !strings.HasSuffix(s, ":") {
		return s
	}
	quoted, _ := json.Marshal(s) // a string can be
	return string(quoted)
}

// TestTemplate holds the templates against CloudFormation's own schema of each
// resource and its own advice: a warning is an error.
func TestTemplate(t *testing.T) {
	t.Parallel()
	args := []string{"--regions", "us-east-1", "ap-northeast-1", "eu-central-1", "--"}
	lint := exec.Command(need(t, "cfn-lint", "cfn-lint"), append(args, slices.Sorted(maps.Keys(templates))...)...)
	if out, err := lint.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestAlarmsGoByWhatTheBotSays: the alarms of the replicas go by lines of the log
// and events, which have to be written like that.
func TestAlarmsGoByWhatTheBotSays(t *testing.T) {
	said := regexp.MustCompile(`\$\.(\w+) = "([^"*]+)`)
	template := said.FindAllStringSubmatch(policyText(t, "cloudformation-replicas.yaml"), -1)
	module := strings.ReplaceAll(policyText(t, "terraform/replicas/alarms.tf"), `\"`, `"`)
	if other := said.FindAllStringSubmatch(module, -1); len(template) < 5 || !slices.EqualFunc(template, other, slices.Equal) {
		t.Errorf("the template goes by %q, the module by %q", template, other)
	}
	var code strings.Builder
	for _, pattern := range []string{"../*.go", "../bot/*.go", "../cmd/sshforward/*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if !strings.HasSuffix(file, "_test.go") {
				code.WriteString(policyText(t, file))
			}
		}
	}
	for _, m := range template {
		if want := map[string]string{"msg": `("` + m[2], "act": `= "` + m[2] + `"`}[m[1]]; !strings.Contains(code.String(), want) {
			t.Errorf("no line of the code has %s", want)
		}
	}
}
