package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sshforward/sshforward"
)

const goodConfig = `
deployment: prod
store: {bolt: /tmp/leases.db}
slack: {channel: C0OPS, admins: [U0ADMIN, S0SRE]}
aws:
  - {name: main, region: ap-northeast-1}
policy:
  sources: {allow: [203.0.113.0/24], default: [203.0.113.7]}
  rules:
    - {name: development, tags: {sshforward: allow}, max: 8h}
`

// In a container with nothing but the program the configuration is in a variable.
func TestConfigInAVariable(t *testing.T) {
	t.Setenv("SSHFORWARD_CONFIG", strings.Replace(goodConfig, "prod", "prod.", 1))
	if code, _, says := typed(t, nil, "doctor", "--offline", "--config", "env:SSHFORWARD_CONFIG"); code != exitError ||
		!strings.Contains(says, `env:SSHFORWARD_CONFIG: deployment: "prod." is not a name`) {
		t.Errorf("exit %d: %s", code, says)
	}
	if code, _, says := typed(t, nil, "doctor", "--offline", "--config", "env:NOBODY"); code != exitError ||
		!strings.Contains(says, "the variable NOBODY is not set") {
		t.Errorf("exit %d: %s", code, says)
	}
}

// The example that people start from has to be right, and has to say all.
func TestExampleConfig(t *testing.T) {
	c, err := readConfig("../../deploy/sshforward.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	policy := c.Policy.policy(c.Slack.Admins)
	rule, ok := policy.Match(sshforward.Instance{Tags: map[string]string{"Env": "prod"}})
	if !ok || rule.Name != "production" || rule.Approvals != 1 || !rule.Reason || rule.Max != time.Hour {
		t.Errorf("the rule for production reads as %+v", rule)
	}
	if rule.ExtendApprovals != 1 || rule.Urgent == nil || rule.Urgent.Max != 30*time.Minute || len(rule.Urgent.Users) != 1 {
		t.Errorf("the rule for production reads as %+v, urgent %+v", rule, rule.Urgent)
	}
	if diff := cmp.Diff(sshforward.DefaultTiming(), c.Timing.timing()); diff != "" {
		t.Errorf("the example's timing is not the default one (-default +example):\n%s", diff)
	}
}

func TestConfigDefaults(t *testing.T) {
	c, err := parseConfig([]byte(goodConfig))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sshforward.DefaultTiming(), c.Timing.timing()); diff != "" {
		t.Errorf("timing (-default +got):\n%s", diff)
	}
	if c.Audit.Stdout {
		t.Error("events are mirrored to stdout although nobody asked for it")
	}
	if c.Listen != "127.0.0.1:9464" {
		t.Errorf("listens on %s, want loopback alone", c.Listen)
	}
	a := c.AWS[0].account()
	if a.ListenerPort != 22 || a.SSHUser != "ec2-user" || a.WaitDNS != 2*time.Minute {
		t.Errorf("account: %+v", a)
	}
}

// Every mistake is one line that says where it is and what to write.
func TestConfigMistakes(t *testing.T) {
	for _, test := range []struct{ name, old, new, want string }{
		{"unknown key", "deployment: prod", "deployment: prod\ndeploymant: x", `line 3, column 1: unknown field "deploymant"`},
		{"unknown key deep down", "max: 8h", "mx: 8h", `unknown field "mx"`},
		{"bad duration", "max: 8h", "max: 8 shifts",
			`line 10, column 59: "8 shifts" is not a duration. Write it like 45s, 90m, 2h, 1h30m or 1d.`},
		{"duration without a unit", "max: 8h", "max: 8", `"8" is not a duration`},
		{"bad network", "203.0.113.0/24", "203.0.113.0/33", `line 8, column 21: "203.0.113.0/33" is not an IPv4 address`},
		{"host bits", "203.0.113.0/24", "203.0.113.9/24", "Did you mean 203.0.113.0/24"},
		{"IPv6", "203.0.113.0/24", "'2001:db8::/32'", "IPv4 only"},
		{"default outside policy", "default: [203.0.113.7]", "default: [198.51.100.1]", "not among the networks"},
		{"bad port", "name: main", "name: main, listener_port: 70000", "want a port from 1 to 65535"},
		{"not a port", "name: main", "name: main, listener_port: ssh", "want a port from 1 to 65535"},
		{"a name for an id", "U0ADMIN", "'@ann'", `"@ann" is not the id of a user`},
		{"channel name", "C0OPS", "'#ops'", `"#ops" is not the id of a channel`},
		{"language", "channel: C0OPS", "channel: C0OPS, language: fr", `slack.language: "fr" is not there; write one of en, ja`},
		{"deployment", "deployment: prod", "deployment: Production!", `"Production!" is not a name of 1 to 12`},
		{"no rules", "- {name: development, tags: {sshforward: allow}, max: 8h}", "[]", "write for example: policy: {rules: [{name: development"},
		{"nameless rule", "name: development, ", "", "policy.rules[0].name"},
		{"approvals by nobody", "max: 8h", "max: 8h, approvals: 1", "policy.rules[0].approvals: nobody could give them"},
		{"more approvals than approvers", "max: 8h", "max: 8h, approvers: [U0B, U0B], approvals: 2",
			"policy.rules[0].approvers: 1 approver cannot give 2 approvals"},
		{"the same for an extension", "max: 8h", "max: 8h, approvers: [U0B], extend_approvals: 2", "1 approver cannot give 2 approvals"},
		{"another account", "max: 8h", "max: 8h, accounts: [other]", `policy.rules[0].accounts: there is no account called "other"`},
		{"no VPC", "max: 8h", "max: 8h, vpcs: [main]", `line 10, column 70: "main" is not the id of a VPC`},
		{"no instance", "max: 8h", "max: 8h, instances: [web-1]", `"web-1" is not the id of an instance`},
		{"guests of what", "max: 8h", "max: 8h, guests: [U0A]", "line 10, column 71"},
		{"extension approved by nobody", "max: 8h", "max: 8h, extend_approvals: 1", "policy.rules[0].extend_approvals: nobody could give them"},
		{"nothing to go past", "max: 8h", "max: 8h, urgent: {users: [U0A]}", "policy.rules[0].urgent: the rule needs no approval"},
		{"urgent for nobody", "max: 8h", "max: 8h, approvers: [U0B], urgent: {max: 10m}", "policy.rules[0].urgent.users: say who may"},
		{"urgent for long", "max: 8h", "max: 8h, approvers: [U0B], urgent: {users: [U0A], max: 9h}", "policy.rules[0].urgent.max: 9h is more"},
		{"no account", "- {name: main, region: ap-northeast-1}", "[]", "aws: there is no account"},
		{"same name twice", "- {name: main, region: ap-northeast-1}",
			"- {name: main, region: ap-northeast-1}\n  - {name: main, region: us-east-1}", `two accounts called "main"`},
		{"no region", ", region: ap-northeast-1", "", "aws[0].region"},
		{"dead man without a role", "name: main", "name: main, deadman: {grace: 5m}", "aws[0].deadman.role_arn"},
		{"five tags", "name: main", "name: main, tags: {A: a, B: b, C: c, D: d, E: e}",
			"aws[0].tags: there are 5, and a load balancer has room for 4"},
		{"a tag of AWS's", "name: main", "name: main, tags: {'AWS:CostCenter': a}", `aws[0].tags: "AWS:CostCenter": keys that begin with aws:`},
		{"a tag of the bot's", "name: main", "name: main, tags: {'sshforward:deployment': dev}", `"sshforward:deployment": keys that begin`},
		{"a tag without a key", "name: main", `name: main, tags: {"": a}`, "a key has 1 to 127 characters"},
		{"a long key", "name: main", "name: main, tags: {" + strings.Repeat("k", 128) + ": a}", "a key has 1 to 127 characters"},
		{"a long value", "name: main", "name: main, tags: {A: " + strings.Repeat("v", 256) + "}", `"A": a value has at most 255`},
		{"a tag that ELB does not take", "name: main", "name: main, tags: {A: 'a;b'}", `"A": AWS takes letters, digits, blanks`},
		{"no subnet's id", "name: main", "name: main, subnets: [public-a]", `"public-a" is not the id of a subnet`},
		{"a user that is more than a name", "name: main", "name: main, ssh_user: 'a b'", `aws[0].ssh_user: "a b" is not a user name`},
		{"an alias that is none", "name: main", "name: main, host_key_alias: '*.example'", `aws[0].host_key_alias: "*.example" is not a name`},
		{"nothing at most", "max: 8h", "max: 0s", `"0s" is not a duration`},
		{"default below min", "deployment: prod", "deployment: prod\ntiming: {default: 30s}",
			"timing.default: 30s is shorter than timing.min, 5m"},
		{"no store", "store: {bolt: /tmp/leases.db}", "", "store: say where"},
		{"two stores", "bolt: /tmp/leases.db", "bolt: /tmp/leases.db, dynamodb: {table: leases}",
			"line 3, column 31: leases are kept in one place: leave out bolt or dynamodb"},
		{"a store that is not said", "bolt: /tmp/leases.db", "dynamodb: ", "line 3, column 9: dynamodb wants the name of a table"},
		{"a table without a name", "bolt: /tmp/leases.db", "dynamodb: {create: true}", "line 3, column 9: dynamodb wants the name of a table"},
		{"an ARN for a name", "bolt: /tmp/leases.db", "dynamodb: {table: 'arn:aws:dynamodb:x'}",
			`line 3, column 27: "arn:aws:dynamodb:x" is not the name of a table`},
		{"what a table has not", "bolt: /tmp/leases.db", "dynamodb: {table: leases, ttl: 90d}", `line 3, column 35: unknown field "ttl"`},
		{"create what", "bolt: /tmp/leases.db", "dynamodb: {table: leases, create: maybe}", "line 3, column 43"},
		{"widest", "allow: [203.0.113.0/24]", "widest: 0", "not a mask from 1 to 32"},
		{"broken YAML", "aws:", "aws: [", "line "},
		{"two documents", "deployment: prod", "deployment: prod\n---\ndeployment: prod", "more than one YAML document"},
		{"audit", "deployment: prod", "deployment: prod\naudit: {file: /var/log/audit}", `line 3, column 9: unknown field "file"`},
		{"audit to where", "deployment: prod", "deployment: prod\naudit: {stdout: /dev/stdout}", "line 3, column 17"},
		{"a list for a text", "deployment: prod", "deployment: [a]", "line 2, column 13"},
	} {
		t.Run(test.name, func(t *testing.T) {
			text := strings.Replace(goodConfig, test.old, test.new, 1)
			if text == goodConfig {
				t.Fatalf("%q is not in the configuration", test.old)
			}
			_, err := parseConfig([]byte(text))
			if err == nil {
				t.Fatal("it was taken")
			}
			if got := oneLine(err); !strings.Contains(got, test.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("it says %q, want %q in one line", got, test.want)
			}
		})
	}
}

// What an account's entry says of tags and subnets is what the provisioner gets.
func TestTagsAndSubnetsOfAnAccount(t *testing.T) {
	c, err := parseConfig([]byte(strings.Replace(goodConfig, "name: main",
		`name: main, tags: {CostCenter: "4711", Team: インフラ, "Data class": ""}, subnets: [subnet-0abc, subnet-0def]`, 1)))
	if err != nil {
		t.Fatal(err)
	}
	a := c.AWS[0].account()
	if diff := cmp.Diff(map[string]string{"CostCenter": "4711", "Team": "インフラ", "Data class": ""}, a.Tags); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"subnet-0abc", "subnet-0def"}, a.Subnets); diff != "" {
		t.Errorf("subnets (-want +got):\n%s", diff)
	}
}

// Somebody has to hear of what went past the approvers.
func TestUrgentNeedsAChannel(t *testing.T) {
	text := strings.Replace(withRules("{name: d, tags: any, approvers: [U0B], urgent: {users: [U0A]}}"), "channel: C0OPS, ", "", 1)
	if _, err := parseConfig([]byte(text)); err == nil || !strings.Contains(err.Error(), "slack.channel, which is not set") {
		t.Errorf("it says %v", err)
	}
}

func TestWaitDNSMayBeNone(t *testing.T) {
	for _, none := range []string{"0s", "0"} {
		c, err := parseConfig([]byte(strings.Replace(goodConfig, "name: main", "name: main, wait_dns: "+none, 1)))
		if err != nil || c.AWS[0].account().WaitDNS != 0 {
			t.Errorf("wait_dns: %s: %v", none, err)
		}
	}
}

func TestStoreInATable(t *testing.T) {
	for text, want := range map[string]dynamoDBConfig{
		"{table: leases}": {Table: "leases", Region: "ap-northeast-1"},
		"{table: leases, region: eu-west-1, create: true}": {Table: "leases", Region: "eu-west-1", Create: true},
	} {
		c, err := parseConfig([]byte(strings.Replace(goodConfig, "bolt: /tmp/leases.db", "dynamodb: "+text, 1)))
		if err != nil || c.Store.Bolt != "" || *c.Store.DynamoDB != want {
			t.Errorf("%s: %+v, %v", text, c, err)
		}
	}
}

func TestAuditToStdout(t *testing.T) {
	c, err := parseConfig([]byte(goodConfig + "audit: {stdout: true}\n"))
	if err != nil || !c.Audit.Stdout {
		t.Errorf("%t, %v", c != nil && c.Audit.Stdout, err)
	}
}

func TestLanguageOfChannels(t *testing.T) {
	for text, want := range map[string]string{"": "en", ", language: en": "en", ", language: ja": "ja"} {
		c, err := parseConfig([]byte(strings.Replace(goodConfig, "channel: C0OPS", "channel: C0OPS"+text, 1)))
		if err != nil || c.Slack.Language != want {
			t.Errorf("%q: %q, %v", text, c.Slack.Language, err)
		}
	}
}

func TestEmptyConfig(t *testing.T) {
	if _, err := parseConfig(nil); err == nil || !strings.Contains(err.Error(), "deployment") {
		t.Errorf("an empty file: %v", err)
	}
}

func TestTokens(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("xapp-from-file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name string
		env  map[string]string
		want tokens
		err  string
	}{
		{"both set", map[string]string{"SLACK_BOT_TOKEN": "xoxb", "SLACK_APP_TOKEN": "xapp"}, tokens{"xoxb", "xapp"}, ""},
		{"with blanks around", map[string]string{"SLACK_BOT_TOKEN": " xoxb\r\n", "SLACK_APP_TOKEN": "xapp\n"}, tokens{"xoxb", "xapp"}, ""},
		{"only blanks", map[string]string{"SLACK_BOT_TOKEN": " \n", "SLACK_APP_TOKEN": "xapp"}, tokens{}, "SLACK_BOT_TOKEN is not set"},
		{"one from a file", map[string]string{"SLACK_BOT_TOKEN": "xoxb", "SLACK_APP_TOKEN_FILE": file}, tokens{"xoxb", "xapp-from-file"}, ""},
		{"no bot token", map[string]string{"SLACK_APP_TOKEN": "xapp"}, tokens{}, "SLACK_BOT_TOKEN is not set"},
		{"no app token", map[string]string{"SLACK_BOT_TOKEN": "xoxb"}, tokens{}, "SLACK_APP_TOKEN is not set"},
		{"no such file", map[string]string{"SLACK_BOT_TOKEN": "xoxb", "SLACK_APP_TOKEN_FILE": "/nowhere"}, tokens{}, "read SLACK_APP_TOKEN_FILE"},
		{"empty file", map[string]string{"SLACK_BOT_TOKEN": "xoxb", "SLACK_APP_TOKEN_FILE": empty}, tokens{}, "is empty"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := readTokens(func(name string) string { return test.env[name] })
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) {
					t.Errorf("got %v, want %q", err, test.err)
				}
				return
			}
			if err != nil || got != test.want {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
}

func TestExampleOfKubernetesCanBeRead(t *testing.T) {
	for _, folder := range []string{"example", "example-replicas"} {
		if _, err := readConfig("../../deploy/kubernetes/" + folder + "/sshforward.yaml"); err != nil {
			t.Error(err)
		}
	}
}
