package fakeaws_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing/types"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"

	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

func (b *bench) addTag(name, key, value string) string {
	_, err := b.elb.AddTags(b.ctx, &elb.AddTagsInput{LoadBalancerNames: []string{name}, Tags: []elbtypes.Tag{{Key: &key, Value: &value}}})
	return code(err)
}

func (b *bench) createTag(id, key, value string) string {
	_, err := b.ec2.CreateTags(b.ctx, &ec2.CreateTagsInput{Resources: []string{id}, Tags: []ec2types.Tag{{Key: &key, Value: &value}}})
	return code(err)
}

func TestTagsOfALoadBalancer(t *testing.T) {
	for limit, want := range map[int]int{0: 10, 50: 50} {
		b := newBench(t, fakeaws.Options{TagLimit: limit, ELBBurst: -1})
		in := b.createInput(b.createGroup())
		for i := range want {
			in.Tags = append(in.Tags, elbtypes.Tag{Key: aws.String(strings.Repeat("k", i+1)), Value: aws.String("v")})
		}
		_, err := b.elb.CreateLoadBalancer(b.ctx, in)
		b.want(err, "TooManyTags")
		in.Tags = in.Tags[:want]
		_, err = b.elb.CreateLoadBalancer(b.ctx, in)
		b.ok(err)
		if got := b.addTag(*in.LoadBalancerName, "k", "other"); got != "" {
			t.Errorf("replacing one of %d: %s", want, got)
		}
		if got := b.addTag(*in.LoadBalancerName, "new", "v"); got != "TooManyTags" {
			t.Errorf("one more than %d: %q", want, got)
		}
	}
	b := newBench(t, fakeaws.Options{})
	_, name := b.open()
	for _, tt := range []struct{ name, key, value, want string }{
		{"base64", "proof", "AaZz09+/==", ""},
		{"long", strings.Repeat("k", 127), strings.Repeat("v", 255), ""},
		{"key too long", strings.Repeat("k", 128), "v", "ValidationError"},
		{"value too long", "k", strings.Repeat("v", 256), "ValidationError"},
		{"a comma", "k", "a,b", "ValidationError"},
		{"of AWS's own", "aws:k", "v", "ValidationError"},
	} {
		if got := b.addTag(name, tt.key, tt.value); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestAnOrganisationThatDemandsTags(t *testing.T) {
	b := newBench(t, fakeaws.Options{
		RequireTags: []string{"CostCenter"}, TagPolicy: map[string][]string{"CostCenter": {"4711", "4712"}},
	})
	group := func(tags ...ec2types.Tag) string {
		_, err := b.ec2.CreateSecurityGroup(b.ctx, &ec2.CreateSecurityGroupInput{
			GroupName: aws.String("g"), Description: aws.String("g"), VpcId: &b.note.VPC,
			TagSpecifications: []ec2types.TagSpecification{{ResourceType: ec2types.ResourceTypeSecurityGroup, Tags: tags}},
		})
		return code(err)
	}
	tag := func(v string) ec2types.Tag { return ec2types.Tag{Key: aws.String("CostCenter"), Value: &v} }
	if got := group(ec2types.Tag{Key: aws.String("a"), Value: aws.String("b")}); got != "UnauthorizedOperation" {
		t.Errorf("a group without the key: %q", got)
	}
	if got := group(tag("0815")); got != "TagPolicyViolation" {
		t.Errorf("a group with a value that is not allowed: %q", got)
	}
	if got := group(tag("4711")); got != "" {
		t.Errorf("a group as demanded: %q", got)
	}
	if got := b.createTag(b.note.Group, "CostCenter", "0815"); got != "TagPolicyViolation" {
		t.Errorf("a value that is not allowed, later: %q", got)
	}

	in := b.createInput(b.home.AddGroup(b.note.VPC, "mine", nil))
	_, err := b.elb.CreateLoadBalancer(b.ctx, in)
	b.want(err, "AccessDenied")
	in.Tags = append(in.Tags, elbtypes.Tag{Key: aws.String("CostCenter"), Value: aws.String("4712")})
	_, err = b.elb.CreateLoadBalancer(b.ctx, in)
	b.ok(err)
	_, err = scheduler.NewFromConfig(config(b.cloud)).CreateScheduleGroup(b.ctx, &scheduler.CreateScheduleGroupInput{Name: aws.String("g")})
	b.want(err, "AccessDeniedException")
}

func TestIAMAnswersBeforeEC2(t *testing.T) {
	const sg, balancer = "sg-0123456789abcdef0", "none"
	for denied, want := range map[bool]struct{ tags, group, deleteLB, attributes string }{
		false: {"InvalidGroup.NotFound", "InvalidGroup.NotFound", "", "LoadBalancerNotFound"},
		true:  {"UnauthorizedOperation", "UnauthorizedOperation", "AccessDenied", "AccessDenied"},
	} {
		b := newBench(t, fakeaws.Options{MissingIsNotFound: !denied})
		if got := b.createTag(sg, "k", "v"); got != want.tags {
			t.Errorf("%t: tag: %q", denied, got)
		}
		if got := code(b.deleteGroup(sg)); got != want.group {
			t.Errorf("%t: delete a group: %q", denied, got)
		}
		_, err := b.elb.DeleteLoadBalancer(b.ctx, &elb.DeleteLoadBalancerInput{LoadBalancerName: aws.String(balancer)})
		if got := code(err); got != want.deleteLB {
			t.Errorf("%t: delete a load balancer: %q", denied, got)
		}
		_, err = b.elb.ConfigureHealthCheck(b.ctx, &elb.ConfigureHealthCheckInput{
			LoadBalancerName: aws.String(balancer), HealthCheck: &elbtypes.HealthCheck{
				Target: aws.String("TCP:22"), Interval: aws.Int32(5), Timeout: aws.Int32(3),
				HealthyThreshold: aws.Int32(2), UnhealthyThreshold: aws.Int32(2),
			},
		})
		if got := code(err); got != want.attributes {
			t.Errorf("%t: health check: %q", denied, got)
		}
		// What is there is as it was, and Describe has no resource to hide.
		if got := b.createTag(b.note.Group, "k", "v"); got != "" {
			t.Errorf("%t: tag what is there: %q", denied, got)
		}
		_, err = b.ec2.DescribeSecurityGroups(b.ctx, &ec2.DescribeSecurityGroupsInput{GroupIds: []string{sg}})
		b.want(err, "InvalidGroup.NotFound")
	}
}

func TestWhatIsNotSeenYetIsDeniedToo(t *testing.T) {
	inBubble(t, fakeaws.Options{GroupVisibleAfter: 2 * time.Second}, func(b *bench) {
		id := b.createGroup()
		if got := b.createTag(id, "k", "v"); got != "UnauthorizedOperation" {
			t.Errorf("at once: %q", got)
		}
		time.Sleep(2 * time.Second)
		if got := b.createTag(id, "k", "v"); got != "" {
			t.Errorf("two seconds later: %q", got)
		}
	})
}

func TestGroupsThatCannotBeChanged(t *testing.T) {
	b := newBench(t, fakeaws.Options{})
	mine := b.createGroup()
	shared := b.home.AddGroup(b.note.VPC, "shared", nil)
	b.home.ShareGroup(shared, otherAccount)
	associated := b.home.AddGroup(b.home.AddVPC("10.8.0.0/16", nil), "associated", nil)
	b.home.SetGroups(b.note.Web, shared, associated, b.note.Group)
	for group, want := range map[string]string{shared: "UnauthorizedOperation", associated: "InvalidGroup.NotFound", b.note.Group: ""} {
		_, err := b.ec2.AuthorizeSecurityGroupIngress(b.ctx, &ec2.AuthorizeSecurityGroupIngressInput{
			GroupId: &group, IpPermissions: []ec2types.IpPermission{tcpOf(22, mine)},
		})
		b.want(err, want)
	}
	out, err := b.ec2.DescribeSecurityGroups(b.ctx, &ec2.DescribeSecurityGroupsInput{GroupIds: []string{shared, b.note.Group}})
	b.ok(err)
	if *out.SecurityGroups[0].OwnerId != otherAccount || *out.SecurityGroups[1].OwnerId != fakeaws.DefaultAccount {
		t.Errorf("owners: %s, %s", *out.SecurityGroups[0].OwnerId, *out.SecurityGroups[1].OwnerId)
	}
}

func TestASharedVPC(t *testing.T) {
	b := newBench(t, fakeaws.Options{})
	b.home.ShareVPC(b.note.VPC, otherAccount)
	vpcs, err := b.ec2.DescribeVpcs(b.ctx, &ec2.DescribeVpcsInput{VpcIds: []string{b.note.VPC}})
	b.ok(err)
	subnets, err := b.ec2.DescribeSubnets(b.ctx, &ec2.DescribeSubnetsInput{SubnetIds: []string{b.note.Public}})
	b.ok(err)
	if s := subnets.Subnets[0]; *vpcs.Vpcs[0].OwnerId != otherAccount ||
		*s.OwnerId != otherAccount || !strings.Contains(*s.SubnetArn, otherAccount) {
		t.Errorf("VPC of %s, subnet of %s: %s", *vpcs.Vpcs[0].OwnerId, *s.OwnerId, *s.SubnetArn)
	}
}

// iam makes a call of IAM's; there is no client of the SDK's in this module.
func (b *bench) iam(action string, p url.Values, out any) (errorCode string) {
	b.t.Helper()
	p.Set("Action", action)
	p.Set("Version", "2010-05-08")
	body := p.Encode()
	req, err := http.NewRequestWithContext(b.ctx, http.MethodPost, "https://iam.amazonaws.com/", strings.NewReader(body))
	b.ok(err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	sum := sha256.Sum256([]byte(body))
	cfg := config(b.cloud)
	cred, err := cfg.Credentials.Retrieve(b.ctx)
	b.ok(err)
	b.ok(v4.NewSigner().SignHTTP(b.ctx, cred, req, hex.EncodeToString(sum[:]), "iam", "us-east-1", time.Now()))
	res, err := b.cloud.HTTPClient().Do(req)
	b.ok(err)
	defer res.Body.Close()
	var doc bytes.Buffer
	_, err = doc.ReadFrom(res.Body)
	b.ok(err)
	if res.StatusCode != http.StatusOK {
		var e struct {
			Code string `xml:"Error>Code"`
		}
		b.ok(xml.Unmarshal(doc.Bytes(), &e))
		return e.Code
	}
	b.ok(xml.Unmarshal(doc.Bytes(), out))
	return ""
}

func TestELBsServiceLinkedRole(t *testing.T) {
	const name = "AWSServiceRoleForElasticLoadBalancing"
	b := newBench(t, fakeaws.Options{})
	var got struct {
		ARN string `xml:"GetRoleResult>Role>Arn"`
	}
	if c := b.iam("GetRole", url.Values{"RoleName": {name}}, &got); c != "" ||
		!strings.HasSuffix(got.ARN, "/elasticloadbalancing.amazonaws.com/"+name) {
		t.Errorf("%s, %q", got.ARN, c)
	}
	b.cloud.RemoveELBRole(fakeaws.DefaultAccount)
	if c := b.iam("GetRole", url.Values{"RoleName": {name}}, &got); c != "NoSuchEntity" {
		t.Errorf("where there is none: %q", c)
	}
	in := b.createInput(b.createGroup())
	b.cloud.Deny("iam:CreateServiceLinkedRole")
	_, err := b.elb.CreateLoadBalancer(b.ctx, in)
	b.want(err, "AccessDenied")
	b.cloud.Allow("iam:CreateServiceLinkedRole")
	_, err = b.elb.CreateLoadBalancer(b.ctx, in)
	b.ok(err)
	if c := b.iam("GetRole", url.Values{"RoleName": {name}}, &got); c != "" {
		t.Errorf("after the first load balancer: %q", c)
	}
}

func TestSimulatePrincipalPolicy(t *testing.T) {
	b := newBench(t, fakeaws.Options{RequireTags: []string{"CostCenter"}})
	b.cloud.Deny("elasticloadbalancing:Delete*")
	simulate := func(more url.Values) map[string]string {
		t.Helper()
		p := url.Values{"PolicySourceArn": {"arn:aws:iam::123456789012:role/sshforward"}}
		for k, v := range more {
			p[k] = v
		}
		for i, action := range []string{"ec2:DescribeVpcs", "elasticloadbalancing:DeleteLoadBalancer", "ec2:CreateSecurityGroup"} {
			p.Set("ActionNames.member."+string(rune('1'+i)), action)
		}
		var got struct {
			Results []struct {
				Action   string `xml:"EvalActionName"`
				Decision string `xml:"EvalDecision"`
			} `xml:"SimulatePrincipalPolicyResult>EvaluationResults>member"`
		}
		if c := b.iam("SimulatePrincipalPolicy", p, &got); c != "" {
			t.Fatal(c)
		}
		out := map[string]string{}
		for _, r := range got.Results {
			out[r.Action] = r.Decision
		}
		return out
	}
	got := simulate(nil)
	if got["ec2:DescribeVpcs"] != "allowed" || got["elasticloadbalancing:DeleteLoadBalancer"] != "implicitDeny" ||
		got["ec2:CreateSecurityGroup"] != "explicitDeny" {
		t.Errorf("decisions: %v", got)
	}
	got = simulate(url.Values{"ContextEntries.member.1.ContextKeyName": {"aws:RequestTag/CostCenter"}})
	if got["ec2:CreateSecurityGroup"] != "allowed" {
		t.Errorf("with the tag: %v", got)
	}
	b.cloud.Deny("iam:*")
	if c := b.iam("SimulatePrincipalPolicy", url.Values{}, nil); c != "AccessDenied" {
		t.Errorf("who may not simulate: %q", c)
	}
}
