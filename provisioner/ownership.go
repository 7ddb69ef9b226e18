package provisioner

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/sshforward/sshforward"
)

// Whose something is. Tags alone prove nothing: whoever may call ec2:CreateTags
// can put a lease's on anything, and take them off what has them. By structure
// something is a lease's if it has what tags cannot forge:
//
//   - a security group or a load balancer has the name that derives from the
//     deployment and the lease's id; neither can be renamed;
//   - a rule in somebody else's group lets in a group, on one tcp port: the
//     lease's own or the one that is recorded for it, and the rule is described
//     as the lease's, or recorded for it, or tagged so without a description; or a
//     group that exists no more, and then it is described as the lease's.
//
// Anybody can give such a name to something new, or describe a rule so. Hence it
// has to carry the deployment's tag as well, or be recorded in the store; what is
// recorded is the lease's whatever its tags say. The rest is left alone: it is
// never changed, and holds up no close.

// ownName is the lease that the name of a group or a load balancer says.
func ownName(deployment, name string) (lease string, ok bool) {
	id, ok := strings.CutPrefix(name, sshforward.Name(deployment, ""))
	parsed, isID := sshforward.ParseID(id)
	return id, ok && isID && parsed == id
}

// isOurs reports whether tags name the deployment. It is a proof only together
// with structure.
func (p *Provisioner) isOurs(tags map[string]string) bool { return tags[TagDeployment] == p.deployment }

// groupIn returns the group that a rule lets in on one tcp port, if it is such a
// rule. A group of another account is none: whether it exists cannot be seen.
func groupIn(r types.SecurityGroupRule) (group string, ok bool) {
	ref := r.ReferencedGroupInfo
	if ref == nil || aws.ToBool(r.IsEgress) || !isTCP(r, int(aws.ToInt32(r.FromPort))) {
		return "", false
	}
	if owner := aws.ToString(ref.UserId); owner != "" && r.GroupOwnerId != nil && owner != *r.GroupOwnerId {
		return "", false
	}
	group = aws.ToString(ref.GroupId)
	return group, group != ""
}

// ruleDescription stands on each rule of a lease.
func ruleDescription(lease string) string { return "sshforward " + lease }

// describedLease is the lease that a rule's description says. Where there is no
// description the tags say it, of what lets in the lease's own group: moto keeps
// none for a rule that lets in a group. See describedAs.
func (p *Provisioner) describedLease(r types.SecurityGroupRule) (lease string, ok bool) {
	description := aws.ToString(r.Description)
	if tags := fromEC2Tags(r.Tags); description == "" && p.isOurs(tags) {
		description = ruleDescription(tags[TagLease])
	}
	id, ok := strings.CutPrefix(description, ruleDescription(""))
	parsed, isID := sshforward.ParseID(id)
	return id, ok && isID && parsed == id
}

// describedAs reports whether a rule's description says that it is a lease's. If
// the group that it lets in is gone, nothing less proves it: rules are forgotten.
func describedAs(r types.SecurityGroupRule, lease string) bool {
	return aws.ToString(r.Description) == ruleDescription(lease)
}

// signed is the full set of a lease's tags, as the store says they should be.
func (a *account) signed(p *Provisioner, l *sshforward.Lease) map[string]string {
	return p.signing.sign(Tags(p.deployment, l), place{region: a.Region, vpc: l.Instance.VPC, group: l.Resources.GroupID})
}
