package deploy_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/provisioner"
)

// What keeps others from writing the tags that are believed: for an
// organisation, and for an account that is in none.
const (
	tagsSCP      = "scp-tags.json"
	tagsBoundary = "permissions-boundary.json"
)

// An SCP holds 5120 characters.
func TestSCPFits(t *testing.T) {
	if n := len(strings.Join(strings.Fields(policyText(t, tagsSCP)), "")); n > 5120 {
		t.Errorf("%s has %d characters, 5120 is the most", tagsSCP, n)
	}
}

// The keys that are kept for the bot are those that it writes. A key that is
// new in the provisioner and not here could be forged.
func TestKeysOfTheBotAreGuarded(t *testing.T) {
	written := tagKeys(t)
	for _, file := range []string{tagsSCP, tagsBoundary} {
		listed := keysIn(t, file, "OnlyTheBotSetsItsTags")
		for _, key := range written {
			if !slices.Contains(listed, key) {
				t.Errorf("%s does not keep %s for the bot", file, key)
			}
		}
		for _, key := range listed {
			if !slices.Contains(written, key) {
				t.Errorf("%s keeps %s for the bot, which does not write it", file, key)
			}
		}
		if listed := keysIn(t, file, "RulesGoByTheseTags"); !slices.Contains(listed, sshforward.TagUser) {
			t.Errorf("%s does not guard %s, which says whom people log in as", file, sshforward.TagUser)
		}
	}
}

// keysIn are the tag keys that a statement of a policy is about.
func keysIn(t *testing.T, file, sid string) oneOrMore {
	t.Helper()
	for _, s := range readPolicy(t, file).Statement {
		if s.Sid == sid {
			return s.Condition["ForAnyValue:StringEquals"]["aws:TagKeys"]
		}
	}
	t.Fatalf("%s has no statement %s", file, sid)
	return nil
}

// tagKeys are the keys that the provisioner has constants for.
func tagKeys(t *testing.T) (keys []string) {
	t.Helper()
	files, err := filepath.Glob("../provisioner/*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			v, ok := n.(*ast.ValueSpec)
			for i := 0; ok && i < len(v.Names) && i < len(v.Values); i++ {
				lit, isLit := v.Values[i].(*ast.BasicLit)
				if isLit && strings.HasPrefix(v.Names[i].Name, "Tag") && lit.Kind == token.STRING {
					key, err := strconv.Unquote(lit.Value)
					if err != nil {
						t.Fatal(err)
					}
					keys = append(keys, key)
				}
			}
			return true
		})
	}
	if !slices.Contains(keys, provisioner.TagDeployment) || len(keys) < 10 {
		t.Fatalf("found only %v", keys)
	}
	return keys
}

// allowAll is what an administrator has.
const allowAll = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`

const (
	platformRole  = "arn:aws:iam::" + account + ":role/platform"
	developerRole = "arn:aws:iam::" + account + ":role/developer"
)

func TestOnlyTheBotSetsItsTags(t *testing.T) {
	t.Parallel()
	run := needSimulator(t)
	scp := situation{scp: policyText(t, tagsSCP)}
	boundary := situation{boundary: policyText(t, tagsBoundary)}
	for name, s := range map[string]situation{"service control policy": scp, "permissions boundary": boundary} {
		t.Run(name, func(t *testing.T) { checkGuard(t, run, s) })
	}
	t.Run("the boundary stays", func(t *testing.T) { checkBoundaryStays(t, run, boundary) })
}

func checkGuard(t *testing.T, run simulator, s situation) {
	own := tags{provisioner.TagDeployment: deployment, provisioner.TagLease: "k7m2pqx"}
	name := sshforward.Name(deployment, "k7m2pqx")
	clock := tags{provisioner.TagExpires: "2026-01-02T04:04:05Z"}

	// The bot's own policy allows under it what it allows without.
	s.principal = botRole
	check(t, run, policyText(t, botPolicy), []decision{
		{"the bot creates a group", true, createGroup(own)},
		{"the bot creates a rule", true, authorize("Ingress", group{aVPC, own}, own)},
		{"the bot creates a balancer", true, createBalancer(name, own)},
		{"the bot moves the end", true, append(retag(aGroup, own, clock), retagBalancer(name, own, clock)...)},
		{"the bot deletes a balancer", true, onBalancer("DeleteLoadBalancer", name, own)},
	}, s)
	check(t, run, allowAll, []decision{
		{"the bot does not tag instances", false, retag(anInstance, nil, tags{"Env": "dev"})},
	}, s)

	// Others may do everything else.
	s.principal = developerRole
	var cases []decision
	for _, key := range tagKeys(t) {
		forged := tags{key: "x"}
		cases = append(cases,
			decision{"put " + key + " on a group", false, retag(aGroup, nil, forged)},
			decision{"put " + key + " on a rule", false, retag(aRule, nil, forged)},
			decision{"put " + key + " on a balancer", false, retagBalancer("web", nil, forged)},
			decision{"take " + key + " from a group", false, untag(aGroup, own, key)},
			decision{"take " + key + " from a balancer", false, []request{{"elasticloadbalancing:RemoveTags", elbARN(name),
				with(carrying(own), context{"aws:TagKeys": []string{key}})}}},
		)
	}
	forged := tags{"Name": "web", provisioner.TagDeployment: deployment}
	check(t, run, allowAll, append(cases,
		decision{"create a group that carries the bot's tag", false, createGroup(forged)},
		decision{"create a rule that carries the bot's tag", false, authorize("Ingress", group{aVPC, nil}, forged)},
		decision{"create a balancer that carries the bot's tag", false, createBalancer("web", forged)},
		decision{"take all tags from the bot's group", false, untag(aGroup, own)},
		decision{"take all tags from another group", true, untag(aGroup, tags{"Name": "web"})},
		decision{"put another tag on a group", true, retag(aGroup, nil, tags{"Name": "web"})},
		decision{"put another tag on a balancer", true, retagBalancer("web", nil, tags{"Name": "web"})},
		decision{"create a group of one's own", true, createGroup(tags{"Name": "web"})},

		decision{"retag an instance for a rule", false, retag(anInstance, tags{"Env": "prod"}, tags{"Env": "dev"})},
		decision{"open an instance to a rule", false, retag(anInstance, nil, tags{"sshforward": "allow"})},
		decision{"say whom people log in as", false, retag(anInstance, nil, tags{sshforward.TagUser: "root"})},
		decision{"take an instance from under a rule", false, untag(anInstance, tags{"Env": "prod"}, "Env")},
		decision{"take all tags from an instance", false, untag(anInstance, tags{"Env": "prod"})},
		decision{"start an instance that carries a tag of a rule", false, tagging(anInstance, "RunInstances", tags{"Env": "dev"})},
		decision{"put another tag on an instance", true, retag(anInstance, nil, tags{"Name": "web"})},
		decision{"mark a group", false, retag(aGroup, nil, tags{"sshforward": "allow"})},

		decision{"give the bot's role to a machine of one's own", false, passRole("sshforward", "ec2.amazonaws.com")},
		decision{"let oneself assume the bot's role", false, []request{{"iam:UpdateAssumeRolePolicy", botRole, nil}}},
		decision{"give another role to a machine", true, passRole("web", "ec2.amazonaws.com")},
	), s)

	s.principal = platformRole
	check(t, run, allowAll, []decision{
		{"the platform tags instances", true, retag(anInstance, nil, tags{"Env": "dev", "sshforward": "allow", sshforward.TagUser: "admin"})},
		{"the platform takes tags from instances", true, untag(anInstance, tags{"Env": "dev"})},
		{"the platform marks groups", true, retag(aGroup, nil, tags{"sshforward": "allow"})},
		{"the platform sets up the bot", true, append(passRole("sshforward", "ec2.amazonaws.com"), request{"iam:PutRolePolicy", botRole, nil})},
		{"the platform does not forge the bot's tags", false, retag(aGroup, nil, tags{provisioner.TagProof: "x"})},
	}, s)
}

// checkBoundaryStays tries to get out from under it.
func checkBoundaryStays(t *testing.T, run simulator, s situation) {
	const text = "arn:aws:iam::" + account + ":policy/sshforward-boundary"
	role := "arn:aws:iam::" + account + ":role/mine"
	under := context{"iam:PermissionsBoundary": text}
	s.principal = developerRole
	check(t, run, allowAll, []decision{
		{"a role under it", true, []request{{"iam:CreateRole", role, under}}},
		{"a role without it", false, []request{{"iam:CreateRole", role, nil}}},
		{"a role under another", false, []request{{"iam:CreateRole", role, context{"iam:PermissionsBoundary": text + "-2"}}}},
		{"a user without it", false, []request{{"iam:CreateUser", "arn:aws:iam::" + account + ":user/mine", nil}}},
		{"take it away", false, []request{{"iam:DeleteRolePermissionsBoundary", role, under}}},
		{"change it", false, []request{{"iam:CreatePolicyVersion", text, nil}}},
		{"change another policy", true, []request{{"iam:CreatePolicyVersion", text + "-2", nil}}},
	}, s)
	s.principal = platformRole
	check(t, run, allowAll, []decision{
		{"the platform makes roles without it", true, []request{{"iam:CreateRole", role, nil}}},
		{"the platform changes it", true, []request{{"iam:CreatePolicyVersion", text, nil}}},
	}, s)
}

const anInstance = "instance/i-0a1b2c3d4e5f60718"

// untag takes tags away: those named, or all of them. Then, since a call that
// names none has no keys, IAM sees none.
func untag(what string, on tags, keys ...string) []request {
	c := carrying(on)
	if len(keys) > 0 {
		c["aws:TagKeys"] = keys
	}
	return []request{{"ec2:DeleteTags", ec2ARN(what), c}}
}
