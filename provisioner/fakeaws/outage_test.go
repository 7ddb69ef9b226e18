package fakeaws_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"

	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

func TestZoneOutage(t *testing.T) {
	for _, spares := range []bool{false, true} {
		b := newBench(t, fakeaws.Options{OutageSparesFilters: spares})
		elsewhere := b.home.AddInstance(fakeaws.InstanceSpec{Subnet: b.home.AddSubnet(b.note.VPC, "10.1.20.0/24", "ap-northeast-1c", nil)})
		describe := func(in ec2.DescribeInstancesInput) string {
			_, err := b.ec2.DescribeInstances(b.ctx, &in)
			return code(err)
		}
		byTag := ec2.DescribeInstancesInput{Filters: []ec2types.Filter{{Name: aws.String("tag-key"), Values: []string{"Env"}}}}
		filtered := "Unavailable"
		if spares {
			filtered = ""
		}
		b.home.SetZoneOutage("ap-northeast-1a", true)
		for _, tt := range []struct {
			name string
			in   ec2.DescribeInstancesInput
			want string
		}{
			{"all", ec2.DescribeInstancesInput{}, "Unavailable"},
			{"by a filter", byTag, filtered},
			{"by id, in the zone", ec2.DescribeInstancesInput{InstanceIds: []string{b.note.Web}}, "Unavailable"},
			{"by id, in another zone", ec2.DescribeInstancesInput{InstanceIds: []string{elsewhere}}, ""},
			{"by ids of both", ec2.DescribeInstancesInput{InstanceIds: []string{b.note.Web, elsewhere}}, "Unavailable"},
		} {
			if got := describe(tt.in); got != tt.want {
				t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
			}
		}
		_, err := b.ec2.DescribeSecurityGroups(b.ctx, &ec2.DescribeSecurityGroupsInput{})
		b.ok(err)
		b.home.SetZoneOutage("ap-northeast-1a", false)
		if got := describe(ec2.DescribeInstancesInput{}); got != "" {
			t.Errorf("afterwards: %q", got)
		}
	}
}

func TestAPermanentFaultOfOneResource(t *testing.T) {
	b := newBench(t, fakeaws.Options{})
	_, name := b.open()
	b.cloud.SetFault(fakeaws.Either(
		fakeaws.Failing("elasticloadbalancing:Describe*", fakeaws.Fault{Code: "InternalFailure", Status: 500}, name),
		fakeaws.Failing("ec2:DescribeVpcs", fakeaws.Fault{Code: "UnauthorizedOperation"}),
	))
	for range 100 {
		_, err := b.elb.DescribeInstanceHealth(b.ctx, &elb.DescribeInstanceHealthInput{LoadBalancerName: &name})
		b.want(err, "InternalFailure")
		_, err = b.ec2.DescribeVpcs(b.ctx, &ec2.DescribeVpcsInput{})
		b.want(err, "UnauthorizedOperation")
	}
	_, err := b.elb.DescribeInstanceHealth(b.ctx, &elb.DescribeInstanceHealthInput{LoadBalancerName: &b.note.Bystander})
	b.ok(err)
	_, err = b.ec2.DescribeSubnets(b.ctx, &ec2.DescribeSubnetsInput{})
	b.ok(err)
}

func TestACallThatOutlastsItsCaller(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fault fakeaws.Fault
		after time.Duration // when it has taken effect; zero: never
	}{
		{"slow on the way", fakeaws.Fault{Delay: 25 * time.Second}, 0},
		{"slow at AWS", fakeaws.Fault{Delay: 25 * time.Second, Arrives: true}, 25 * time.Second},
		{"slow answer", fakeaws.Fault{SlowReply: 25 * time.Second}, time.Nanosecond},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, fakeaws.Options{}, func(b *bench) {
				b.cloud.SetFault(only("ec2:CreateSecurityGroup", tt.fault))
				start := time.Now()
				ctx, cancel := context.WithTimeout(b.ctx, 20*time.Second) // as the bot's attempts
				defer cancel()
				_, err := b.ec2.CreateSecurityGroup(ctx, &ec2.CreateSecurityGroupInput{
					GroupName: aws.String("late"), Description: aws.String("late"), VpcId: &b.note.VPC,
				})
				if err == nil || time.Since(start) != 20*time.Second {
					t.Fatalf("after %v: %v, want it given up", time.Since(start), err)
				}
				there := func() bool {
					for _, g := range b.home.Groups() {
						if g.Name == "late" {
							return true
						}
					}
					return false
				}
				if got, want := there(), tt.after == time.Nanosecond; got != want {
					t.Errorf("when it is given up: there %t, want %t", got, want)
				}
				time.Sleep(time.Minute)
				if got, want := there(), tt.after > 0; got != want {
					t.Errorf("a minute later: there %t, want %t", got, want)
				}
				if c := b.cloud.Calls()[0]; !c.Lost {
					t.Error("not recorded as lost")
				}
			})
		})
	}
}

func TestEveryAnswerHasTheDateOfTheCloud(t *testing.T) {
	inBubble(t, fakeaws.Options{ClockSkew: time.Hour}, func(b *bench) {
		dates := map[string]string{}
		cfg := config(b.cloud)
		cfg.HTTPClient = &http.Client{Transport: spy{b.cloud.HTTPClient().Transport, func(r *http.Response) {
			dates[r.Status] = r.Header.Get("Date")
		}}}
		_, err := ec2.NewFromConfig(cfg).DescribeVpcs(b.ctx, &ec2.DescribeVpcsInput{})
		b.want(err, "RequestExpired") // signed an hour ago, for all that the Cloud knows
		b.cloud.SetClockSkew(time.Minute)
		_, err = ec2.NewFromConfig(cfg).DescribeVpcs(b.ctx, &ec2.DescribeVpcsInput{})
		b.ok(err)
		if got, want := dates["400 Bad Request"], time.Now().Add(time.Hour).UTC().Format(http.TimeFormat); got != want {
			t.Errorf("an error's date is %q, want %q", got, want)
		}
		if got, want := dates["200 OK"], time.Now().Add(time.Minute).UTC().Format(http.TimeFormat); got != want {
			t.Errorf("an answer's date is %q, want %q", got, want)
		}
	})
}

func TestWhatWasSignedLongAgoIsRefused(t *testing.T) {
	inBubble(t, fakeaws.Options{}, func(b *bench) {
		// The process is paused between signing and sending.
		b.cloud.SetFault(func(fakeaws.Call) fakeaws.Fault { return fakeaws.Fault{Delay: 5*time.Minute + time.Second} })
		_, err := b.ec2.CreateSecurityGroup(b.ctx, &ec2.CreateSecurityGroupInput{
			GroupName: aws.String("g"), Description: aws.String("g"), VpcId: &b.note.VPC,
		})
		b.want(err, "RequestExpired")
		_, err = b.elb.DeleteLoadBalancer(b.ctx, &elb.DeleteLoadBalancerInput{LoadBalancerName: &b.note.Bystander})
		b.want(err, "SignatureDoesNotMatch")
		if _, ok := b.home.LoadBalancer(b.note.Bystander); !ok {
			t.Error("it had an effect all the same")
		}
	})
}

// spy sees the answers go by.
type spy struct {
	next http.RoundTripper
	see  func(*http.Response)
}

func (s spy) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := s.next.RoundTrip(req)
	if err == nil {
		s.see(res)
	}
	return res, err
}
