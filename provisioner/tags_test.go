package provisioner_test

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/provisioner"
)

func TestTags(t *testing.T) {
	opened := time.Date(2026, 3, 1, 12, 0, 0, 0, time.FixedZone("JST", 9*3600))
	l := &sshforward.Lease{
		ID: "k7m2q9x", Owner: "U0ALICE", Team: "T0", Channel: "C0DEV",
		Terms: sshforward.Terms{
			SSHUser:  "ubuntu",
			Instance: sshforward.Instance{Account: "main", ID: "i-0123456789abcdef0"},
			Urgent:   true, TargetPort: 2222, ListenerPort: 443, Max: 8 * time.Hour, Duration: time.Hour,
		},
		OpenedAt: opened, ExpiresAt: opened.Add(time.Hour + time.Millisecond),
		Outbox: sshforward.Outbox{Card: sshforward.Card{Channel: "C0DEV", TS: "1712345678.000100"}},
	}
	tags := provisioner.Tags("prod", l)
	if got := tags[provisioner.TagExpires]; got != "2026-03-01T04:00:01Z" {
		t.Errorf("expires %s, want it in UTC and rounded up", got)
	}
	defaults := provisioner.Account{Name: "main", Region: "eu-west-1", SSHUser: "ec2-user", ListenerPort: 22}
	got, ok := provisioner.FromTags("prod", tags, defaults)
	if !ok || got.State != sshforward.Open || got.ID != l.ID || got.Owner != l.Owner || got.Team != l.Team ||
		got.Channel != l.Channel || got.SSHUser != "ubuntu" || got.Instance.ID != l.Instance.ID ||
		got.Instance.Account != "main" || got.Instance.Region != "eu-west-1" || got.TargetPort != 2222 ||
		got.ListenerPort != 443 || got.Max != l.Max || !got.OpenedAt.Equal(l.OpenedAt) || got.Card.TS != l.Card.TS ||
		got.Card.Channel != l.Card.Channel || !got.Urgent || !got.Resources.Until.Equal(got.ExpiresAt) {
		t.Errorf("read back: %+v", got)
	}

	l.Urgent, l.OpenedAt, l.ExpiresAt, l.OpenBy = false, time.Time{}, time.Time{}, opened
	got, ok = provisioner.FromTags("prod", provisioner.Tags("prod", l), provisioner.Account{})
	if !ok || got.State != sshforward.Opening || got.Urgent || !got.ExpiresAt.Equal(opened.Add(time.Hour)) {
		t.Errorf("before the clock started: %+v", got)
	}

	for name, foreign := range map[string]map[string]string{
		"nobody's":             {},
		"another deployment's": provisioner.Tags("test", l),
		"no lease":             {provisioner.TagDeployment: "prod"},
		"no lease's id":        {provisioner.TagDeployment: "prod", provisioner.TagLease: "../../x"},
	} {
		if _, ok := provisioner.FromTags("prod", foreign, provisioner.Account{}); ok {
			t.Errorf("%s: taken for ours", name)
		}
	}
}

// What people typed fits into a tag.
func TestTagValues(t *testing.T) {
	for _, user := range []string{"<script>&amp;", strings.Repeat("é", 300), "  ", "日本 語", "a\x00b\nc"} {
		got := provisioner.Tags("prod", &sshforward.Lease{ID: "k7m2q9x", Terms: sshforward.Terms{SSHUser: user}})[provisioner.TagSSHUser]
		if utf8.RuneCountInString(got) > 255 || !utf8.ValidString(got) || strings.ContainsAny(got, "<>&;\x00\n") {
			t.Errorf("%q becomes %q", user, got)
		}
	}
}
