package provisioner

import (
	"context"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/sshforward/sshforward"
)

var instanceIDRE = regexp.MustCompile(`^i-[0-9a-f]{8,17}$`)

// Find implements sshforward.Provisioner. A Name is matched exactly, and only
// among instances that are not on their way out; an id finds those too. The
// result is in the order of the configured accounts, then by id.
func (p *Provisioner) Find(ctx context.Context, ref string) ([]sshforward.Instance, error) {
	ref = strings.TrimSpace(ref)
	if ref == "" {
		return nil, notFound(ref)
	}
	found := make([][]sshforward.Instance, len(p.accounts))
	errs := make([]error, len(p.accounts))
	var wg sync.WaitGroup
	for i, a := range p.accounts {
		wg.Go(func() { found[i], errs[i] = a.find(ctx, ref) })
	}
	wg.Wait()

	all := slices.Concat(found...)
	for i, err := range errs {
		if err == nil {
			continue
		}
		if len(all) == 0 {
			return nil, err
		}
		p.log.WarnContext(ctx, "an account could not be searched", "account", p.accounts[i].Name, "err", err)
	}
	if len(all) == 0 {
		return nil, notFound(ref)
	}
	return all, nil
}

func notFound(ref string) error {
	return &sshforward.Error{
		Code:    sshforward.ENOTFOUND,
		Message: fmt.Sprintf("There is no instance with the id or Name tag %q in the accounts I know.", ref),
	}
}

func (a *account) find(ctx context.Context, ref string) ([]sshforward.Instance, error) {
	in := &ec2.DescribeInstancesInput{}
	byID := instanceIDRE.MatchString(ref)
	if byID {
		in.InstanceIds = []string{ref}
	} else {
		in.Filters = []types.Filter{
			filter("tag:Name", literal.Replace(ref)),
			filter("instance-state-name", "pending", "running", "stopping", "stopped"),
		}
	}
	var out []sshforward.Instance
	for pages := ec2.NewDescribeInstancesPaginator(a.ec2, in); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if hasCode(err, "InvalidInstanceID.NotFound", "InvalidInstanceID.Malformed") {
			return nil, nil
		}
		if err != nil {
			return nil, a.failed(err, "look for the instance")
		}
		for _, r := range page.Reservations {
			for _, i := range r.Instances {
				in := a.instance(i)
				// EC2's filters match more than is equal, see literal.
				if byID || in.Name == ref {
					out = append(out, in)
				}
			}
		}
	}
	slices.SortFunc(out, func(x, y sshforward.Instance) int { return strings.Compare(x.ID, y.ID) })
	return out, nil
}

// literal keeps EC2 from reading a filter's value as a pattern.
var literal = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`)

// instance takes from EC2's description what a forward needs. The load
// balancer sends traffic to the primary address of the interface at device
// index 0, so that interface's address and groups are the ones that count.
func (a *account) instance(i types.Instance) sshforward.Instance {
	out := sshforward.Instance{
		Account: a.Name,
		Region:  a.Region,
		ID:      aws.ToString(i.InstanceId),
		VPC:     aws.ToString(i.VpcId),
		Tags:    fromEC2Tags(i.Tags),
	}
	out.Name = out.Tags["Name"]
	if i.State != nil {
		out.State = string(i.State.Name)
		out.Running = i.State.Name == types.InstanceStateNameRunning
	}
	if i.Placement != nil {
		out.Zone = aws.ToString(i.Placement.AvailabilityZone)
	}
	for _, n := range i.NetworkInterfaces {
		at := n.Attachment
		if at == nil || aws.ToInt32(at.DeviceIndex) != 0 || aws.ToInt32(at.NetworkCardIndex) != 0 {
			continue
		}
		if addr, err := netip.ParseAddr(aws.ToString(n.PrivateIpAddress)); err == nil {
			out.PrivateIP = addr
		}
		for _, g := range n.Groups {
			out.Groups = append(out.Groups, aws.ToString(g.GroupId))
		}
		break
	}
	return out
}
