package main

import (
	"bufio"
	"cmp"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sshforward/sshforward/deploy"
)

// initOptions are the answers to the questions of init, which are its flags.
type initOptions struct {
	folder string
	yes    bool

	deployment, region, account string
	channel, admins             string
	tags, users, max            string
	approvers, sources, store   string
	table                       string // in the place of store
	deadman                     bool
}

// newInit makes the command that writes all that a bot needs to be told.
func newInit(con console) *cobra.Command {
	var o initOptions
	c := &cobra.Command{
		Use:     "init [FOLDER]",
		Short:   "Ask a few questions and write configuration, Slack manifest and IAM policies into a folder",
		GroupID: groupBot,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return fmt.Errorf("say where to write, in one argument")
			}
			return (*pathFlag)(&o.folder).Set(cmp.Or(strings.Join(args, ""), "sshforward-setup"))
		},
	}
	for _, q := range o.questions(con) {
		c.Flags().StringVar(q.value, q.flag, "", q.ask)
	}
	c.Flags().StringVar(&o.table, "table", "", "the DynamoDB table that leases are kept in and several replicas share, instead of --store")
	c.MarkFlagsMutuallyExclusive("table", "store")
	c.Flags().BoolVar(&o.deadman, "deadman", false, "with the dead-man switch: AWS ends access if the bot does not")
	c.Flags().BoolVarP(&o.yes, "yes", "y", false, "ask nothing; what no flag says is as suggested")
	c.RunE = func(c *cobra.Command, _ []string) error {
		if o.table != "" && !isTableName(o.table) {
			return fmt.Errorf("--table %q: 3 to 255 of a-z, A-Z, 0-9, _, . and -", o.table)
		}
		for _, q := range o.questions(con) {
			if q.flag == "store" && o.table != "" {
				continue
			}
			if err := q.settle(c, con, o.yes); err != nil {
				return err
			}
		}
		return o.write(con)
	}
	return c
}

// question is one thing to know.
type question struct {
	flag, ask string
	value     *string
	suggested string
	valid     func(string) error
}

// questions are all of them, in the order in which they are asked.
func (o *initOptions) questions(con console) []question {
	region := cmp.Or(con.env("AWS_REGION"), con.env("AWS_DEFAULT_REGION"), "us-east-1")
	return []question{
		{"deployment", "a name for this bot, which keeps two in one account apart", &o.deployment, "prod",
			matches(deploymentName, "1 to 12 of a-z, 0-9 and -")},
		{"region", "the AWS region that the instances are in", &o.region, region,
			matches(regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-\d$`), "a region, such as ap-northeast-1")},
		{"account", "the AWS account, 12 digits", &o.account, standInAccount, matches(regexp.MustCompile(`^\d{12}$`), "12 digits")},
		{"channel", "the id of the Slack channel for alarms (C…); empty for none", &o.channel, "",
			optional(matches(channelID, "the id of a channel, which Slack shows at the end of the channel's details"))},
		{"admins", "who may close and extend anything: ids of users (U…) and user groups (S…)", &o.admins, "", eachOf(personIs)},
		{"tags", "which instances: a tag that they carry, KEY=VALUE", &o.tags, "sshforward=allow",
			matches(regexp.MustCompile(`^[^=]+=.*$`), "KEY=VALUE")},
		{"users", "who may ask for them: ids of users and user groups; empty for everyone in the workspace", &o.users, "", eachOf(personIs)},
		{"max", "for how long at most", &o.max, "8h", func(s string) error { return parses(s, "max") }},
		{"approvers", "who has to say yes before: ids of users and user groups; empty if nobody has to", &o.approvers, "", eachOf(personIs)},
		{"sources", "from which networks people come, as 203.0.113.0/24; empty for any single address", &o.sources, "",
			eachOf(func(s string) error { return parses("["+s+"]", "sources") })},
		{"store", "the file that leases are kept in, on a local disk", &o.store, filepath.Join(o.folder, "leases.db"),
			func(s string) error {
				if !filepath.IsAbs(s) {
					return errors.New("an absolute path")
				}
				return nil
			}},
	}
}

// standInAccount is the account of the policies as they are in deploy.
const standInAccount = "123456789012"

func matches(is *regexp.Regexp, what string) func(string) error {
	return func(s string) error {
		if !is.MatchString(s) {
			return errors.New(what)
		}
		return nil
	}
}

func optional(valid func(string) error) func(string) error {
	return func(s string) error {
		if s == "" {
			return nil
		}
		return valid(s)
	}
}

func personIs(s string) error {
	return matches(personID, "ids such as U0123ABCD or S0123ABCD, separated by commas; Slack shows them in the profile under ⋮")(s)
}

func eachOf(valid func(string) error) func(string) error {
	return func(s string) error {
		for _, one := range list(s) {
			if err := valid(one); err != nil {
				return err
			}
		}
		return nil
	}
}

// list takes a list apart that a person has typed.
func list(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' })
}

// parses has the configuration itself decide.
func parses(value, key string) error {
	text := map[string]string{
		"max":     "policy: {rules: [{name: x, tags: any, max: " + value + "}]}",
		"sources": "policy: {sources: {allow: " + value + "}, rules: [{name: x, tags: any, max: 1h}]}",
	}[key]
	_, err := parseConfig([]byte("deployment: x\nstore: {bolt: /x}\naws: [{name: x, region: x}]\n" + text))
	return err
}

// settle finds the answer: the flag's, the person's, or what is suggested.
func (q question) settle(c *cobra.Command, con console, yes bool) error {
	if c.Flags().Changed(q.flag) {
		if err := q.valid(*q.value); err != nil {
			return fmt.Errorf("--%s %q: %w", q.flag, *q.value, err)
		}
		return nil
	}
	*q.value = q.suggested
	in := c.InOrStdin()
	for !yes {
		fmt.Fprintf(con.stderr, "%s", strings.ToUpper(q.ask[:1])+q.ask[1:])
		if q.suggested != "" {
			fmt.Fprintf(con.stderr, " [%s]", q.suggested)
		}
		fmt.Fprint(con.stderr, ": ")
		line, err := readLine(in)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		answer := cmp.Or(strings.TrimSpace(line), q.suggested)
		if bad := q.valid(answer); bad == nil {
			*q.value = answer
			return nil
		} else if err != nil {
			return fmt.Errorf("--%s %q: %w", q.flag, answer, bad)
		} else {
			fmt.Fprintf(con.stderr, "  %q is not that: %s\n", answer, bad)
		}
	}
	return nil
}

// readLine reads no further than the line, so that the next question has the
// next one.
func readLine(in io.Reader) (string, error) {
	var line []byte
	for one := make([]byte, 1); ; {
		n, err := in.Read(one)
		if n > 0 && one[0] == '\n' || err != nil {
			return string(line), err
		}
		line = append(line, one[:n]...)
	}
}

// write puts everything into the folder, or nothing if something is there.
func (o *initOptions) write(con console) error {
	files := map[string][]byte{"sshforward.yaml": []byte(o.configuration())}
	if _, err := parseConfig(files["sshforward.yaml"]); err != nil {
		return err // two answers that do not go together
	}
	names := []string{"slack-manifest.yaml", "iam-policy.json"}
	if o.table != "" {
		names = append(names, tablePolicies...)
	}
	if o.deadman {
		names = append(names, "iam-policy-deadman.json", "iam-deadman-role.json", "iam-deadman-trust.json")
	}
	for _, name := range names {
		text, err := deploy.Files.ReadFile(name)
		if err != nil {
			return err
		}
		if strings.HasSuffix(name, ".json") {
			text = []byte(o.policy(string(text)))
		}
		files[name] = text
	}
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		return err
	}
	files[".gitignore"] = []byte("# The configuration may be kept with the code, secrets and leases may not.\nkey\nslack-*-token\n*.db*\n")
	files["key"] = []byte(base64.StdEncoding.EncodeToString(key) + "\n")
	if err := os.MkdirAll(o.folder, 0o755); err != nil {
		return err
	}
	for name := range files {
		if _, err := os.Lstat(filepath.Join(o.folder, name)); !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s is there already; name another folder", filepath.Join(o.folder, name))
		}
	}
	for name, text := range files {
		mode := os.FileMode(0o644)
		if name == "key" {
			mode = 0o400
		}
		if err := os.WriteFile(filepath.Join(o.folder, name), text, mode); err != nil {
			return err
		}
	}
	return o.sayWhatFollows(con.stdout)
}

// tablePolicies are what the bot may do with its table, and in addition where it
// is to make the table itself.
var tablePolicies = []string{"iam-policy-table.json", "iam-policy-table-create.json"}

// policy makes a policy of deploy one for this bot.
func (o *initOptions) policy(text string) string {
	return strings.NewReplacer(
		"table/sshforward-prod", "table/"+o.table,
		standInAccount, o.account, "ap-northeast-1", o.region, "arn:aws:", "arn:"+partition(o.region)+":",
		`"prod"`, `"`+o.deployment+`"`, "sshforward-prod", "sshforward-"+o.deployment,
	).Replace(text)
}

// partition is what ARNs of a region begin with.
func partition(region string) string {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(region, "us-gov-"):
		return "aws-us-gov"
	}
	return "aws"
}

func (o *initOptions) sayWhatFollows(w io.Writer) error {
	out := bufio.NewWriter(w)
	config := shellWord(filepath.Join(o.folder, "sshforward.yaml"))
	fmt.Fprintf(out, "%s has the configuration, the Slack manifest, the IAM policies, and a key that signs tags: keep it.\n", o.folder)
	if o.account == standInAccount {
		fmt.Fprintf(out, "The account %s is a stand-in: replace it in the .json files, or begin again with --account.\n", standInAccount)
	}
	fmt.Fprintf(out, `
Make the Slack app from slack-manifest.yaml at https://api.slack.com/apps, install it, make an app-level token with
connections:write, and put both tokens into files of their own:

  export SLACK_BOT_TOKEN_FILE=%[1]s SLACK_APP_TOKEN_FILE=%[2]s SSHFORWARD_KEY_FILE=%[3]s

Then, with the policy attached to the role that the bot runs with:

  aws iam create-policy --policy-name sshforward-%[4]s --policy-document file://%[5]s
  %[7]s doctor --config %[6]s
  %[7]s serve --config %[6]s
`, shellWord(filepath.Join(o.folder, "slack-bot-token")), shellWord(filepath.Join(o.folder, "slack-app-token")),
		shellWord(filepath.Join(o.folder, "key")), o.deployment, shellWord(filepath.Join(o.folder, "iam-policy.json")), config, calledAs())
	if o.table != "" {
		fmt.Fprintf(out, "\nThe role needs %s as well, and %s if the first replica is to make the table.\n",
			tablePolicies[0], tablePolicies[1])
	}
	if o.deadman {
		fmt.Fprint(out, "\nThe dead-man switch needs a role of its own: deploy/README.md has the two commands for it.\n")
	}
	return out.Flush()
}

// calledAs is how the program can be called again: by its name where that is
// found, else as it was called now.
func calledAs() string {
	switch _, err := exec.LookPath("sshforward"); {
	case err == nil:
		return "sshforward"
	case strings.Contains(os.Args[0], "go-build"): // go run, which keeps no program
		return "go run ./cmd/sshforward"
	}
	return shellWord(os.Args[0])
}

// shellWord quotes a path where a shell would take it apart.
func shellWord(path string) string {
	if regexp.MustCompile(`^[\w./@%+=:,-]+$`).MatchString(path) {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}
