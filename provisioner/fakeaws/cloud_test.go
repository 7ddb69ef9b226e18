package fakeaws_test

import (
	"context"
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

// bench is a Cloud with the field note's network and the SDK's clients for it.
type bench struct {
	t     *testing.T
	ctx   context.Context
	cloud *fakeaws.Cloud
	home  *fakeaws.Region
	note  fakeaws.FieldNote
	ec2   *ec2.Client
	elb   *elb.Client
	sts   *sts.Client
}

func config(cloud *fakeaws.Cloud) aws.Config {
	return aws.Config{
		Region:      fakeaws.DefaultRegion,
		Credentials: credentials.NewStaticCredentialsProvider("AKIAFAKEAWS", "secret", ""),
		HTTPClient:  cloud.HTTPClient(),
		// One attempt: the tests want to see what the Cloud answers, not what
		// the SDK makes of it.
		Retryer: func() aws.Retryer { return aws.NopRetryer{} },
	}
}

func newBench(t *testing.T, o fakeaws.Options) *bench {
	t.Helper()
	cloud := fakeaws.New(o)
	cfg := config(cloud)
	return &bench{
		t: t, ctx: t.Context(), cloud: cloud, home: cloud.Home(), note: cloud.Home().FieldNote(),
		ec2: ec2.NewFromConfig(cfg), elb: elb.NewFromConfig(cfg), sts: sts.NewFromConfig(cfg),
	}
}

// code is the error code of a call; empty for success.
func code(err error) string {
	var api smithy.APIError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &api):
		return api.ErrorCode()
	default:
		return err.Error()
	}
}

func (b *bench) want(err error, wantCode string) {
	b.t.Helper()
	if got := code(err); got != wantCode {
		b.t.Fatalf("code %q, want %q (%v)", got, wantCode, err)
	}
}

func (b *bench) ok(err error) { b.t.Helper(); b.want(err, "") }

const (
	tagKey = "sshforward:lease"
	lease  = "k7m2q9"
)

func ec2Tags(kind ec2types.ResourceType) []ec2types.TagSpecification {
	return []ec2types.TagSpecification{{
		ResourceType: kind, Tags: []ec2types.Tag{{Key: aws.String(tagKey), Value: aws.String(lease)}},
	}}
}

func elbTags() []elbtypes.Tag {
	return []elbtypes.Tag{{Key: aws.String(tagKey), Value: aws.String(lease)}}
}

func tcp(port int32) ec2types.IpPermission {
	return ec2types.IpPermission{IpProtocol: aws.String("tcp"), FromPort: &port, ToPort: &port}
}

func tcpFrom(port int32, cidr string) ec2types.IpPermission {
	p := tcp(port)
	p.IpRanges = []ec2types.IpRange{{CidrIp: &cidr}}
	return p
}

func tcpOf(port int32, group string) ec2types.IpPermission {
	p := tcp(port)
	p.UserIdGroupPairs = []ec2types.UserIdGroupPair{{GroupId: &group}}
	return p
}

func (b *bench) createGroup() string {
	b.t.Helper()
	out, err := b.ec2.CreateSecurityGroup(b.ctx, &ec2.CreateSecurityGroupInput{
		GroupName: aws.String("sshforward-" + lease), Description: aws.String("lease " + lease),
		VpcId: &b.note.VPC, TagSpecifications: ec2Tags(ec2types.ResourceTypeSecurityGroup),
	})
	b.ok(err)
	return *out.GroupId
}

func (b *bench) createInput(group string) *elb.CreateLoadBalancerInput {
	return &elb.CreateLoadBalancerInput{
		LoadBalancerName: aws.String("sshforward-" + lease), Subnets: []string{b.note.Public},
		SecurityGroups: []string{group}, Tags: elbTags(),
		Listeners: []elbtypes.Listener{{
			Protocol: aws.String("TCP"), LoadBalancerPort: 22, InstanceProtocol: aws.String("TCP"), InstancePort: aws.Int32(22),
		}},
	}
}

// open does what opening a forward does, and returns the group and the name.
func (b *bench) open() (group, name string) {
	b.t.Helper()
	group = b.createGroup()
	b.letIn(group)
	in := b.createInput(group)
	_, err := b.elb.CreateLoadBalancer(b.ctx, in)
	b.ok(err)
	name = *in.LoadBalancerName
	_, err = b.elb.ConfigureHealthCheck(b.ctx, &elb.ConfigureHealthCheckInput{
		LoadBalancerName: &name, HealthCheck: &elbtypes.HealthCheck{
			Target: aws.String("TCP:22"), Interval: aws.Int32(5), Timeout: aws.Int32(3),
			HealthyThreshold: aws.Int32(2), UnhealthyThreshold: aws.Int32(2),
		},
	})
	b.ok(err)
	_, err = b.elb.ModifyLoadBalancerAttributes(b.ctx, &elb.ModifyLoadBalancerAttributesInput{
		LoadBalancerName: &name, LoadBalancerAttributes: &elbtypes.LoadBalancerAttributes{
			ConnectionSettings: &elbtypes.ConnectionSettings{IdleTimeout: aws.Int32(4000)},
			ConnectionDraining: &elbtypes.ConnectionDraining{Enabled: false},
		},
	})
	b.ok(err)
	_, err = b.elb.RegisterInstancesWithLoadBalancer(b.ctx, &elb.RegisterInstancesWithLoadBalancerInput{
		LoadBalancerName: &name, Instances: []elbtypes.Instance{{InstanceId: &b.note.Web}},
	})
	b.ok(err)
	return group, name
}

// letIn makes the rules of a forward, on both sides.
func (b *bench) letIn(group string) {
	b.t.Helper()
	_, err := b.ec2.AuthorizeSecurityGroupIngress(b.ctx, &ec2.AuthorizeSecurityGroupIngressInput{
		GroupId: &group, IpPermissions: []ec2types.IpPermission{tcpFrom(22, "203.0.113.7/32")},
	})
	b.ok(err)
	_, err = b.ec2.RevokeSecurityGroupEgress(b.ctx, &ec2.RevokeSecurityGroupEgressInput{
		GroupId: &group, IpPermissions: []ec2types.IpPermission{{
			IpProtocol: aws.String("-1"), IpRanges: []ec2types.IpRange{{CidrIp: aws.String("0.0.0.0/0")}},
		}},
	})
	b.ok(err)
	_, err = b.ec2.AuthorizeSecurityGroupEgress(b.ctx, &ec2.AuthorizeSecurityGroupEgressInput{
		GroupId: &group, IpPermissions: []ec2types.IpPermission{tcpFrom(22, "10.1.2.94/32")},
	})
	b.ok(err)
	_, err = b.ec2.AuthorizeSecurityGroupIngress(b.ctx, &ec2.AuthorizeSecurityGroupIngressInput{
		GroupId: &b.note.Group, IpPermissions: []ec2types.IpPermission{tcpOf(22, group)},
		TagSpecifications: ec2Tags(ec2types.ResourceTypeSecurityGroupRule),
	})
	b.ok(err)
}

func (b *bench) health(name string) elbtypes.InstanceState {
	b.t.Helper()
	out, err := b.elb.DescribeInstanceHealth(b.ctx, &elb.DescribeInstanceHealthInput{LoadBalancerName: &name})
	b.ok(err)
	if len(out.InstanceStates) != 1 {
		b.t.Fatalf("%d instance states, want 1", len(out.InstanceStates))
	}
	return out.InstanceStates[0]
}

func (b *bench) deleteGroup(id string) error {
	_, err := b.ec2.DeleteSecurityGroup(b.ctx, &ec2.DeleteSecurityGroupInput{GroupId: &id})
	return err
}
