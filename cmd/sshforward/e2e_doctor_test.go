package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sshforward/sshforward/bot/fakeslack"
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
	for _, tt := range []struct {
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
			[]string{"MEND  Slack: the bot token lacks chat:write.public, im:write, usergroups:read, users:read"}},
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
	} {
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
	t.Parallel()
	const role = "arn:aws:iam::123456789012:role/sshforward-deadman"
	slack := fakeslack.New(fakeslack.Options{})
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
