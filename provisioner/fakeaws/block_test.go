package fakeaws_test

import (
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

// blocked expects that nobody gets in although the health check passes.
func (b *bench) blocked(name string, want bool) {
	b.t.Helper()
	if h := b.health(name); *h.State != "InService" {
		b.t.Errorf("health: %s, %s", *h.State, *h.Description)
	}
	if _, err := b.home.Route(name, client, 22); errors.Is(err, fakeaws.ErrFiltered) != want {
		b.t.Errorf("blocked %t, want %t: %v", !want, want, err)
	}
}

func TestBlockPublicAccess(t *testing.T) {
	for _, tt := range []struct {
		name            string
		set             func(b *bench)
		vpc, public     string
		otherVPCBlocked bool
	}{
		{"off", func(*bench) {}, "off", "off", false},
		{"in the account", func(b *bench) { b.home.SetBlockPublicAccess("", fakeaws.BlockBidirectional) },
			"block-bidirectional", "block-bidirectional", true},
		{"ingress alone", func(b *bench) { b.home.SetBlockPublicAccess("", fakeaws.BlockIngress) }, "block-ingress", "block-ingress", true},
		{"with the VPC excluded", func(b *bench) {
			b.home.SetBlockPublicAccess("", fakeaws.BlockBidirectional)
			b.home.SetBlockPublicAccess(b.note.VPC, fakeaws.BlockOff)
		}, "off", "off", true},
		{"with the subnet excluded", func(b *bench) {
			b.home.SetBlockPublicAccess("", fakeaws.BlockBidirectional)
			b.home.SetBlockPublicAccess(b.note.Public, fakeaws.BlockOff)
		}, "block-bidirectional", "off", true},
		{"in the subnet", func(b *bench) { b.home.SetBlockPublicAccess(b.note.Public, fakeaws.BlockIngress) }, "off", "block-ingress", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t, fakeaws.Options{})
			other := b.home.AddVPC("10.7.0.0/16", nil)
			tt.set(b)
			_, name := b.open()
			b.blocked(name, tt.public != "off")

			subnets, err := b.ec2.DescribeSubnets(b.ctx, &ec2.DescribeSubnetsInput{SubnetIds: []string{b.note.Public}})
			b.ok(err)
			if got := subnets.Subnets[0].BlockPublicAccessStates.InternetGatewayBlockMode; got != ec2types.BlockPublicAccessMode(tt.public) {
				t.Errorf("the subnet says %q, want %q", got, tt.public)
			}
			vpcs, err := b.ec2.DescribeVpcs(b.ctx, &ec2.DescribeVpcsInput{VpcIds: []string{b.note.VPC, other}})
			b.ok(err)
			if got := vpcs.Vpcs[0].BlockPublicAccessStates.InternetGatewayBlockMode; got != ec2types.BlockPublicAccessMode(tt.vpc) {
				t.Errorf("the VPC says %q, want %q", got, tt.vpc)
			}
			if got := vpcs.Vpcs[1].BlockPublicAccessStates.InternetGatewayBlockMode; (got != "off") != tt.otherVPCBlocked {
				t.Errorf("the other VPC says %q", got)
			}
		})
	}
}

func TestNetworkACLs(t *testing.T) {
	for _, tt := range []struct {
		name    string
		set     func(b *bench) string
		entries int
		blocks  bool
	}{
		{"the default one", func(*bench) string { return "" }, 4, false},
		{"that blocks the port", func(b *bench) string { return b.home.BlockPort(b.note.Public, 22) }, 5, true},
		{"that blocks another port", func(b *bench) string { return b.home.BlockPort(b.note.Public, 443) }, 5, false},
		{"that blocks the answers", func(b *bench) string { return b.home.BlockAnswers(b.note.Public) }, 5, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t, fakeaws.Options{})
			_, name := b.open()
			id := tt.set(b)
			b.blocked(name, tt.blocks)
			filter := "association.subnet-id"
			out, err := b.ec2.DescribeNetworkAcls(b.ctx, &ec2.DescribeNetworkAclsInput{
				Filters: []ec2types.Filter{{Name: &filter, Values: []string{b.note.Public}}},
			})
			b.ok(err)
			if len(out.NetworkAcls) != 1 {
				t.Fatalf("%d network ACLs of one subnet", len(out.NetworkAcls))
			}
			a := out.NetworkAcls[0]
			if *a.IsDefault != (id == "") || id != "" && *a.NetworkAclId != id || *a.VpcId != b.note.VPC || len(a.Entries) != tt.entries {
				t.Errorf("default %t, id %s, %d entries", *a.IsDefault, *a.NetworkAclId, len(a.Entries))
			}
			last := a.Entries[len(a.Entries)-1]
			if *last.RuleNumber != 32767 || last.RuleAction != ec2types.RuleActionDeny {
				t.Errorf("last entry: %d %s", *last.RuleNumber, last.RuleAction)
			}
		})
	}
}

// An ACL between the load balancer and the instance is another matter: it shows.
func TestNetworkACLOfThePrivateSubnetFailsTheHealthCheck(t *testing.T) {
	b := newBench(t, fakeaws.Options{})
	_, name := b.open()
	b.home.BlockPort(b.note.Private, 22)
	if h := b.health(name); *h.State != "OutOfService" {
		t.Errorf("health: %s", *h.State)
	}
}

func TestASubnetThatIsPublicNoMore(t *testing.T) {
	b := newBench(t, fakeaws.Options{})
	_, name := b.open()
	b.home.SetRoutes(b.note.PublicRoutes)
	b.blocked(name, true)
}
