package fakeaws_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

const otherAccount = "210987654321"

func TestAssumeRoleLeadsIntoAnotherAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, fakeaws.Options{})
		there := b.cloud.Region(otherAccount, "eu-west-1")
		vpc := there.AddVPC("10.9.0.0/16", nil)

		cfg := config(b.cloud)
		cfg.Region = "eu-west-1"
		cfg.Credentials = aws.NewCredentialsCache(stscreds.NewAssumeRoleProvider(b.sts, "arn:aws:iam::"+otherAccount+":role/ops/sshforward",
			func(o *stscreds.AssumeRoleOptions) { o.RoleSessionName = "test" }))
		out, err := ec2.NewFromConfig(cfg).DescribeVpcs(t.Context(), &ec2.DescribeVpcsInput{})
		b.ok(err)
		if len(out.Vpcs) != 1 || *out.Vpcs[0].VpcId != vpc || *out.Vpcs[0].OwnerId != otherAccount {
			t.Errorf("VPCs: %+v", out.Vpcs)
		}
		who, err := sts.NewFromConfig(cfg).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
		b.ok(err)
		if *who.Account != otherAccount || *who.Arn != "arn:aws:sts::"+otherAccount+":assumed-role/sshforward/test" {
			t.Errorf("identity: %s", *who.Arn)
		}
		calls := b.cloud.Calls()
		if c := calls[len(calls)-1]; c.Account != otherAccount || c.Region != "eu-west-1" {
			t.Errorf("call recorded for %s in %s", c.Account, c.Region)
		}
	})
}

func TestSessionsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, fakeaws.Options{})
		out, err := b.sts.AssumeRole(b.ctx, &sts.AssumeRoleInput{
			RoleArn: aws.String("arn:aws:iam::" + otherAccount + ":role/r"), RoleSessionName: aws.String("s"), DurationSeconds: aws.Int32(900),
		})
		b.ok(err)
		cr := out.Credentials
		if left := time.Until(*cr.Expiration); left != 15*time.Minute {
			t.Errorf("lasts %v", left)
		}
		cfg := config(b.cloud)
		use := func(token string) (ec2Code, elbCode string) {
			cfg.Credentials = credentials.NewStaticCredentialsProvider(*cr.AccessKeyId, *cr.SecretAccessKey, token)
			_, err1 := ec2.NewFromConfig(cfg).DescribeVpcs(b.ctx, &ec2.DescribeVpcsInput{})
			_, err2 := elb.NewFromConfig(cfg).DescribeLoadBalancers(b.ctx, &elb.DescribeLoadBalancersInput{})
			return code(err1), code(err2)
		}
		if x, y := use(*cr.SessionToken); x != "" || y != "" {
			t.Errorf("fresh: %s, %s", x, y)
		}
		if x, y := use("forged"); x != "AuthFailure" || y != "InvalidClientTokenId" {
			t.Errorf("forged: %s, %s", x, y)
		}
		time.Sleep(15 * time.Minute)
		if x, y := use(*cr.SessionToken); x != "RequestExpired" || y != "ExpiredToken" {
			t.Errorf("expired: %s, %s", x, y)
		}
	})
}

func TestRolesThatRefuse(t *testing.T) {
	b := newBench(t, fakeaws.Options{})
	const role = "arn:aws:iam::" + otherAccount + ":role/r"
	assume := func(externalID *string) string {
		_, err := b.sts.AssumeRole(b.ctx, &sts.AssumeRoleInput{
			RoleArn: aws.String(role), RoleSessionName: aws.String("s"), ExternalId: externalID,
		})
		return code(err)
	}
	b.cloud.RequireExternalID(role, "secret-handshake")
	for _, tt := range []struct {
		id   *string
		want string
	}{{nil, "AccessDenied"}, {aws.String("wrong"), "AccessDenied"}, {aws.String("secret-handshake"), ""}} {
		if got := assume(tt.id); got != tt.want {
			t.Errorf("external id %q: %q, want %q", aws.ToString(tt.id), got, tt.want)
		}
	}
	b.cloud.DenyRole(role)
	if got := assume(aws.String("secret-handshake")); got != "AccessDenied" {
		t.Errorf("denied role: %q", got)
	}
	b.cloud.AllowRole(role)
	if got := assume(aws.String("secret-handshake")); got != "" {
		t.Errorf("allowed again: %q", got)
	}
}

func TestDeny(t *testing.T) {
	b := newBench(t, fakeaws.Options{Deny: []string{"ec2:CreateSecurityGroup", "elasticloadbalancing:Describe*", "sts:*"}})
	create := func(dry bool) string {
		_, err := b.ec2.CreateSecurityGroup(b.ctx, &ec2.CreateSecurityGroupInput{
			GroupName: aws.String("g"), Description: aws.String("g"), VpcId: &b.note.VPC, DryRun: &dry,
		})
		return code(err)
	}
	if got := create(false); got != "UnauthorizedOperation" {
		t.Errorf("EC2: %s", got)
	}
	if got := create(true); got != "UnauthorizedOperation" {
		t.Errorf("EC2, dry: %s", got)
	}
	_, err := b.elb.DescribeLoadBalancers(b.ctx, &elb.DescribeLoadBalancersInput{})
	b.want(err, "AccessDenied")
	_, err = b.ec2.DescribeVpcs(b.ctx, &ec2.DescribeVpcsInput{})
	b.ok(err)
	_, err = b.sts.GetCallerIdentity(b.ctx, &sts.GetCallerIdentityInput{}) // cannot be denied
	b.ok(err)

	b.cloud.Allow("ec2:CreateSecurityGroup")
	if got := create(true); got != "DryRunOperation" {
		t.Errorf("allowed, dry: %s", got)
	}
	if n := len(b.cloud.Leftovers("none", "")); n != 0 || create(false) != "" {
		t.Error("allowed, but does not work")
	}
}

func TestWhatIsNotThere(t *testing.T) {
	b := newBench(t, fakeaws.Options{})
	_, err := b.ec2.DescribeVolumes(b.ctx, &ec2.DescribeVolumesInput{})
	b.want(err, "InvalidAction")
}
