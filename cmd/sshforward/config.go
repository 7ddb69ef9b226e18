package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/sshforward/sshforward"
)

// config is the configuration file, as in deploy/sshforward.example.yaml.
// Secrets are not in it: see tokens.
type config struct {
	Deployment string       `yaml:"deployment"`
	Store      storeConfig  `yaml:"store"`
	Slack      slackConfig  `yaml:"slack"`
	AWS        []awsConfig  `yaml:"aws"`
	Policy     policyConfig `yaml:"policy"`
	Timing     timingConfig `yaml:"timing"`
	Audit      struct {
		Stdout bool `yaml:"stdout"`
	} `yaml:"audit"`
	Listen string     `yaml:"listen"`
	TLS    *tlsConfig `yaml:"tls"`
}

type awsConfig struct {
	Name         string         `yaml:"name"`
	Region       string         `yaml:"region"`
	RoleARN      string         `yaml:"role_arn"`
	ExternalID   string         `yaml:"external_id"`
	ListenerPort port           `yaml:"listener_port"`
	SSHUser      string         `yaml:"ssh_user"`
	HostKeyAlias string         `yaml:"host_key_alias"`
	WaitDNS      *pause         `yaml:"wait_dns"`
	Tags         extraTags      `yaml:"tags"`
	Subnets      []subnetID     `yaml:"subnets"`
	DeadMan      *deadManConfig `yaml:"deadman"`
	Price        *struct {
		LoadBalancer float64 `yaml:"load_balancer"`
		Address      float64 `yaml:"address"`
	} `yaml:"price"`
}

type deadManConfig struct {
	RoleARN string `yaml:"role_arn"`
	Grace   *pause `yaml:"grace"`
}

// defaultGrace is how long after the end of a lease the dead-man switch waits
// for the bot to have done it.
const defaultGrace = 5 * time.Minute

// defaultWaitDNS is how long an opening waits for its name to resolve.
const defaultWaitDNS = 2 * time.Minute

// readConfig reads and checks the configuration, from a file or a variable, see
// [configSource]; every error is one line that says where and what to write
// instead.
func readConfig(path string) (*config, error) {
	text, err := configText(path)
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	c, err := parseConfig(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

func configText(path string) ([]byte, error) {
	name, ok := strings.CutPrefix(path, inVariable)
	if !ok {
		return os.ReadFile(path)
	}
	text, ok := os.LookupEnv(name)
	if !ok {
		return nil, fmt.Errorf("the variable %s is not set", name)
	}
	return []byte(text), nil
}

func parseConfig(text []byte) (*config, error) {
	var c config
	decoder := yaml.NewDecoder(bytes.NewReader(text), yaml.DisallowUnknownField())
	if err := decoder.Decode(&c); err != nil && !errors.Is(err, io.EOF) {
		return nil, where(err)
	}
	if err := decoder.Decode(new(any)); !errors.Is(err, io.EOF) {
		return nil, errors.New("the file holds more than one YAML document")
	}
	if err := checkOpen(text); err != nil {
		return nil, err
	}
	return &c, c.check()
}

var (
	deploymentName = regexp.MustCompile(`^[a-z0-9-]{1,12}$`)
	channelID      = regexp.MustCompile(`^[CGD][A-Za-z0-9_]+$`)
	accountName    = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)
)

// aliasWords are what may stand in a host key alias for something else.
var aliasWords = strings.NewReplacer("{id}", "x", "{name}", "x")

// check looks at what no single value can tell, and fills in defaults.
func (c *config) check() error {
	c.Listen = cmp.Or(c.Listen, "127.0.0.1:9464")
	if !deploymentName.MatchString(c.Deployment) {
		return fmt.Errorf("deployment: %q is not a name of 1 to 12 of a-z, 0-9 and -; write for example: deployment: prod",
			c.Deployment)
	}
	if err := c.Slack.check(); err != nil {
		return err
	}
	if c.TLS != nil && (c.TLS.Certificate == "" || c.TLS.Key == "") {
		return errors.New("tls: name both files, for example: tls: {certificate: /etc/sshforward/tls.crt, key: /etc/sshforward/tls.key}")
	}
	if err := c.checkAWS(); err != nil {
		return err
	}
	if err := c.Store.check(c.AWS); err != nil {
		return err
	}
	if err := c.Policy.check(c.Slack.Channel, c.AWS); err != nil {
		return err
	}
	return c.Timing.check()
}

func (c *config) checkAWS() error {
	if len(c.AWS) == 0 {
		return errors.New("aws: there is no account; write for example: aws: [{name: main, region: ap-northeast-1}]")
	}
	seen := make(map[string]bool)
	for i := range c.AWS {
		a := &c.AWS[i]
		a.ListenerPort = cmp.Or(a.ListenerPort, 22)
		a.SSHUser = cmp.Or(a.SSHUser, "ec2-user")
		if a.WaitDNS == nil {
			d := pause(defaultWaitDNS)
			a.WaitDNS = &d
		}
		switch {
		case !accountName.MatchString(a.Name):
			return fmt.Errorf("aws[%d].name: %q is not a name; write for example: name: main", i, a.Name)
		case seen[a.Name]:
			return fmt.Errorf("aws[%d].name: there are two accounts called %q", i, a.Name)
		case a.Region == "":
			return fmt.Errorf("aws[%d].region: say which, for example: region: ap-northeast-1", i)
		case a.ExternalID != "" && a.RoleARN == "":
			return fmt.Errorf("aws[%d].external_id: it needs a role_arn to go with", i)
		case a.DeadMan != nil && !strings.HasPrefix(a.DeadMan.RoleARN, "arn:"):
			return fmt.Errorf("aws[%d].deadman.role_arn: say which role EventBridge Scheduler assumes to delete the load balancer", i)
		case !sshforward.SafeUser(a.SSHUser):
			return fmt.Errorf("aws[%d].ssh_user: %q is not a user name", i, a.SSHUser)
		}
		if alias := aliasWords.Replace(a.HostKeyAlias); alias != "" && !sshforward.SafeHostKeyAlias(alias) {
			return fmt.Errorf("aws[%d].host_key_alias: %q is not a name; write for example: host_key_alias: \"{name}.example.com\"",
				i, a.HostKeyAlias)
		}
		if err := a.Tags.check(); err != nil {
			return fmt.Errorf("aws[%d].tags: %w", i, err)
		}
		seen[a.Name] = true
	}
	return nil
}

func (c *config) prices() sshforward.Prices {
	prices := sshforward.DefaultPrices()
	for _, a := range c.AWS {
		if a.Price != nil {
			prices[a.Region] = sshforward.Price{LoadBalancer: a.Price.LoadBalancer, Address: a.Price.Address}
		}
	}
	return prices
}

func personString(p person) string { return string(p) }

func convert[A, B any](in []A, f func(A) B) []B {
	var out []B
	for _, a := range in {
		out = append(out, f(a))
	}
	return out
}
