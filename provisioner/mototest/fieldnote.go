package mototest

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing/types"
)

// Region is where the field note's network is.
const Region = "ap-northeast-1"

// Config is the SDK configuration for a server that Start returned.
func Config(url string) aws.Config {
	return aws.Config{
		Region: Region, BaseEndpoint: aws.String(url),
		Credentials: credentials.NewStaticCredentialsProvider("AKIAMOTO", "moto", ""),
	}
}

// FieldNote is the network of the field note in a moto_server.
type FieldNote struct {
	VPC, Public, Private, Group string
	Web                         string // an instance, 10.1.2.94, Name web, sshforward=allow
	App                         string // one more, 10.1.2.95, Name app
	Bystander                   string // a load balancer of somebody else's
}

// AddFieldNote builds VPC 10.1.0.0/16 with a public and a private subnet in
// zone a and instances in the private one.
func AddFieldNote(t testing.TB, url string) FieldNote {
	t.Helper()
	return AddFieldNoteTo(t, Config(url))
}

// AddFieldNoteTo is AddFieldNote for the account and region that the
// configuration is for.
func AddFieldNoteTo(t testing.TB, cfg aws.Config) FieldNote {
	t.Helper()
	s := seeder{t: t, ctx: t.Context(), ec2: ec2.NewFromConfig(cfg), zone: cfg.Region + "a"}
	var n FieldNote
	n.VPC = *must(s.ec2.CreateVpc(s.ctx, &ec2.CreateVpcInput{CidrBlock: aws.String("10.1.0.0/16")}))(t).Vpc.VpcId
	n.Public, n.Private = s.subnet(n.VPC, "10.1.1.0/24"), s.subnet(n.VPC, "10.1.2.0/24")

	gateway := must(s.ec2.CreateInternetGateway(s.ctx, &ec2.CreateInternetGatewayInput{}))(t).InternetGateway.InternetGatewayId
	must(s.ec2.AttachInternetGateway(s.ctx, &ec2.AttachInternetGatewayInput{InternetGatewayId: gateway, VpcId: &n.VPC}))(t)
	table := must(s.ec2.CreateRouteTable(s.ctx, &ec2.CreateRouteTableInput{VpcId: &n.VPC}))(t).RouteTable.RouteTableId
	must(s.ec2.CreateRoute(s.ctx, &ec2.CreateRouteInput{
		RouteTableId: table, DestinationCidrBlock: aws.String("0.0.0.0/0"), GatewayId: gateway}))(t)
	must(s.ec2.AssociateRouteTable(s.ctx, &ec2.AssociateRouteTableInput{RouteTableId: table, SubnetId: &n.Public}))(t)

	n.Group = *must(s.ec2.CreateSecurityGroup(s.ctx, &ec2.CreateSecurityGroupInput{
		GroupName: aws.String("private-hosts"), Description: aws.String("private hosts"), VpcId: &n.VPC}))(t).GroupId
	must(s.ec2.AuthorizeSecurityGroupIngress(s.ctx, &ec2.AuthorizeSecurityGroupIngressInput{
		GroupId: &n.Group, IpPermissions: []types.IpPermission{{
			IpProtocol: aws.String("tcp"), FromPort: aws.Int32(443), ToPort: aws.Int32(443),
			IpRanges: []types.IpRange{{CidrIp: aws.String("10.1.0.0/16")}},
		}}}))(t)
	n.Web, n.App = s.instance(n, "10.1.2.94", "web"), s.instance(n, "10.1.2.95", "app")
	n.Bystander = "shop"
	must(elb.NewFromConfig(cfg).CreateLoadBalancer(s.ctx, &elb.CreateLoadBalancerInput{
		LoadBalancerName: &n.Bystander, Subnets: []string{n.Public}, SecurityGroups: []string{n.Group},
		Listeners: []elbtypes.Listener{{Protocol: aws.String("TCP"), LoadBalancerPort: 443, InstancePort: aws.Int32(443)}},
	}))(t)
	return n
}

type seeder struct {
	t   testing.TB
	ctx context.Context
	ec2 *ec2.Client

	zone string
}

func (s seeder) subnet(vpc, cidr string) string {
	s.t.Helper()
	return *must(s.ec2.CreateSubnet(s.ctx, &ec2.CreateSubnetInput{
		VpcId: &vpc, CidrBlock: &cidr, AvailabilityZone: &s.zone}))(s.t).Subnet.SubnetId
}

func (s seeder) instance(n FieldNote, address, name string) string {
	s.t.Helper()
	run := must(s.ec2.RunInstances(s.ctx, &ec2.RunInstancesInput{
		ImageId: aws.String("ami-12c6146b"), MinCount: aws.Int32(1), MaxCount: aws.Int32(1), InstanceType: types.InstanceTypeT3Micro,
		SubnetId: &n.Private, PrivateIpAddress: &address, SecurityGroupIds: []string{n.Group},
		TagSpecifications: []types.TagSpecification{{ResourceType: types.ResourceTypeInstance, Tags: []types.Tag{
			{Key: aws.String("Name"), Value: &name}, {Key: aws.String("sshforward"), Value: aws.String("allow")}}}},
	}))(s.t)
	return *run.Instances[0].InstanceId
}

// must ends the test if the call before it failed.
func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// Transport carries requests for any AWS endpoint to the server, as
// AWS_ENDPOINT_URL would, but for one client and not for the whole process:
// tests that use it can run beside others. moto tells services and regions
// apart by the signature.
type Transport struct {
	URL string // of the server
	// Account is whose the requests are; empty for moto's default. Those of an
	// assumed role are the role's account's.
	Account string
}

// RoundTrip implements http.RoundTripper.
func (t Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	to, err := url.Parse(t.URL)
	if err != nil {
		return nil, err
	}
	req = req.Clone(req.Context())
	req.URL.Scheme, req.URL.Host, req.Host = to.Scheme, to.Host, to.Host
	if t.Account != "" && !strings.Contains(req.Header.Get("Authorization"), "Credential=ASIA") {
		req.Header.Set("X-Moto-Account-Id", t.Account)
	}
	return http.DefaultTransport.RoundTrip(req)
}
