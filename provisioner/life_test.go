package provisioner_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/internal/testenv"
	"github.com/sshforward/sshforward/provisioner"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

// maxCalls is what one whole life may cost with an instance that is in service at
// once and a name that resolves by then: people share the API's rate with the bot.
// laterCalls is the same in a process that has swept the account and knows its quota.
// What each call is for stands in docs/performance.md.
const (
	maxCalls   = 30
	laterCalls = 28
)

// asConfigured is an account as the configuration makes one that says nothing else.
func asConfigured() worldOptions {
	return worldOptions{
		fake:     fakeaws.Instant(),
		accounts: []provisioner.Account{{Name: "main", Region: fakeaws.DefaultRegion, SSHUser: "ec2-user", WaitDNS: 2 * time.Minute}},
		lookup:   func(context.Context, string) ([]string, error) { return []string{"198.51.100.7"}, nil }, // moto has no names
	}
}

func TestLife(t *testing.T) {
	both(t, asConfigured(), func(w *world) {
		before := w.foreign()
		w.calls.take()
		l := w.lease("web-1")
		again, err := w.p.Find(w.ctx, l.Instance.ID, nil) // StageCheck
		if err != nil || again[0].PrivateIP != l.Instance.PrivateIP {
			w.Fatalf("find again: %v, %v", again, err)
		}
		w.open(l)
		calls := w.calls.take()
		w.checkOpen(l)

		w.calls.take()
		w.close(l)
		closing := w.calls.take()
		checkOrder(t, closing, "elasticloadbalancing:DescribeTags", "elasticloadbalancing:DeregisterInstancesFromLoadBalancer",
			"elasticloadbalancing:DescribeInstanceHealth", "elasticloadbalancing:DeleteLoadBalancer", "ec2:DeleteSecurityGroup")
		calls = append(calls, closing...)
		w.clean(before)
		w.fewCalls(calls, maxCalls)
		w.Logf("%d calls", len(calls))
	})
}

// fewCalls: moto does not find a rule by the group that it lets in, which costs two
// more.
func (w *world) fewCalls(calls []string, most int) {
	w.Helper()
	if w.cloud == nil {
		most += 2
	}
	if len(calls) > most {
		w.Errorf("%d calls, want %d at most: %q", len(calls), most, calls)
	}
}

// A process that has been running for a while asks for less.
func TestLaterLife(t *testing.T) {
	inFake(t, asConfigured(), func(w *world) {
		w.open(w.lease("app-1"))
		w.survey(w.p)
		w.calls.take()
		l := w.lease("web-1")
		l.ID = "k7m2q9y"
		must(w.p.Find(w.ctx, l.Instance.ID, nil))
		w.open(l)
		w.close(l)
		if calls := w.calls.take(); len(calls) > laterCalls {
			w.Errorf("%d calls, want %d at most: %q", len(calls), laterCalls, calls)
		}
	})
}

// withIPv6 gives the VPC an IPv6 range.
func (w *world) withIPv6() {
	w.Helper()
	if w.cloud != nil {
		w.cloud.Home().SetIPv6(w.vpc, "2001:db8:1234:1a00::/56")
		return
	}
	must(w.ec2.AssociateVpcCidrBlock(w.ctx, &ec2.AssociateVpcCidrBlockInput{VpcId: &w.vpc, AmazonProvidedIpv6CidrBlock: aws.Bool(true)}))
}

// Where there is IPv6 a new group lets that out too, and a lease's group must
// not. It costs no more calls than elsewhere.
func TestLifeWithIPv6(t *testing.T) {
	both(t, asConfigured(), func(w *world) {
		w.withIPv6()
		vpc := must(w.ec2.DescribeVpcs(w.ctx, &ec2.DescribeVpcsInput{VpcIds: []string{w.vpc}})).Vpcs[0]
		if len(vpc.Ipv6CidrBlockAssociationSet) != 1 || !strings.HasSuffix(*vpc.Ipv6CidrBlockAssociationSet[0].Ipv6CidrBlock, "::/56") {
			w.Errorf("VPC has %v", vpc.Ipv6CidrBlockAssociationSet)
		}
		other := *must(w.ec2.CreateSecurityGroup(w.ctx, &ec2.CreateSecurityGroupInput{
			VpcId: &w.vpc, GroupName: aws.String("other"), Description: aws.String("other"),
		})).GroupId
		var out []string
		for _, r := range w.rules() {
			if *r.GroupId == other {
				out = append(out, fmt.Sprint(*r.IsEgress, *r.IpProtocol, aws.ToString(r.CidrIpv4), aws.ToString(r.CidrIpv6)))
			}
		}
		slices.Sort(out)
		if want := []string{"true-1 0.0.0.0/0", "true-1 ::/0"}; len(out) != 2 {
			w.Errorf("a new group has %q, want %q", out, want)
		}
		before := w.foreign()
		w.calls.take()
		l := w.lease("web-1")
		must(w.p.Find(w.ctx, l.Instance.ID, nil))
		w.open(l)
		calls := w.calls.take()
		w.checkOpen(l)
		if got := flags(w.found(l)); got != "balancer group registered rule" {
			w.Errorf("found %s", got)
		}
		w.calls.take()
		w.close(l)
		w.clean(before)
		w.fewCalls(append(calls, w.calls.take()...), maxCalls+1)
	})
}

// checkOrder: whose it is, then the live sessions, that they have ended, then the load balancer, and
// the group when nothing needs it any more.
func checkOrder(t testing.TB, calls []string, want ...string) {
	t.Helper()
	at := -1
	for _, c := range want {
		i := slices.Index(calls, c)
		if i <= at {
			t.Errorf("%s comes too early, or not at all: %q", c, calls)
		}
		at = i
	}
}

// checkOpen looks at everything an open lease has in AWS.
func (w *world) checkOpen(l *sshforward.Lease) {
	w.Helper()
	tags := w.tags(l)
	for _, what := range []string{"group", "rule", "balancer"} {
		got, ok := provisioner.FromTags(deployment, tags[what], w.opts.accounts[0])
		if ok && what == "balancer" { // which says whose it is and until when, and no more
			got.Instance.ID, got.Channel = l.Instance.ID, l.Channel
			if n := len(tags[what]) - len(w.opts.accounts[0].Tags); n > 6 {
				w.Errorf("the load balancer has %d tags of the bot's: %v", n, tags[what])
			}
		}
		switch {
		case !ok:
			w.Errorf("%s: tags do not say whose it is: %v", what, tags[what])
		case got.ID != l.ID || got.Owner != l.Owner || got.State != sshforward.Open,
			what != "balancer" && (got.Instance.ID != l.Instance.ID || got.Channel != l.Channel):
			w.Errorf("%s: read back from tags: %+v", what, got)
		case got.ExpiresAt.Before(l.ExpiresAt) || got.ExpiresAt.Sub(l.ExpiresAt) >= time.Second:
			w.Errorf("%s: tags say it ends at %v, want %v", what, got.ExpiresAt, l.ExpiresAt)
		}
	}

	want := []string{"false tcp 22 balancer at " + w.group, "true tcp 22 " + l.Instance.PrivateIP.String() + "/32"}
	for _, s := range l.Sources {
		want = append(want, "false tcp 22 "+s.String())
	}
	slices.Sort(want)
	rules := w.leaseRules(l)
	for end := time.Now().Add(10 * time.Second); w.cloud != nil && !slices.Equal(rules, want) && time.Now().Before(end); {
		w.sleep(time.Second) // those that let the sources in were made a moment ago
		rules = w.leaseRules(l)
	}
	if !slices.Equal(rules, want) {
		w.Errorf("rules %q, want %q", rules, want)
	}

	b := w.balancer(l)[0]
	if !slices.Equal(b.Subnets, []string{w.public}) || !slices.Equal(b.SecurityGroups, []string{l.Resources.GroupID}) {
		w.Errorf("load balancer in %v with %v", b.Subnets, b.SecurityGroups)
	}
	for i, in := range b.Instances { // moto lists one that is registered twice twice
		if *in.InstanceId != l.Instance.ID || i > 0 && w.cloud != nil {
			w.Errorf("load balancer has instance %s", *in.InstanceId)
		}
	}
	if h := b.HealthCheck; *h.Target != "TCP:22" || *h.Interval != 30 || *h.Timeout != 3 ||
		*h.HealthyThreshold != 2 || *h.UnhealthyThreshold != 10 {
		w.Errorf("health check %+v", h)
	}
	if l.Resources.DNSName != *b.DNSName || *b.DNSName == "" {
		w.Errorf("DNS name %q, want %q", l.Resources.DNSName, *b.DNSName)
	}
	a := must(w.elb.DescribeLoadBalancerAttributes(w.ctx, &elb.DescribeLoadBalancerAttributesInput{
		LoadBalancerName: b.LoadBalancerName,
	})).LoadBalancerAttributes
	if *a.ConnectionSettings.IdleTimeout != 4000 || a.ConnectionDraining.Enabled {
		w.Errorf("attributes: %+v, %+v", *a.ConnectionSettings, *a.ConnectionDraining)
	}
}

// leaseRules lists the rules of the lease, in its own group and in the instance's.
func (w *world) leaseRules(l *sshforward.Lease) []string {
	w.Helper()
	var rules []string
	for _, r := range w.rules() {
		line := fmt.Sprintf("%t %s %d", *r.IsEgress, *r.IpProtocol, *r.FromPort)
		switch {
		case *r.GroupId == l.Resources.GroupID:
			rules = append(rules, line+" "+aws.ToString(r.CidrIpv4)+aws.ToString(r.CidrIpv6))
		case r.ReferencedGroupInfo != nil && *r.ReferencedGroupInfo.GroupId == l.Resources.GroupID:
			rules = append(rules, line+" balancer at "+*r.GroupId)
		}
	}
	slices.Sort(rules)
	return rules
}

// tags are those of the lease's group, its rule in the instance's group and its
// load balancer.
func (w *world) tags(l *sshforward.Lease) map[string]map[string]string {
	w.Helper()
	out := map[string]map[string]string{"group": {}, "rule": {}, "balancer": {}}
	groups := must(w.ec2.DescribeSecurityGroups(w.ctx, &ec2.DescribeSecurityGroupsInput{GroupIds: []string{l.Resources.GroupID}}))
	for _, t := range groups.SecurityGroups[0].Tags {
		out["group"][*t.Key] = *t.Value
	}
	for _, r := range w.rules() {
		for _, t := range r.Tags {
			if *r.SecurityGroupRuleId == l.Resources.InstanceRuleID {
				out["rule"][*t.Key] = *t.Value
			}
		}
	}
	name := sshforward.Name(deployment, l.ID)
	balancers := must(w.elb.DescribeTags(w.ctx, &elb.DescribeTagsInput{LoadBalancerNames: []string{name}}))
	for _, t := range balancers.TagDescriptions[0].Tags {
		out["balancer"][*t.Key] = *t.Value
	}
	return out
}

func (w *world) rules() []types.SecurityGroupRule {
	w.Helper()
	return must(w.ec2.DescribeSecurityGroupRules(w.ctx, &ec2.DescribeSecurityGroupRulesInput{})).SecurityGroupRules
}

// The rule may be gone behind our back; the end moves on the rest.
func TestExtendWithoutRule(t *testing.T) {
	inFake(t, worldOptions{}, func(w *world) {
		before := w.foreign()
		l := w.lease("web-1")
		w.open(l)
		w.cloud.Home().RemoveRule(l.Resources.InstanceRuleID)
		l.ExpiresAt = l.ExpiresAt.Add(time.Hour)
		if _, err := w.p.Extend(w.ctx, l); err != nil {
			w.Fatal(err)
		}
		for _, what := range []string{"group", "balancer"} {
			if got := w.tags(l)[what][provisioner.TagExpires]; got != l.ExpiresAt.UTC().Format(time.RFC3339) {
				w.Errorf("%s: the end is %s", what, got)
			}
		}
		w.close(l)
		w.clean(before)
	})
}

// On a middling day at AWS everything is late: groups are invisible at first,
// health and DNS take their time, interfaces linger.
func TestSlowAWS(t *testing.T) {
	o := worldOptions{
		fake:     fakeaws.Realistic(),
		accounts: []provisioner.Account{{Name: "main", Region: "ap-northeast-1", WaitDNS: 3 * time.Minute}},
	}
	for seed := range uint64(testenv.UnlessRaced(8, 2)) {
		o.fake.Seed = seed
		inFakeNamed(t, fmt.Sprint("seed ", seed), o, func(w *world) {
			before := w.foreign()
			l := w.lease("web-1")
			w.open(l)
			w.checkOpen(l)
			if _, err := w.cloud.LookupHost(w.ctx, l.Resources.DNSName); err != nil && l.ByAddress() == "" {
				w.Errorf("open, but %v", err)
			}
			w.startClosing(l)
			step, err := w.p.Close(w.ctx, l)
			if err != nil || step.Wait != 2*time.Second || step.Detail.IsZero() {
				w.Errorf("first pass: %+v, %v", step, err)
			}
			if r := step.Resources; !r.BalancerGone || !r.RuleGone || r.GroupGone {
				w.Errorf("after the first pass: %+v", r)
			}
			l.Resources = step.Resources
			w.calls.take()
			w.close(l)
			if took := time.Since(l.ClosingAt); took < o.fake.InterfaceLinger || took > o.fake.InterfaceLinger+time.Minute {
				w.Errorf("closing took %v", took)
			}
			for _, c := range w.calls.take() {
				if strings.Contains(c, "DeleteLoadBalancer") || strings.Contains(c, "Revoke") {
					w.Errorf("%s, but it was gone before", c)
				}
			}
			w.clean(before)
		})
	}
}

// Every ninth call fails, in all the ways that pass: throttling, server errors,
// connections that break before or after the effect.
func TestChaos(t *testing.T) {
	for seed := uint64(1); seed <= uint64(testenv.UnlessRaced(12, 2)); seed++ {
		o := worldOptions{fake: fakeaws.Realistic()}
		o.fake.Seed = seed
		inFakeNamed(t, fmt.Sprint("seed ", seed), o, func(w *world) {
			before := w.foreign()
			l := w.lease("web-1")
			chaos := fakeaws.NewChaos(seed, 0.3)
			w.cloud.SetFault(chaos.Fault)
			for _, s := range openStages {
				enter(l, s)
				for try := 0; ; try++ {
					err := w.do(l)
					if err == nil {
						break
					}
					if try > 20 || sshforward.Final(err) {
						w.Fatalf("%s: %v", s, err)
					}
					w.sleep(5 * time.Second)
				}
			}
			w.close(l)
			w.cloud.SetFault(nil)
			w.clean(before)
		})
	}
}

func inFakeNamed(t *testing.T, name string, o worldOptions, test func(w *world)) {
	t.Run(name, func(t *testing.T) {
		t.Parallel()
		inFake(t, o, test)
	})
}

func BenchmarkLife(b *testing.B) {
	n := 0
	for b.Loop() {
		w := newFake(b, worldOptions{})
		l := w.lease("web-1")
		must(w.p.Find(w.ctx, l.Instance.ID, nil))
		w.open(l)
		w.close(l)
		n += len(w.calls.take())
	}
	b.ReportMetric(float64(n)/float64(b.N), "aws-calls/life")
}
