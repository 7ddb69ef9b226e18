package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/google/go-cmp/cmp"

	"github.com/sshforward/sshforward/internal/testenv"
	"github.com/sshforward/sshforward/provisioner/mototest"
)

// shop is what another team has in the account, with the bot's tags put on it.
type shop struct {
	t                  *testing.T
	ec2                *ec2.Client
	vpc                string
	web, db, unused    string // groups
	everybody, fromWeb string // rules of the first two
	before             string // how it looked when it was tagged
}

func must[T any](t *testing.T, v T, err error) T {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func newShop(t *testing.T, c cloud, name string) *shop {
	t.Helper()
	s := &shop{t: t, ec2: ec2.NewFromConfig(mototest.Config(c.url))}
	instances, err := s.ec2.DescribeInstances(t.Context(), &ec2.DescribeInstancesInput{InstanceIds: []string{c.instance}})
	s.vpc = *must(t, instances, err).Reservations[0].Instances[0].VpcId
	s.web, s.db, s.unused = s.group(name+"-web"), s.group(name+"-db"), s.group(name+"-next")
	s.everybody = s.rule(s.web, types.IpPermission{FromPort: aws.Int32(443), ToPort: aws.Int32(443),
		IpRanges: []types.IpRange{{CidrIp: aws.String("0.0.0.0/0")}}})
	s.fromWeb = s.rule(s.db, types.IpPermission{FromPort: aws.Int32(5432), ToPort: aws.Int32(5432),
		UserIdGroupPairs: []types.UserIdGroupPair{{GroupId: &s.web, Description: aws.String("app to database")}}})
	return s
}

func (s *shop) group(name string) string {
	out, err := s.ec2.CreateSecurityGroup(s.t.Context(), &ec2.CreateSecurityGroupInput{
		GroupName: &name, Description: aws.String("of the shop"), VpcId: &s.vpc,
	})
	return *must(s.t, out, err).GroupId
}

func (s *shop) rule(group string, p types.IpPermission) string {
	p.IpProtocol = aws.String("tcp")
	out, err := s.ec2.AuthorizeSecurityGroupIngress(s.t.Context(), &ec2.AuthorizeSecurityGroupIngressInput{
		GroupId: &group, IpPermissions: []types.IpPermission{p},
	})
	return *must(s.t, out, err).SecurityGroupRules[0].SecurityGroupRuleId
}

// tag puts the bot's tags on all of it, as whoever may call ec2:CreateTags can,
// and remembers how it looks then.
func (s *shop) tag(lease, owner string) {
	s.t.Helper()
	ids := []string{s.web, s.db, s.unused, s.everybody, s.fromWeb}
	_, err := s.ec2.CreateTags(s.t.Context(), &ec2.CreateTagsInput{Resources: ids, Tags: []types.Tag{
		{Key: aws.String("sshforward:deployment"), Value: aws.String("e2e")},
		{Key: aws.String("sshforward:lease"), Value: &lease},
		{Key: aws.String("sshforward:owner"), Value: &owner},
		{Key: aws.String("sshforward:expires"), Value: aws.String("2020-01-01T00:00:00Z")},
	}})
	if err != nil {
		s.t.Fatal(err)
	}
	s.before = s.state()
}

// state is all of it, as text.
func (s *shop) state() string {
	s.t.Helper()
	groups, err := s.ec2.DescribeSecurityGroups(s.t.Context(), &ec2.DescribeSecurityGroupsInput{GroupIds: []string{s.web, s.db, s.unused}})
	all := must(s.t, groups, err).SecurityGroups
	slices.SortFunc(all, func(x, y types.SecurityGroup) int { return strings.Compare(*x.GroupId, *y.GroupId) })
	rules, err := s.ec2.DescribeSecurityGroupRules(s.t.Context(), &ec2.DescribeSecurityGroupRulesInput{
		SecurityGroupRuleIds: []string{s.everybody, s.fromWeb},
	})
	text, err := json.MarshalIndent([]any{all, must(s.t, rules, err).SecurityGroupRules}, "", " ")
	return string(must(s.t, text, err))
}

func (s *shop) same() {
	s.t.Helper()
	if diff := cmp.Diff(strings.Split(s.before, "\n"), strings.Split(s.state(), "\n")); diff != "" {
		s.t.Errorf("what is another team's has changed:\n%s", diff)
	}
}

// Somebody puts the bot's tags on another team's rules and groups, with the id of
// a lease that lives or of one that nobody knows. The bot changes none of it, says
// so once, and the lease closes as ever; nor do the commands for bad days.
func TestForgedTagsEndToEnd(t *testing.T) {
	testenv.SkipRaced(t, "TestShapeEndToEnd goes the same ways")
	t.Parallel()
	clouds(t, func(t *testing.T, c cloud) {
		w := newWorld(t, c, worldOptions{})
		theirs, others := newShop(t, c, "shop"), newShop(t, c, "bank")
		others.tag("zzzzzzz", "U0EVE\u009b2J\u202e")
		id := w.open(ann, dev, c.instance+" 1h from 203.0.113.7")
		w.card(dev, id, "ssh -p 22")
		theirs.tag(id, ann)
		w.metricIs(`sshforward_unproven_resources{account="main"}`, "10")
		time.Sleep(2 * time.Second) // two sweeps, and the grace of an orphan is over

		if out, err := w.command("leases").CombinedOutput(); err != nil || strings.Count(string(out), "left alone") != 10 ||
			!strings.Contains(string(out), id) || strings.Contains(string(out), "zzzzzzz") {
			t.Errorf("leases: %v\n%s", err, out)
		}
		if out, err := w.command("sweep").CombinedOutput(); err != nil || !strings.Contains(string(out), "nothing to remove") {
			t.Errorf("sweep: %v\n%s", err, out)
		}
		if out, err := w.command("doctor").CombinedOutput(); err == nil || strings.Count(string(out), "take the tag off") != 10 {
			t.Errorf("doctor: %v\n%s", err, out)
		}
		w.slash(ann, dev, "close "+id)
		w.card(dev, id, "Closed")
		w.terminate()
		if n := strings.Count(w.log.String(), "is not provably a lease's"); n != 10 {
			t.Errorf("said %d times, want once for each of ten", n)
		}
		if strings.ContainsFunc(strings.ReplaceAll(w.log.String(), "\n", ""), unprintable) {
			t.Errorf("the log would move a terminal's cursor:\n%q", w.log)
		}
		if out, err := w.command("close", "--all").CombinedOutput(); err != nil || !strings.Contains(string(out), "nothing to remove") {
			t.Errorf("close --all: %v\n%s", err, out)
		}
		theirs.same()
		others.same()
	})
}

// metricIs waits until a line of /metrics has the value.
func (w *world) metricIs(name, want string) {
	w.t.Helper()
	got := ""
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if got = w.metric(name); got == want {
			return
		}
	}
	w.t.Errorf("%s is %q, want %q", name, got, want)
}
