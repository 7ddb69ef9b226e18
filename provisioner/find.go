package provisioner

import (
	"context"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/internal/safe"
)

var instanceIDRE = regexp.MustCompile(`^i-[0-9a-f]{8,17}$`)

// stragglerTimeout is how long the other accounts have once one has answered about
// a name: one that says nothing must not keep people from what is elsewhere. An
// id is in one account, and that the others do not have it says nothing about
// the one that has not answered yet: there are idTimeout in all for that, which
// is less than a command has.
const (
	stragglerTimeout = 5 * time.Second
	idTimeout        = 20 * time.Second
)

// Find implements sshforward.Provisioner. A Name is matched exactly but for blanks
// around it, and only among instances that are not on their way out; an id finds those too. The
// result is in the order of the configured accounts, then by id. For a Name every
// account counts, and one that answers too late counts as one that could not be
// asked.
func (p *Provisioner) Find(ctx context.Context, ref string, settles func(sshforward.Instance) bool) ([]sshforward.Instance, error) {
	ref = strings.TrimSpace(ref)
	if ref == "" {
		return nil, notFound(ref)
	}
	found := make([][]sshforward.Instance, len(p.accounts))
	errs := make([]error, len(p.accounts))
	for i, a := range p.accounts {
		errs[i] = tooLate(a)
	}
	settled := false
	p.ask(ctx, ref, func(a answer) (enough bool) {
		found[a.from], errs[a.from] = a.found, a.err
		settled = instanceIDRE.MatchString(ref) && len(a.found) > 0 && (settles == nil || settles(a.found[0]))
		return settled
	})
	all := slices.Concat(found...)
	if settled {
		return all, nil
	}
	if i := slices.IndexFunc(errs, func(err error) bool { return err != nil }); i >= 0 {
		return all, errs[i]
	}
	if len(all) == 0 {
		return nil, notFound(ref)
	}
	return all, nil
}

// withBlanks are the patterns for a name with blanks around it, which nobody sees.
func withBlanks(name string) []string {
	return []string{name, "* " + name, name + " *", "* " + name + " *"}
}

// Instance implements sshforward.Finder: one call.
func (p *Provisioner) Instance(ctx context.Context, account, id string) (sshforward.Instance, error) {
	a, err := p.account(account)
	if err != nil {
		return sshforward.Instance{}, err
	}
	if !instanceIDRE.MatchString(id) {
		return sshforward.Instance{}, notFound(id)
	}
	found, err := a.find(ctx, id)
	switch {
	case err != nil:
		return sshforward.Instance{}, err
	case len(found) == 0:
		return sshforward.Instance{}, notFound(id)
	}
	return found[0], nil
}

// answer is what one account has to say.
type answer struct {
	from  int // index of the account
	found []sshforward.Instance
	err   error
}

// ask asks all accounts at once and hands on what they answer, until all have,
// or it is enough, or the stragglers' time is over.
func (p *Provisioner) ask(ctx context.Context, ref string, take func(answer) (enough bool)) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	answers := make(chan answer, len(p.accounts)) // nobody may be left to read it
	for i, a := range p.accounts {
		go func() {
			defer safe.Catch(func(err error) { answers <- answer{from: i, err: err} })
			found, err := a.find(ctx, ref)
			answers <- answer{i, found, err}
		}()
	}
	byID := instanceIDRE.MatchString(ref)
	var over <-chan time.Time
	if byID {
		over = time.After(idTimeout)
	}
	for range p.accounts {
		select {
		case a := <-answers:
			if take(a) {
				return
			}
			if a.err == nil && over == nil {
				over = time.After(stragglerTimeout)
			}
		case <-over:
			return
		}
	}
}

func tooLate(a *account) error {
	return &sshforward.Error{
		Code:    sshforward.EUNAVAILABLE,
		Message: sshforward.Textf("Account %s did not answer in time when I tried to look for the instance.", a.Name),
	}
}

func notFound(ref string) error {
	return &sshforward.Error{
		Code:    sshforward.ENOTFOUND,
		Message: sshforward.Textf("There is no instance with the id or Name tag %q in the accounts I know.", ref),
	}
}

func (a *account) find(ctx context.Context, ref string) ([]sshforward.Instance, error) {
	in := &ec2.DescribeInstancesInput{}
	byID := instanceIDRE.MatchString(ref)
	if byID {
		in.InstanceIds = []string{ref}
	} else {
		in.Filters = []types.Filter{
			filter("tag:Name", withBlanks(filterEscaper.Replace(ref))...),
			filter("instance-state-name", "pending", "running", "stopping", "stopped"),
		}
	}
	out, err := a.described(ctx, in, "look for the instance")
	if hasCode(err, instanceNotFound, "InvalidInstanceID.Malformed") {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if !byID { // EC2's filters match more than is equal, see filterEscaper
		out = slices.DeleteFunc(out, func(i sshforward.Instance) bool { return strings.TrimSpace(i.Name) != ref })
	}
	slices.SortFunc(out, func(x, y sshforward.Instance) int { return strings.Compare(x.ID, y.ID) })
	return out, nil
}

// described returns all the instances of a DescribeInstances, however many pages
// they take.
func (a *account) described(ctx context.Context, in *ec2.DescribeInstancesInput, doing string) ([]sshforward.Instance, error) {
	var out []sshforward.Instance
	for pages := ec2.NewDescribeInstancesPaginator(a.ec2, in); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, a.failed(err, doing)
		}
		for _, r := range page.Reservations {
			for _, i := range r.Instances {
				out = append(out, a.instance(i))
			}
		}
	}
	return out, nil
}

// filterEscaper keeps EC2 from reading a filter's value as a pattern.
var filterEscaper = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`)

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
