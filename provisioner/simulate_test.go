package provisioner_test

import (
	"strings"
	"testing"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/provisioner"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

var asked = []provisioner.Question{
	{Action: "ec2:DescribeVpcs", Resource: "*"},
	{Action: "ec2:DescribeSubnets", Resource: "*"},
	{
		Action:   "elasticloadbalancing:AddTags",
		Resource: "arn:aws:elasticloadbalancing:ap-northeast-1:123456789012:loadbalancer/sshforward-prod-k7m2pqx",
		Context:  map[string][]string{"aws:TagKeys": {"sshforward:expires"}, "aws:ResourceTag/sshforward:deployment": {"prod"}},
	},
}

func TestSimulate(t *testing.T) {
	const role = "arn:aws:iam::210987654321:role/platform/sshforward"
	for name, account := range map[string]provisioner.Account{
		"with the credentials of the machine": {Name: "main", Region: fakeaws.DefaultRegion},
		"with a role that has a path":         {Name: "main", Region: fakeaws.DefaultRegion, RoleARN: role},
	} {
		inFakeNamed(t, name, worldOptions{accounts: []provisioner.Account{account}}, func(w *world) {
			w.cloud.AddRole(role, "ec2.amazonaws.com")
			got, err := w.p.Simulate(w.ctx, "main", asked)
			if err != nil || len(got) != 0 {
				t.Errorf("everything is allowed: %v, %v", got, err)
			}
			w.cloud.Deny("elasticloadbalancing:AddTags")
			got, err = w.p.Simulate(w.ctx, "main", asked)
			if err != nil || len(got) != 1 || got[0].Action != asked[2].Action || got[0].Resource != asked[2].Resource ||
				got[0].Says != "implicitDeny" {
				t.Errorf("it says %+v, %v", got, err)
			}
			w.cloud.Deny("iam:SimulatePrincipalPolicy")
			_, err = w.p.Simulate(w.ctx, "main", asked)
			w.wantCode(err, sshforward.EFORBIDDEN)
			if err == nil || !strings.Contains(sshforward.ErrorMessage(err).String(), "iam:SimulatePrincipalPolicy") {
				t.Errorf("it says %v", err)
			}
		})
	}
}

// A session's ARN leaves out the path of its role, which IAM is asked for then.
func TestSimulateFindsThePathOfTheRole(t *testing.T) {
	accounts := []provisioner.Account{{Name: "main", Region: fakeaws.DefaultRegion, RoleARN: "arn:aws:iam::123456789012:role/sshforward"}}
	inFake(t, worldOptions{accounts: accounts}, func(w *world) {
		w.cloud.AddRole("arn:aws:iam::123456789012:role/platform/sshforward", "ec2.amazonaws.com")
		if got, err := w.p.Simulate(w.ctx, "main", asked); err != nil || len(got) != 0 {
			t.Errorf("%v, %v", got, err)
		}
		w.cloud.Deny("iam:GetRole")
		if _, err := w.p.Simulate(w.ctx, "main", asked); sshforward.ErrorCode(err) == "" {
			t.Error("the role cannot be found, and it says nothing")
		}
	})
}

func TestHasBalancerRole(t *testing.T) {
	inFake(t, worldOptions{}, func(w *world) {
		name := w.lease("web-1").Instance.Account
		if there, err := w.p.HasBalancerRole(w.ctx, name); err != nil || !there {
			t.Errorf("%t, %v", there, err)
		}
		w.cloud.RemoveELBRole(fakeaws.DefaultAccount)
		if there, err := w.p.HasBalancerRole(w.ctx, name); err != nil || there {
			t.Errorf("an account without it: %t, %v", there, err)
		}
		w.cloud.Deny("iam:GetRole")
		_, err := w.p.HasBalancerRole(w.ctx, name)
		w.wantCode(err, sshforward.EFORBIDDEN)
	})
}
