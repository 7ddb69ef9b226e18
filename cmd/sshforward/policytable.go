package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/spf13/cobra"

	"github.com/sshforward/sshforward"
)

// policyTable says what is to become of requests, as deploy/policy-table.example.yaml.
type policyTable struct {
	Groups map[person][]person `yaml:"groups"`
	Guests []person            `yaml:"guests"`
	Cases  []policyCase        `yaml:"cases"`
}

func (t policyTable) people() knownPeople { return knownPeople{groups: t.Groups, guests: t.Guests} }

// policyCase is one request and what is to become of it.
type policyCase struct {
	Who      person     `yaml:"who"`
	Tags     tagMap     `yaml:"tags"`
	From     *prefix    `yaml:"from"`
	For      duration   `yaml:"for"`
	Because  string     `yaml:"because"`
	Urgent   bool       `yaml:"urgent"`
	Port     port       `yaml:"port"`
	Account  string     `yaml:"account"`
	VPC      vpcID      `yaml:"vpc"`
	Instance instanceID `yaml:"instance"`
	Want     string     `yaml:"want"`
}

// caseResult is one line of the answer.
type caseResult struct {
	Case int    `json:"case"`
	Who  string `json:"who"`
	Asks string `json:"asks"`
	Want string `json:"want"`
	Got  string `json:"got"`
	Rule string `json:"rule,omitempty"`
	OK   bool   `json:"ok"`
}

func newPolicyTest(con console) *cobra.Command {
	var (
		config, file string
		asJSON       bool
	)
	c := &cobra.Command{
		Use:   "test FILE",
		Short: "Say of each request in a table whether the policy does with it what the table says",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return errors.New("say which table; deploy/policy-table.example.yaml shows one")
			}
			file = args[0]
			return nil
		},
		RunE: func(c *cobra.Command, _ []string) error { return testPolicy(c.Context(), config, file, asJSON, con) },
	}
	configFlag(c, &config)
	c.Flags().BoolVar(&asJSON, "json", false, "one JSON object a line")
	return c
}

// testPolicy fails if a case ends otherwise than the table says.
func testPolicy(ctx context.Context, configFile, file string, asJSON bool, con console) error {
	c, err := readConfig(configFile)
	if err != nil {
		return err
	}
	table, err := readTable(file, c)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	policy, timing := c.Policy.policy(c.Slack.Admins), c.Timing.timing()
	var results []caseResult
	wrong := 0
	for i, k := range table.Cases {
		l := k.request(c)
		ruling := policy.Rule(ctx, table.people(), l, timing)
		r := caseResult{Case: i + 1, Who: string(k.Who), Asks: asks(l), Want: k.Want, Got: ruling.String(), Rule: ruling.Rule}
		if r.OK = k.met(ruling); !r.OK {
			wrong++
		}
		results = append(results, r)
	}
	if asJSON {
		err = writeJSON(con.stdout, results)
	} else {
		err = printResults(con.stdout, results)
	}
	if err == nil && wrong > 0 {
		err = fmt.Errorf("%d of %d cases end otherwise than the table says", wrong, len(results))
	}
	return err
}

func printResults(w io.Writer, results []caseResult) error {
	for _, r := range results {
		text := fmt.Sprintf("ok    %d %s %s: %s", r.Case, r.Who, r.Asks, r.Got)
		if !r.OK {
			text = fmt.Sprintf("WRONG %d %s %s: want %s, is %s", r.Case, r.Who, r.Asks, r.Want, r.Got)
		}
		if r.Rule != "" {
			text += " (rule " + r.Rule + ")"
		}
		if _, err := fmt.Fprintln(w, printable(text)); err != nil {
			return err
		}
	}
	return nil
}

// readTable reads a table, or the list of its cases alone.
func readTable(file string, c *config) (policyTable, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return policyTable{}, err
	}
	parsed, err := parser.ParseBytes(text, 0)
	if err != nil {
		return policyTable{}, where(err)
	}
	var table policyTable
	into := any(&table)
	if len(parsed.Docs) > 0 && parsed.Docs[0].Body != nil && parsed.Docs[0].Body.Type() == ast.SequenceType {
		into = &table.Cases
	}
	if err := yaml.NewDecoder(bytes.NewReader(text), yaml.DisallowUnknownField()).Decode(into); err != nil && !errors.Is(err, io.EOF) {
		return table, where(err)
	}
	if len(table.Cases) == 0 {
		return table, errors.New("there is no case in it; write for example: cases: [{who: U0ANN, tags: {Env: prod}, for: 1h, want: approve 1}]")
	}
	for i, k := range table.Cases {
		if err := k.check(c); err != nil {
			return table, fmt.Errorf("case %d: %w", i+1, err)
		}
	}
	return table, nil
}

func (k policyCase) check(c *config) error {
	var n int
	_, counts := fmt.Sscanf(k.Want, "approve %d", &n)
	switch {
	case k.Who == "" || sshforward.IsGroup(string(k.Who)):
		return errors.New("who: say which person, for example: who: U0ANN")
	case k.Account != "" && !slices.ContainsFunc(c.AWS, func(a awsConfig) bool { return a.Name == k.Account }):
		return fmt.Errorf("account: there is no account called %q under aws", k.Account)
	case k.Want == "allow", k.Want == "deny", strings.HasPrefix(k.Want, "deny because "):
		return nil
	case counts == nil && n > 0 && k.Want == fmt.Sprintf("approve %d", n):
		return nil
	}
	return fmt.Errorf("want: %q is none of allow, approve N, deny and deny because …", k.Want)
}

// request is the lease that the case asks for.
func (k policyCase) request(c *config) *sshforward.Lease {
	in := sshforward.Instance{
		Account: cmp.Or(k.Account, c.AWS[0].Name), ID: cmp.Or(string(k.Instance), "i-0123456789abcdef0"), VPC: string(k.VPC),
		Tags: k.Tags, Running: true,
	}
	l := c.asking(string(k.Who), in)
	l.Because, l.Urgent = k.Because, k.Urgent
	l.TargetPort = cmp.Or(int(k.Port), l.TargetPort)
	l.Duration = cmp.Or(time.Duration(k.For), l.Duration)
	if k.From != nil {
		l.Sources = []netip.Prefix{netip.Prefix(*k.From)}
	}
	return l
}

// met reports whether a ruling is what the case wants. Of a denial the words that
// are given have to be in the reason.
func (k policyCase) met(r sshforward.Ruling) bool {
	if !strings.HasPrefix(k.Want, "deny") {
		return k.Want == r.String()
	}
	words := strings.TrimSpace(strings.TrimPrefix(strings.TrimPrefix(k.Want, "deny"), " because"))
	return r.Refused != nil && !r.Unknown() && strings.Contains(strings.ToLower(r.String()), strings.ToLower(strings.TrimSuffix(words, "…")))
}

// asks is a request in words.
func asks(l *sshforward.Lease) string {
	text := describeTags(l.Instance.Tags, " ")
	if text == "" {
		text = "no tags"
	}
	text += " for " + sshforward.FormatDuration(l.Duration)
	if from := sshforward.FormatSources(l.Sources); from != "" {
		text += " from " + from
	}
	if l.Urgent {
		text += " urgent"
	}
	return text
}
