package main

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/sshforward/sshforward/provisioner"
)

// What IAM is asked is what the policies are proved to be enough for, and about
// this deployment.
func TestQuestionsToIAM(t *testing.T) {
	text, err := os.ReadFile(callsFile)
	if err != nil {
		t.Fatal(err)
	}
	var calls []iamCall
	if err := json.Unmarshal(text, &calls); err != nil {
		t.Fatal(err)
	}
	want := 0
	for _, c := range calls {
		want += len(c.Requests)
	}
	var a awsConfig
	a.DeadMan = &deadManConfig{RoleARN: "arn:aws:iam::123456789012:role/sshforward-deadman"}
	same, err := questionsOf(a, "prod", "ap-northeast-1", "arn:aws:sts::123456789012:assumed-role/sshforward/i-0")
	if err != nil || len(same) != want || want < 50 {
		t.Fatalf("%d questions, %v, want %d", len(same), err, want)
	}
	i := 0
	for _, c := range calls {
		for _, r := range c.Requests {
			if same[i].Action != r.Action || same[i].Resource != r.Resource || len(same[i].Context) != len(r.Context) {
				t.Errorf("%+v is asked as %+v", r, same[i])
			}
			i++
		}
	}

	a.DeadMan.RoleARN, a.Tags = "arn:aws-cn:iam::210987654321:role/ops/switch", map[string]string{"CostCenter": "4711"}
	other, err := questionsOf(a, "staging", "cn-north-1", "arn:aws-cn:sts::210987654321:assumed-role/sshforward/i-0")
	if err != nil || len(other) != want {
		t.Fatal(len(other), err)
	}
	asked, err := json.Marshal(other)
	if err != nil {
		t.Fatal(err)
	}
	for _, left := range []string{"123456789012", "ap-northeast-1", "prod", "arn:aws:", "sshforward-deadman"} {
		if strings.Contains(string(asked), left) {
			t.Errorf("%s is left in %s", left, asked)
		}
	}
	created := 0
	for _, q := range other {
		if q.Context["aws:RequestTag/sshforward:deployment"] == nil {
			continue
		}
		created++
		if !slices.Contains(q.Context["aws:TagKeys"], "CostCenter") || !slices.Equal(q.Context["aws:RequestTag/CostCenter"], []string{"4711"}) {
			t.Errorf("what is made carries the account's tags: %+v", q)
		}
	}
	if created == 0 {
		t.Error("nothing is made")
	}

	a.DeadMan = nil
	without, err := questionsOf(a, "staging", "cn-north-1", "arn:aws-cn:sts::210987654321:assumed-role/sshforward/i-0")
	if err != nil || slices.ContainsFunc(without, func(q provisioner.Question) bool {
		return strings.HasPrefix(q.Action, "scheduler:") || q.Action == "iam:PassRole"
	}) {
		t.Errorf("without a dead-man switch nothing of it is asked: %v, %v", without, err)
	}
}
