package provisioner_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/internal/testenv"
	"github.com/sshforward/sshforward/provisioner"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

const deployment = "test"

// world is an AWS, real enough, with a network in it, a Provisioner under test
// and an onlooker's clients.
type world struct {
	testing.TB
	ctx    context.Context
	kind   string
	opts   worldOptions
	region string
	wire   *wire
	cloud  *fakeaws.Cloud // nil in moto

	p     *provisioner.Provisioner
	calls *calls
	ec2   *ec2.Client
	elb   *elb.Client
	sched *scheduler.Client

	vpc, public, private, group string
	web, app                    string // instances "web-1" and "app-1"
}

type worldOptions struct {
	region   string
	accounts []provisioner.Account
	fake     fakeaws.Options
	lookup   func(ctx context.Context, host string) ([]string, error) // instead of the fake's
	log      slog.Handler
	signing  *provisioner.Signing // nil: with testKey for testStore
}

const testStore = "store-of-the-test"

var testKey = []byte("a key that is for the tests alone")

// newWorld is one on fakeaws, or on what is at the end of rt if cloud is nil.
func newWorld(t testing.TB, kind string, cloud *fakeaws.Cloud, rt http.RoundTripper, o worldOptions) *world {
	o = o.withDefaults()
	w := &world{TB: t, ctx: t.Context(), kind: kind, opts: o, region: o.region, wire: &wire{next: rt}, cloud: cloud, calls: &calls{}}
	cfg := w.config()
	w.ec2, w.elb, w.sched = ec2.NewFromConfig(cfg), elb.NewFromConfig(cfg), scheduler.NewFromConfig(cfg)
	w.restart()
	return w
}

// config is the onlooker's, past what goes wrong on the wire.
func (w *world) config() aws.Config {
	cfg := aws.Config{
		Region:      w.region,
		Credentials: credentials.NewStaticCredentialsProvider("AKIATEST", "secret", ""),
		HTTPClient:  &http.Client{Transport: w.wire.next},
	}
	return cfg
}

// restart makes a Provisioner that knows nothing of what was before.
func (w *world) restart() { w.p = w.another(deployment) }

// another is the Provisioner of a deployment, which may be another one than
// that under test.
func (w *world) another(deployment string) *provisioner.Provisioner {
	w.Helper()
	o := provisioner.Options{
		Deployment: deployment, Accounts: w.opts.accounts, OnCall: w.calls.add,
		Signing:    *cmp.Or(w.opts.signing, &provisioner.Signing{Key: testKey, Store: testStore}),
		HTTPClient: &http.Client{Transport: w.wire}, Logger: slog.New(w.opts.log),
	}
	if w.cloud != nil {
		o.Resolver = w.cloud.LookupHost
	}
	if w.opts.lookup != nil {
		o.Resolver = w.opts.lookup
	}
	p, err := provisioner.New(w.ctx, o)
	if err != nil {
		w.Fatal(err)
	}
	return p
}

// newFake is a world in fakeaws. It belongs in a synctest bubble.
func newFake(t testing.TB, o worldOptions) *world {
	o = o.withDefaults()
	o.fake.Region = o.region
	cloud := fakeaws.New(o.fake)
	n := cloud.Home().FieldNote()
	w := newWorld(t, "fakeaws", cloud, cloud.HTTPClient().Transport, o)
	for _, a := range o.accounts {
		if a.DeadMan != nil {
			cloud.AddRole(a.DeadMan.RoleARN, "scheduler.amazonaws.com")
			cloud.AddRole(othersRole, "scheduler.amazonaws.com")
		}
	}
	w.vpc, w.public, w.private, w.group, w.web, w.app = n.VPC, n.Public, n.Private, n.Group, n.Web, n.App
	return w
}

// notOnMoto is why tests on moto are left out under the race detector.
const notOnMoto = "fakeaws has the same calls, and mototest asks a server of moto's"

// both runs a test in both worlds, beside all others that do. What moto says of
// the calls does not depend on the race detector, and moto is slow.
func both(t *testing.T, o worldOptions, test func(w *world)) {
	t.Parallel()
	inFakeNamed(t, "fakeaws", o, test)
	t.Run("moto", func(t *testing.T) {
		t.Parallel()
		testenv.SkipRaced(t, notOnMoto)
		test(newMoto(t, o))
	})
}

func inFake(t *testing.T, o worldOptions, test func(w *world)) {
	synctest.Test(t, func(t *testing.T) { test(newFake(t, o)) })
}

// sleep waits as a keeper would; moto has no delays to wait for.
func (w *world) sleep(d time.Duration) {
	if w.cloud == nil {
		d = min(d, 20*time.Millisecond)
	}
	time.Sleep(d)
}

// lease asks for a forward to an instance, as far as preflight.
func (w *world) lease(ref string) *sshforward.Lease {
	w.Helper()
	found, err := w.p.Find(w.ctx, ref, nil)
	if err != nil || len(found) != 1 {
		w.Fatalf("find %s: %v, %v", ref, found, err)
	}
	place, err := w.p.Preflight(w.ctx, found[0], nil)
	if err != nil {
		w.Fatalf("preflight: %v", err)
	}
	now := time.Now()
	return &sshforward.Lease{
		ID: "k7m2q9x", State: sshforward.Opening, Team: "T0", Owner: "U0ALICE", Channel: "C0DEV",
		Terms: sshforward.Terms{
			Instance: found[0], Placement: place, ListenerPort: 22, TargetPort: 22, SSHUser: "ec2-user",
			Sources:  []netip.Prefix{netip.MustParsePrefix("203.0.113.7/32"), netip.MustParsePrefix("203.0.113.64/28")},
			Duration: time.Hour, Max: 8 * time.Hour,
		},
		RequestedAt: now, OpenBy: now.Add(10 * time.Minute),
		Outbox: sshforward.Outbox{Card: sshforward.Card{Channel: "C0DEV", TS: "1712345678.000100"}},
	}
}

// openStages are the stages that a Provisioner does.
var openStages = sshforward.Stages[1:]

// enter puts the lease into a stage as the keeper does.
func enter(l *sshforward.Lease, s sshforward.Stage) {
	l.Stage, l.StageSince = s, time.Now()
	if s == sshforward.StageClock && l.OpenedAt.IsZero() {
		l.OpenedAt = time.Now()
		l.ExpiresAt = l.OpenedAt.Add(l.Duration)
	}
}

// do repeats one stage until it is complete.
func (w *world) do(l *sshforward.Lease) error {
	for range 500 {
		step, err := w.p.Open(w.ctx, l)
		l.Resources, l.Detail = step.Resources, step.Detail
		if err != nil {
			return err
		}
		if step.Wait == 0 {
			return nil
		}
		w.sleep(step.Wait)
	}
	return fmt.Errorf("stage %s does not end: %s", l.Stage, l.Detail)
}

// open does all stages.
func (w *world) open(l *sshforward.Lease) {
	w.Helper()
	for _, s := range openStages {
		enter(l, s)
		if err := w.do(l); err != nil {
			w.Fatalf("%s: %v", s, err)
		}
	}
	l.State = sshforward.Open
}

// close removes everything, through errors that may pass.
func (w *world) close(l *sshforward.Lease) {
	w.Helper()
	w.startClosing(l)
	for range 500 {
		step, err := w.p.Close(w.ctx, l)
		l.Resources, l.Detail = step.Resources, step.Detail
		switch {
		case err != nil && sshforward.ErrorCode(err) != sshforward.EUNAVAILABLE:
			w.Fatalf("close: %v", err)
		case err != nil:
			w.sleep(time.Second)
		case step.Wait == 0:
			return
		default:
			w.sleep(step.Wait)
		}
	}
	w.Fatalf("closing does not end: %s", l.Detail)
}

func (w *world) startClosing(l *sshforward.Lease) {
	if l.State == sshforward.Closing {
		return
	}
	l.State, l.Stage, l.ClosingAt = sshforward.Closing, "", time.Now()
	if w.cloud == nil {
		l.ClosingAt = l.ClosingAt.Add(-time.Minute) // moto shows at once what there is
	}
}

// leftovers lists what carries the deployment's tag: what is there in fakeaws,
// also what its API does not show yet, and what the API shows of moto.
func (w *world) leftovers() []string {
	w.Helper()
	if w.cloud != nil {
		return w.cloud.Leftovers(provisioner.TagDeployment, deployment)
	}
	f := []types.Filter{{Name: aws.String("tag:" + provisioner.TagDeployment), Values: []string{deployment}}}
	var out []string
	for _, g := range must(w.ec2.DescribeSecurityGroups(w.ctx, &ec2.DescribeSecurityGroupsInput{Filters: f})).SecurityGroups {
		out = append(out, "group "+*g.GroupName)
	}
	for _, r := range must(w.ec2.DescribeSecurityGroupRules(w.ctx, &ec2.DescribeSecurityGroupRulesInput{Filters: f})).SecurityGroupRules {
		out = append(out, "rule in "+*r.GroupId)
	}
	for _, b := range must(w.elb.DescribeLoadBalancers(w.ctx, &elb.DescribeLoadBalancersInput{})).LoadBalancerDescriptions {
		if strings.HasPrefix(*b.LoadBalancerName, "sshforward-") {
			out = append(out, "balancer "+*b.LoadBalancerName)
		}
	}
	for _, s := range must(w.sched.ListSchedules(w.ctx, &scheduler.ListSchedulesInput{})).Schedules {
		out = append(out, "schedule "+*s.Name)
	}
	return out
}

// foreign is all that is there and not ours, as text, to see that it is the same
// again. In moto nothing may be ours when it is asked for.
func (w *world) foreign() string {
	w.Helper()
	if w.cloud != nil {
		return w.cloud.Foreign(provisioner.TagDeployment, deployment)
	}
	groups := must(w.ec2.DescribeSecurityGroups(w.ctx, &ec2.DescribeSecurityGroupsInput{})).SecurityGroups
	balancers := must(w.elb.DescribeLoadBalancers(w.ctx, &elb.DescribeLoadBalancersInput{})).LoadBalancerDescriptions
	instances := must(w.ec2.DescribeInstances(w.ctx, &ec2.DescribeInstancesInput{})).Reservations
	slices.SortFunc(groups, func(x, y types.SecurityGroup) int { return strings.Compare(*x.GroupId, *y.GroupId) })
	return string(must(json.MarshalIndent([]any{groups, balancers, instances}, "", " ")))
}

// clean fails the test unless nothing is left and nothing else was touched.
func (w *world) clean(before string) {
	w.Helper()
	if left := w.leftovers(); len(left) > 0 {
		w.Errorf("left over: %q", left)
	}
	if after := w.foreign(); after != before {
		w.Errorf("what is not ours has changed:\n%s\nwas:\n%s", after, before)
	}
}

// wantCode fails the test unless err has the code and a sentence for people.
func (w *world) wantCode(err error, code string) {
	w.Helper()
	if got := sshforward.ErrorCode(err); got != code {
		w.Fatalf("code %q, want %q: %v", got, code, err)
	}
	if _, ok := errors.AsType[*sshforward.Error](err); err != nil && !ok {
		w.Errorf("no sentence for people: %v", err)
	}
}

// withDeadMan is a world whose account has a dead-man switch.
func withDeadMan() worldOptions {
	return worldOptions{accounts: []provisioner.Account{{
		Name: "main", Region: fakeaws.DefaultRegion, SSHUser: "ec2-user",
		DeadMan: &provisioner.DeadMan{RoleARN: "arn:aws:iam::123456789012:role/sshforward-deadman", Grace: 5 * time.Minute},
	}}}
}
