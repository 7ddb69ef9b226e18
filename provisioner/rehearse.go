package provisioner

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/sshforward/sshforward"
)

// dryRun is what EC2 answers to a call that it would have carried out.
const dryRun = "DryRunOperation"

// Rehearse asks EC2, for one instance, whether it would carry out the calls of an
// opening and a close that can be asked for without effect. ELB and Scheduler
// have no such question. The error, for operators, has everything that is refused.
func (p *Provisioner) Rehearse(ctx context.Context, in sshforward.Instance) error {
	a, err := p.account(in.Account)
	if err != nil {
		return err
	}
	tags := map[string]string{TagDeployment: p.deployment}
	maps.Copy(tags, a.Tags)
	rule := []types.IpPermission{{
		IpProtocol: aws.String("tcp"), FromPort: aws.Int32(22), ToPort: aws.Int32(22),
		IpRanges: []types.IpRange{{CidrIp: aws.String(in.PrivateIP.String() + "/32")}},
	}}
	tagged := func(kind types.ResourceType) []types.TagSpecification {
		return []types.TagSpecification{{ResourceType: kind, Tags: ec2Tags(tags)}}
	}
	may := func(doing string, err error) error {
		switch {
		case hasCode(err, dryRun):
			return nil
		case hasCode(err, denied...):
			return fmt.Errorf("AWS does not let me %s; see deploy/README.md for what each statement of the policy is for", doing)
		}
		return fmt.Errorf("whether AWS lets me %s cannot be told: %w", doing, err)
	}
	_, err = a.ec2.CreateSecurityGroup(ctx, &ec2.CreateSecurityGroupInput{
		DryRun: aws.Bool(true), VpcId: aws.String(in.VPC), GroupName: aws.String(sshforward.Name(p.deployment, "doctor0")),
		Description: aws.String("never made"), TagSpecifications: tagged(types.ResourceTypeSecurityGroup),
	})
	refused := []error{may(fmt.Sprintf("make a tagged security group in %s", in.VPC), err)}

	// One of the instance's groups is enough, as when a lease is opened.
	var group string
	for _, id := range in.Groups {
		_, err = a.ec2.AuthorizeSecurityGroupIngress(ctx, &ec2.AuthorizeSecurityGroupIngressInput{
			DryRun: aws.Bool(true), GroupId: aws.String(id), IpPermissions: rule,
			TagSpecifications: tagged(types.ResourceTypeSecurityGroupRule),
		})
		if hasCode(err, dryRun) {
			group = id
			break
		}
	}
	if group == "" {
		refused = append(refused, may(fmt.Sprintf("add a rule to any group of %s (%s)", in.ID, strings.Join(in.Groups, ", ")), err))
	} else {
		_, err = a.ec2.RevokeSecurityGroupIngress(ctx, &ec2.RevokeSecurityGroupIngressInput{
			DryRun: aws.Bool(true), GroupId: aws.String(group), IpPermissions: rule,
		})
		refused = append(refused, may(fmt.Sprintf("take a rule out of %s", group), err))
	}
	return errors.Join(refused...)
}

// ClockOff is by how much the clock of AWS is ahead of this machine's, to about a
// second.
func (p *Provisioner) ClockOff(ctx context.Context, name string) (time.Duration, error) {
	a, err := p.account(name)
	if err != nil {
		return 0, err
	}
	out, err := a.sts.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return 0, a.failed(err, "ask for the time")
	}
	off, _ := awsmiddleware.GetAttemptSkew(out.ResultMetadata)
	return off, nil
}

// ClockSkew is by how much the clock of AWS is ahead of this machine's, the median of
// its last answers; false while there were too few.
func (p *Provisioner) ClockSkew() (time.Duration, bool) { return p.skew.median() }
