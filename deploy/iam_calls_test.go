package deploy_test

import (
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// onBehalf is what the policies allow although the bot does not call it: AWS
// wants it of whoever creates a load balancer, registers an instance, tags a
// schedule group while creating it, or names a role. See deploy/README.md.
var onBehalf = []string{
	"ec2:DescribeAccountAttributes",
	"ec2:DescribeClassicLinkInstances",
	"ec2:DescribeInternetGateways",
	"ec2:DescribeVpcClassicLink",
	"ec2:DescribeVpcs",
	"iam:CreateServiceLinkedRole",
	"iam:PassRole",
	"scheduler:TagResource",
}

// The policies name the calls that the provisioner makes, and no others.
func TestPolicyNamesTheCallsTheBotMakes(t *testing.T) {
	var allowed []string
	for _, s := range slices.Concat(readPolicy(t, botPolicy).Statement, readPolicy(t, switchPolicy).Statement) {
		allowed = append(allowed, s.Action...)
	}
	called := callsIn(t, "../provisioner")
	if len(called) < 10 {
		t.Fatalf("found only %d calls in the provisioner: %v", len(called), called)
	}
	for _, action := range called {
		if !slices.Contains(allowed, action) {
			t.Errorf("the provisioner calls %s, which no policy here allows", action)
		}
	}
	for _, action := range allowed {
		if !slices.Contains(called, action) && !slices.Contains(onBehalf, action) {
			t.Errorf("%s is allowed, and nothing calls it", action)
		}
	}
}

// callsIn lists the operations, as IAM calls them, whose input type the
// package's sources name.
func callsIn(t *testing.T, dir string) []string {
	t.Helper()
	// STS is left out: assuming another account's role is for a policy of the
	// bot's own account.
	services := []string{"ec2", "elasticloadbalancing", "scheduler"}
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, text, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range file.Imports {
			imported := strings.Trim(spec.Path.Value, `"`)
			service, ok := strings.CutPrefix(imported, "github.com/aws/aws-sdk-go-v2/service/")
			if !ok || !slices.Contains(services, service) {
				continue
			}
			local := path.Base(imported)
			if spec.Name != nil {
				local = spec.Name.Name
			}
			input := regexp.MustCompile(`\b` + local + `\.([A-Z]\w+)Input\b`)
			for _, m := range input.FindAllStringSubmatch(string(text), -1) {
				found[service+":"+m[1]] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}
