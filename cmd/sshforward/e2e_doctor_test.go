package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sshforward/sshforward/bot/fakeslack"
	"github.com/sshforward/sshforward/internal/testenv"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

// examined runs the doctor on a configuration and returns what it says.
func examined(t *testing.T, c cloud, slack *fakeslack.Workspace, edit func(string) string, env ...string) (says string, err error) {
	t.Helper()
	w := &world{t: t, slack: slack, cloud: c, dir: t.TempDir(), log: &logBuffer{}}
	file := filepath.Join(w.dir, "sshforward.yaml")
	if err := os.WriteFile(file, []byte(edit(w.config())), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"doctor", "--config", file}
	if slices.Contains(env, "PROBE=1") {
		args = append(args, "--probe")
	}
	cmd := exec.Command(binary, args...)
	cmd.Env = append(append(os.Environ(), "SLACK_BOT_TOKEN="+slack.BotToken(), "SLACK_APP_TOKEN="+slack.AppToken(),
		"SLACK_API_URL="+slack.APIURL(), "AWS_ENDPOINT_URL="+c.url), env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func TestDoctor(t *testing.T) {
	t.Parallel()
	c, _, _ := fakeCloud(t, fakeaws.Options{})
	slack := fakeslack.New(fakeslack.Options{})
	slack.AddUserGroup(fakeslack.UserGroup{ID: "S0LEAD", Users: []string{carol, bob}})
	var many []string
	for n := range 20 {
		many = append(many, fmt.Sprintf("U0MANY%d", n))
	}
	slack.AddUserGroup(fakeslack.UserGroup{ID: "S0MANY", Users: many})
	slack.AddChannel(fakeslack.Channel{ID: ops, Name: "ops", BotMember: true})
	slack.AddChannel(fakeslack.Channel{ID: "C0PAST", Name: "past", Archived: true})
	if err := slack.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(slack.Close)
	lame := fakeslack.New(fakeslack.Options{Scopes: []string{"commands", "chat:write"}})
	if err := lame.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(lame.Close)
	wide := fakeslack.New(fakeslack.Options{OrgInstall: true})
	if err := wide.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(wide.Close)

	replace := func(old, with string) func(string) string {
		return func(config string) string {
			if !strings.Contains(config, old) {
				t.Fatalf("%q is not in the configuration", old)
			}
			return strings.Replace(config, old, with, 1)
		}
	}
	for _, tt := range testenv.Thinned([]struct {
		name  string
		slack *fakeslack.Workspace
		edit  func(string) string
		env   []string
		fails bool
		says  []string
	}{
		{"all well", slack, replace("admins: ["+carol+"]", "admins: [S0LEAD]"), nil, false, []string{
			`ok    rule development: every full member of the workspace may open instances with sshforward="allow"`,
			"does not exist yet; the first start makes it", "ok    Slack: the bot is sshforward", "ok    Slack: the app token opens Socket Mode",
			"user group S0LEAD has 2 people", "ok    AWS main: the bot is arn:aws:", "ok    AWS main: a rule covers", "load balancers go to subnet-",
		}},
		{"scopes missing", lame, strings.Clone, nil, true,
			[]string{"MEND  Slack: the bot token lacks channels:read, chat:write.public, groups:read, im:write, usergroups:read, users:read",
				"whether the bot is in C0OPS cannot be looked at"}},
		{"a channel that is past", slack, replace("channel: "+ops, "channel: C0PAST"), nil, true,
			[]string{"MEND  Slack: slack.channel: C0PAST is archived", "the bot is not in C0PAST; invite it there"}},
		{"a channel for cards that is not there", slack, replace("channel: "+ops, "channel: "+ops+", cards: [C0GONE]"), nil, true,
			[]string{"MEND  Slack: slack.cards: there is no channel C0GONE"}},
		{"too many approvers", slack, replace("max: 8h}", "max: 8h, approvers: [S0MANY]}"), nil, true,
			[]string{"MEND  Slack: the rule development has 20 people asked, and 15 of them are asked directly; name fewer of them with notify"}},
		{"of whom few are asked", slack, replace("max: 8h}", "max: 8h, approvers: [S0MANY], notify: [S0LEAD]}"), nil, false,
			[]string{"with 1 approval of S0MANY, of whom S0LEAD are asked"}},
		{"a group that cannot give so many", slack, replace("max: 8h}", "max: 8h, approvals: [{from: S0LEAD, n: 3}, {from: S0MANY}]}"), nil, true,
			[]string{"wants 3 approvals of S0LEAD, in which there are 2 people", "with 3 approvals of S0LEAD and 1 approval of S0MANY"}},
		{"tokens swapped", slack, strings.Clone, []string{"SLACK_BOT_TOKEN=" + slack.AppToken()}, true,
			[]string{"MEND  Slack: SLACK_BOT_TOKEN is a token of another kind"}},
		{"no tokens", slack, strings.Clone, []string{"SLACK_BOT_TOKEN="}, true, []string{"MEND  Slack: SLACK_BOT_TOKEN is not set"}},
		{"group gone", slack, replace("admins: ["+carol+"]", "admins: [S0GONE]"), nil, true,
			[]string{"MEND  Slack: Slack does not tell me who is in the user group S0GONE"}},
		{"too few approvers", slack, replace("max: 8h}", "max: 8h, approvers: [S0LEAD, "+bob+"], approvals: 3}"), nil, true,
			[]string{"MEND  Slack: the rule development wants 3 approvals and there are 2 people who could give one"}},
		{"just enough approvers", slack, replace("max: 8h}", "max: 8h, approvers: [S0LEAD], approvals: 2}"), nil, false,
			[]string{"ok    Slack: the rule development wants 2 approvals and there are 2 people who could give one: none of them can ask"}},
		{"tags that are nearly right", slack, replace("sshforward: allow", "sshforward: Allow"), nil, true,
			[]string{`has sshforward="allow", and the rule development goes by "Allow": nobody can open it until the tag is corrected`}},
		{"installed on an organisation", wide, strings.Clone, nil, true,
			[]string{"MEND  Slack: the bot is installed on the whole organisation", "install it in one workspace"}},
		{"no instance for any rule", slack, replace("sshforward: allow", "sshforward: nowhere"), nil, true,
			[]string{"MEND  AWS main: of ", "none has the tags of a rule"}},
		{"AWS out of reach", slack, strings.Clone, []string{"AWS_ENDPOINT_URL=http://127.0.0.1:1"}, true,
			[]string{"MEND  AWS main: AWS could not be reached to tell who I am"}},
		{"no folder for the store", slack, replace("leases.db", "not/there/leases.db"), nil, true, []string{"MEND  store: the folder of"}},
	}, 6) {

		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			out, err := examined(t, c, tt.slack, tt.edit, tt.env...)
			if (err != nil) != tt.fails {
				t.Errorf("it ended with %v", err)
			}
			if !containsAll(out, tt.says) {
				t.Errorf("it says\n%swant %q", out, tt.says)
			}
			for _, secret := range []string{tt.slack.BotToken(), tt.slack.AppToken(), "ticket="} {
				if strings.Contains(out, secret) {
					t.Errorf("it tells a secret:\n%s", out)
				}
			}
		})
	}
	if left := c.leftovers(t); len(left) > 0 {
		t.Errorf("it made %v", left)
	}
}

// With --probe it tries what cannot be told by looking, and leaves nothing.
func TestDoctorProbe(t *testing.T) {
	testenv.SkipRaced(t, "it looks at single calls, one after the other")
	t.Parallel()
	const role = "arn:aws:iam::123456789012:role/sshforward-deadman"
	slack := fakeslack.New(fakeslack.Options{})
	slack.AddChannel(fakeslack.Channel{ID: ops, Name: "ops", BotMember: true})
	if err := slack.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(slack.Close)
	withDeadMan := func(config string) string {
		return strings.Replace(config, "name: main", "name: main, deadman: {role_arn: '"+role+"'}", 1)
	}
	for _, tt := range []struct {
		name  string
		trust []string
		edit  func(string) string
		fails bool
		says  string
	}{
		{"right", []string{"scheduler.amazonaws.com"}, withDeadMan, false, "ok    AWS main: a dead-man switch was made and removed again"},
		{"wrong trust", []string{"lambda.amazonaws.com"}, withDeadMan, true,
			"MEND  AWS main: The dead-man switch cannot be set, because EventBridge Scheduler does not accept the role " + role},
		{"no such role", nil, withDeadMan, true, "MEND  AWS main: The dead-man switch cannot be set"},
		{"none", nil, strings.Clone, false, "ok    AWS main: no dead-man switch is configured"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, aws, _ := fakeCloud(t, fakeaws.Options{})
			if tt.trust != nil {
				aws.AddRole(role, tt.trust...)
			}
			out, err := examined(t, c, slack, tt.edit, "PROBE=1")
			if (err != nil) != tt.fails || !strings.Contains(out, tt.says) {
				t.Errorf("%v\n%s", err, out)
			}
			if left := c.leftovers(t); len(left) > 0 {
				t.Errorf("it left %v", left)
			}
		})
	}
}

// Beside a running bot it takes nothing away from it.
func TestDoctorBesideTheBot(t *testing.T) {
	testenv.SkipRaced(t, "it looks at single calls, one after the other")
	t.Parallel()
	c, _, _ := fakeCloud(t, fakeaws.Options{})
	w := newWorld(t, c, worldOptions{})
	out, err := w.command("doctor", "--json").CombinedOutput()
	if err != nil || !strings.Contains(string(out), fmt.Sprintf(`"says":"%s is in use by a running bot"`, filepath.Join(w.dir, "leases.db"))) {
		t.Errorf("%v\n%s", err, out)
	}
	if list := w.slash(ann, dev, "list"); !strings.Contains(list.Visible(), "no lease") {
		t.Errorf("the bot answers %s", list.Visible())
	}
}

// A machine whose clock is wrong is told so, as is a role that may not do what an
// opening needs.
func TestDoctorReadsClocksAndRehearses(t *testing.T) {
	t.Parallel()
	c, aws, _ := fakeCloud(t, fakeaws.Options{})
	slack := fakeslack.New(fakeslack.Options{})
	slack.AddChannel(fakeslack.Channel{ID: ops, Name: "ops", BotMember: true})
	if err := slack.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(slack.Close)
	same := func(config string) string { return config }
	says, _ := examined(t, c, slack, same)
	for _, want := range []string{"that of AWS differ by", "that of Slack differ by", "EC2 would make the group"} {
		if !strings.Contains(says, want) {
			t.Errorf("it does not say %q:\n%s", want, says)
		}
	}
	aws.SetClockSkew(time.Minute)
	aws.Deny("ec2:AuthorizeSecurityGroupIngress")
	says, err := examined(t, c, slack, same)
	for _, want := range []string{"behind that of AWS; leases end by it", "AWS does not let me add a rule to any group of"} {
		if err == nil || !strings.Contains(says, want) {
			t.Errorf("it does not say %q, %v:\n%s", want, err, says)
		}
	}
	if strings.Contains(says, "MEND  Slack: the clock") {
		t.Errorf("Slack's clock is right:\n%s", says)
	}
}

// What it says is well on fakeaws is so on moto, and it makes nothing on either. moto's
// ELB answers with 500 where a load balancer is not there, and its accounts begin
// without ELB's role: that, and no more, has to be mended there.
func TestDoctorOnEitherCloud(t *testing.T) {
	t.Parallel()
	clouds(t, func(t *testing.T, c cloud) {
		slack := fakeslack.New(fakeslack.Options{})
		slack.AddChannel(fakeslack.Channel{ID: ops, Name: "ops", BotMember: true})
		if err := slack.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(slack.Close)
		before := c.foreign(t)
		out, err := examined(t, c, slack, strings.Clone)
		moto := strings.HasSuffix(t.Name(), "moto")
		if (err != nil) != moto {
			t.Errorf("it ended with %v", err)
		}
		if !containsAll(out, []string{
			"ok    AWS main: the bot is arn:aws:", "ok    AWS main: the clock here", "ok    AWS main: a rule covers 2 of ",
			"(2 instances): load balancers go to subnet-", "EC2 would make the group, and add and remove the rule in a group of i-",
			"ok    AWS main: what carries the deployment's tag can be listed",
		}) {
			t.Errorf("it says\n%s", out)
		}
		for line := range strings.Lines(out) {
			known := strings.Contains(line, "whether AWS lets me") || strings.Contains(line, "ELB's service-linked role is not there")
			if strings.HasPrefix(line, "MEND") && !(moto && known) {
				t.Errorf("it says %s", line)
			}
		}
		if left := c.leftovers(t); len(left) > 0 || c.foreign(t) != before {
			t.Errorf("it made %v, or touched something", left)
		}
	})
}
