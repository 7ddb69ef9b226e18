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
	called := callsIn(t, "../provisioner", "ec2", "elasticloadbalancing", "scheduler")
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

// What doctor asks IAM is in a policy of its own, which the bot does not need.
func TestDoctorPolicyNamesWhatDoctorAsks(t *testing.T) {
	var allowed []string
	for _, s := range readPolicy(t, doctorPolicy).Statement {
		allowed = append(allowed, s.Action...)
	}
	slices.Sort(allowed)
	if called := callsIn(t, "../provisioner", "iam"); !slices.Equal(slices.Compact(allowed), called) {
		t.Errorf("the policy allows %q, and the provisioner calls %q", allowed, called)
	}
	const own, elb = "arn:aws:iam::123456789012:role/sshforward",
		"arn:aws:iam::123456789012:role/aws-service-role/elasticloadbalancing.amazonaws.com/AWSServiceRoleForElasticLoadBalancing"
	var cases []decision
	for resource, want := range map[string]map[string]bool{
		own:                                    {"iam:SimulatePrincipalPolicy": true, "iam:GetRole": true},
		elb:                                    {"iam:SimulatePrincipalPolicy": false, "iam:GetRole": true},
		"arn:aws:iam::123456789012:role/admin": {"iam:SimulatePrincipalPolicy": false, "iam:GetRole": false},
	} {
		for action, allowed := range want {
			cases = append(cases, decision{action + " on " + resource, allowed, []request{{Action: action, Resource: resource}}})
		}
	}
	check(t, needSimulator(t), policyText(t, doctorPolicy), cases)
}

// callsIn lists the operations of services, as IAM calls them, whose input type
// the package's sources name. STS is none of them: assuming another account's role
// is for a policy of the bot's own account.
func callsIn(t *testing.T, dir string, services ...string) []string {
	t.Helper()
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
