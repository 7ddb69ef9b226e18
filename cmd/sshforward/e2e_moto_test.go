package main

import (
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"net/http/httputil"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"

	"github.com/sshforward/sshforward/provisioner/mototest"
)

// motoCloud is an account of the test's own in moto_server, with the field
// note's network. What goes to its address is made to be for that account.
func motoCloud(t *testing.T) cloud {
	t.Helper()
	way := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(*httputil.ProxyRequest) {}, Transport: mototest.Shared(t),
		ErrorLog: log.New(io.Discard, "", 0), // a bot that is killed hangs up
	})
	t.Cleanup(way.Close)
	url := way.URL
	note := mototest.AddFieldNote(t, url)
	return cloud{
		url: url, instance: note.Web, name: "web",
		leftovers: func(t *testing.T) []string { ours, _ := motoState(t, url); return ours },
		foreign:   func(t *testing.T) string { _, others := motoState(t, url); return strings.Join(others, "\n") },
	}
}

// motoState lists load balancers, groups and rules: those whose name or tags
// are ours, and the others.
func motoState(t *testing.T, url string) (ours, others []string) {
	t.Helper()
	add := func(mine bool, format string, args ...any) {
		if line := fmt.Sprintf(format, args...); mine {
			ours = append(ours, line)
		} else {
			others = append(others, line)
		}
	}
	tagged := func(tags []types.Tag) bool {
		return slices.ContainsFunc(tags, func(t types.Tag) bool { return aws.ToString(t.Key) == "sshforward:deployment" })
	}
	ec2Client, elbClient := ec2.NewFromConfig(mototest.Config(url)), elb.NewFromConfig(mototest.Config(url))
	balancers, err := elbClient.DescribeLoadBalancers(t.Context(), &elb.DescribeLoadBalancersInput{})
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range balancers.LoadBalancerDescriptions {
		add(strings.HasPrefix(*b.LoadBalancerName, "sshforward-e2e-"), "load balancer %s", *b.LoadBalancerName)
	}
	groups, err := ec2Client.DescribeSecurityGroups(t.Context(), &ec2.DescribeSecurityGroupsInput{})
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range groups.SecurityGroups {
		add(tagged(g.Tags), "group %s %s", *g.GroupId, aws.ToString(g.GroupName))
	}
	rules, err := ec2Client.DescribeSecurityGroupRules(t.Context(), &ec2.DescribeSecurityGroupRulesInput{})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rules.SecurityGroupRules {
		add(tagged(r.Tags), "rule %s of %s", *r.SecurityGroupRuleId, aws.ToString(r.GroupId))
	}
	slices.Sort(others)
	return ours, others
}
