package provisioner

import (
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing/types"

	"github.com/sshforward/sshforward"
)

// evidence is all that is provably one lease's.
type evidence struct {
	stored    *sshforward.Lease // as the store has it; nil if it has none
	group     *types.SecurityGroup
	balancer  *elbtypes.LoadBalancerDescription
	rules     []types.SecurityGroupRule // in groups that are not the lease's
	ownRules  []types.SecurityGroupRule // in the lease's group, whatever their tags
	scheduled bool
	tags      []map[string]string // of each thing, those that say more first

	groupTags, balancerTags map[string]string // of these two, for the proof
	proof                   sshforward.Proof
	says                    []sshforward.TagWord // if that is not valid
}

// agreedTags are the tags of all that was seen of the lease, made one. What says more comes
// first; but a process that died while it moved the end has moved it on some
// things only. Then the clock has started if one of them says so, and the end
// is the latest that any of those says, since an end that was decided is only
// ever moved back: before the clock starts the tags say the latest possible.
func (x *evidence) agreedTags() map[string]string {
	tags := unionTags(x.tags)
	end := func(started bool) (latest string) {
		var at time.Time
		for _, t := range x.tags {
			e, err := time.Parse(time.RFC3339, t[TagExpires])
			if err == nil && (t[TagOpened] != "" || !started) && e.After(at) {
				at, latest = e, t[TagExpires]
			}
		}
		return latest
	}
	if e := end(tags[TagOpened] != ""); e != "" {
		tags[TagExpires] = e
	}
	return tags
}

// unionTags is the union of tags; of two values the earlier map's counts.
func unionTags(all []map[string]string) map[string]string {
	out := map[string]string{}
	for _, tags := range slices.Backward(all) {
		maps.Copy(out, tags)
	}
	return out
}

// withPorts adds the ports to a load balancer's tags, which do not say them.
func withPorts(tags map[string]string, b elbtypes.LoadBalancerDescription) map[string]string {
	tags = maps.Clone(tags)
	if len(b.ListenerDescriptions) == 1 && b.ListenerDescriptions[0].Listener != nil {
		l := b.ListenerDescriptions[0].Listener
		tags[TagListenerPort] = strconv.Itoa(int(l.LoadBalancerPort))
		tags[TagTargetPort] = strconv.Itoa(int(aws.ToInt32(l.InstancePort)))
	}
	return tags
}

// fill adds to the lease what AWS says of it other than by tags.
func (x *evidence) fill(l *sshforward.Lease) {
	if x.group != nil {
		l.Resources.GroupID = aws.ToString(x.group.GroupId)
		l.Instance.VPC = aws.ToString(x.group.VpcId)
	}
	if b := x.balancer; b != nil {
		l.Resources.DNSName = aws.ToString(b.DNSName)
		if len(b.Subnets) > 0 {
			l.Placement.Subnet = b.Subnets[0]
		}
		if l.Instance.ID == "" && len(b.Instances) == 1 {
			l.Instance.ID = aws.ToString(b.Instances[0].InstanceId)
		}
	}
	if len(l.Sources) > 0 {
		return
	}
	for _, r := range x.ownRules {
		if cidr, ok := admits(r, l.ListenerPort); ok && ownedBy(r, l.ID) {
			l.Sources = append(l.Sources, cidr)
		}
	}
	slices.SortFunc(l.Sources, netip.Prefix.Compare)
}

// found says what there is of the lease, and whether it is as the store says it
// should be; if that does not know the lease, as the tags say. It depends on the
// instance, which is looked at last.
func (x *evidence) found(l *sshforward.Lease, instances map[string]sshforward.Instance) sshforward.Found {
	want := l
	if x.stored != nil {
		want = x.stored.Clone()
		if x.group != nil {
			want.Resources.GroupID = l.Resources.GroupID
		}
	}
	in, known := instances[want.Instance.ID]
	if !known && x.stored != nil {
		in.PrivateIP = want.Instance.PrivateIP // gone, or not to be read just now
	}
	f := sshforward.Found{Lease: l, Group: x.group != nil, Balancer: x.balancer != nil, DeadMan: x.scheduled, Proof: x.proof, Says: x.says}
	if x.balancer != nil {
		f.Registered = slices.ContainsFunc(x.balancer.Instances, func(i elbtypes.Instance) bool {
			return aws.ToString(i.InstanceId) == want.Instance.ID
		})
		f.Widened = len(strangers(*x.balancer, want.Instance.ID)) > 0
		f.Reshaped = !isMade(*x.balancer, want)
	}
	sources := masked(want.Admitted())
	out := false // the load balancer may reach the instance
	for _, r := range x.ownRules {
		f.Unlocked = f.Unlocked || !aws.ToBool(r.IsEgress)
		if cidr, ok := opens(r, want.ListenerPort); ok && !slices.Contains(f.Ingress, cidr) {
			f.Ingress = append(f.Ingress, cidr)
		}
		cidr, admitted := admits(r, want.ListenerPort)
		switch {
		case admitted && slices.Contains(sources, cidr) && ownedBy(r, l.ID):
		case letsOut(r, want, in):
			out = true
		default:
			f.Widened = true
		}
	}
	slices.SortFunc(f.Ingress, netip.Prefix.Compare)
	for i, r := range x.rules {
		right := x.group != nil && letsIn(r, want) && (!known || slices.Contains(in.Groups, aws.ToString(r.GroupId)))
		if i == 0 || right && !f.Rule {
			l.Resources.InstanceGroupID = aws.ToString(r.GroupId)
			l.Resources.InstanceRuleID = aws.ToString(r.SecurityGroupRuleId)
		}
		f.Rule = f.Rule || right
	}
	// The way from the load balancer to the instance needs a rule at both
	// ends, and one end without the other is as good as none.
	f.Rule = f.Rule && out
	return f
}

// place is where the lease's group is.
func (x *evidence) place(region string) place {
	if x.group == nil {
		return place{region: region}
	}
	return place{region: region, vpc: aws.ToString(x.group.VpcId), group: aws.ToString(x.group.GroupId)}
}

// compare says how the tags in AWS differ from what the store says: changed by
// somebody, or only not signed with this key for this store, as after an upgrade
// or after the key was changed. What verifies was written by a bot.
func (x *evidence) compare(want map[string]string, proof sshforward.Proof) (changed, unsigned bool) {
	if proof == sshforward.ProofUnchecked {
		return false, false
	}
	differs := func(have map[string]string, keys []string) bool {
		for _, key := range keys {
			got, there := have[key]
			if key == TagStore || proof == sshforward.ProofMissing && !there {
				continue // an older version had fewer tags
			}
			if got != want[key] {
				return true
			}
		}
		return false
	}
	// A bot that died while it moved the end has left one place behind, with the
	// proof that it had; somebody else has not changed the proof with the tags.
	trusted := proof == sshforward.ProofValid || proof == sshforward.ProofElsewhere
	behind := trusted && x.groupTags[TagProof] != want[TagProof]
	onBalancer, balancerProof := balancerKeys, x.balancerTags[TagProof]
	if x.stored.Resources.BalancerTagsFull { // what moves could not be written there
		onBalancer, balancerProof = identityKeys, want[TagProof]
	}
	changed = !behind && differs(x.groupTags, signedTags) || differs(x.balancerTags, onBalancer)
	unsigned = proof != sshforward.ProofValid || x.groupTags[TagProof] != want[TagProof] || balancerProof != want[TagProof]
	return changed, unsigned && !changed
}
