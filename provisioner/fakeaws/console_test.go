package fakeaws_test

import (
	"encoding/base64"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

// The console comes in base64, late, and only its last 64 KB.
func TestConsole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, fakeaws.Options{ConsoleDelay: 3 * time.Minute})
		console := func(id string) string {
			t.Helper()
			out, err := b.ec2.GetConsoleOutput(b.ctx, &ec2.GetConsoleOutputInput{InstanceId: &id})
			b.ok(err)
			if aws.ToString(out.InstanceId) != id || !out.Timestamp.Equal(time.Now()) {
				t.Errorf("answer %+v", out)
			}
			text, err := base64.StdEncoding.DecodeString(aws.ToString(out.Output))
			b.ok(err)
			return string(text)
		}
		if got := console(b.note.Web); got != "" {
			t.Errorf("just launched, and its console says %q", got)
		}
		time.Sleep(3 * time.Minute)
		if got := console(b.note.Web); !strings.Contains(got, "\r\n-----BEGIN SSH HOST KEY KEYS-----\r\n") {
			t.Errorf("console %q", got)
		}
		if got := console(b.note.App); got != "" {
			t.Errorf("console %q", got)
		}
		b.home.SetConsole(b.note.App, "first"+strings.Repeat("x", 64<<10-4)+"last")
		if got := console(b.note.App); len(got) != 64<<10 || strings.Contains(got, "first") || !strings.HasSuffix(got, "last") {
			t.Errorf("console of %d bytes", len(got))
		}
		id := "i-0123456789abcdef0"
		_, err := b.ec2.GetConsoleOutput(b.ctx, &ec2.GetConsoleOutputInput{InstanceId: &id})
		if err == nil || !strings.Contains(err.Error(), "InvalidInstanceID.NotFound") {
			t.Errorf("of none: %v", err)
		}
	})
}
