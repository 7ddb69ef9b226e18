package fakeaws_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing/types"

	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

// BenchmarkCallBesideManyLoadBalancers shows what one call costs when there
// are 500 load balancers, whose health is worked out around every call.
func BenchmarkCallBesideManyLoadBalancers(b *testing.B) {
	cloud := fakeaws.New(fakeaws.Options{LoadBalancerLimit: 1000, ELBBurst: -1})
	home := cloud.Home()
	note := home.FieldNote()
	big := home.AddSubnet(note.VPC, "10.1.64.0/18", "ap-northeast-1a", nil)
	home.AddRouteTable(note.VPC, []string{big}, fakeaws.Route{Destination: "0.0.0.0/0", Target: home.Gateway(note.VPC)})
	client := elb.NewFromConfig(config(cloud))
	ctx := context.Background()
	for i := range 500 {
		group := home.AddGroup(note.VPC, fmt.Sprintf("g-%d", i), nil)
		home.AddRule(fakeaws.Rule{Group: note.Group, Protocol: "tcp", From: 22, To: 22, Source: group})
		name := fmt.Sprintf("lb-%d", i)
		home.AddLoadBalancer(name, big, []string{group},
			fakeaws.Listener{Protocol: "TCP", Port: 22, InstanceProtocol: "TCP", InstancePort: 22}, nil)
		if _, err := client.RegisterInstancesWithLoadBalancer(ctx, &elb.RegisterInstancesWithLoadBalancerInput{
			LoadBalancerName: &name, Instances: []elbtypes.Instance{{InstanceId: &note.Web}},
		}); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		if _, err := client.DescribeInstanceHealth(ctx, &elb.DescribeInstanceHealthInput{LoadBalancerName: aws.String("lb-499")}); err != nil {
			b.Fatal(err)
		}
	}
}
