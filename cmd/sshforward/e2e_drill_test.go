package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sshforward/sshforward/internal/testenv"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

// sshd answers as one does, on loopback, and returns its port.
func sshd(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Write([]byte("SSH-2.0-canary\r\n"))
			conn.Close()
		}
	}()
	return l.Addr().(*net.TCPAddr).Port
}

// drilled runs a drill and returns what it printed.
func drilled(t *testing.T, c cloud, port int, rule, account string, args ...string) (report drillReport, stderr string, code int) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "sshforward.yaml")
	config := fmt.Sprintf(`
deployment: e2e
store: {bolt: /nowhere/leases.db}
slack: {channel: C0OPS}
aws: [{name: main, region: ap-northeast-1, wait_dns: 0s, listener_port: %d%s}]
policy:
  sources: {allow: [203.0.113.0/24], default: [203.0.113.7]}
  rules: [{name: canary, tags: {sshforward: allow}, max: 1h%s}]
timing: {default: 1m, min: 1s, confirm: 30s, approval: 1m, opening: 30s, reminders: [], sweep: 1s, keep: 1h}
`, port, account, rule)
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary, append([]string{"drill", "--config", file, "--instance", c.instance, "--json"}, args...)...)
	cmd.Env = append(os.Environ(), "AWS_ENDPOINT_URL="+c.url)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	_ = cmd.Run()
	if out.Len() > 0 {
		if err := json.Unmarshal(out.Bytes(), &report); err != nil {
			t.Errorf("%v:\n%s", err, out.String())
		}
	}
	return report, errs.String(), cmd.ProcessState.ExitCode()
}

// A drill goes through a whole life and leaves nothing, on both stand-ins, also where
// nothing answers; and it leaves alone what no rule gives it.
func TestDrill(t *testing.T) {
	t.Parallel()
	clouds(t, func(t *testing.T, c cloud) {
		before := c.foreign(t)
		nothingLeft := func() {
			t.Helper()
			if left := c.leftovers(t); len(left) > 0 {
				t.Errorf("left over: %q", left)
			}
			if after := c.foreign(t); after != before {
				t.Errorf("something that is not ours was touched.\nbefore:\n%s\nafter:\n%s", before, after)
			}
		}
		port := sshd(t)
		report, said, code := drilled(t, c, port, ", drill: true", "", "--connect", "127.0.0.1")
		var stages []string
		for _, s := range report.Stages {
			stages = append(stages, s.Stage)
		}
		want := "built while a yes is missing, last yes to open, open to the banner of sshd, " +
			"extended, closed, access ended, read back that nothing is left"
		if got := strings.Join(stages, ", "); code != 0 || got != want || report.Overstay != 0 {
			t.Errorf("exit %d: %q, overstay %f\n%s", code, got, report.Overstay, said)
		}
		nothingLeft()

		_, said, code = drilled(t, c, port, "", "", "--connect", "127.0.0.1")
		if code != 1 || !strings.Contains(said, "no rule with drill: true covers") {
			t.Errorf("exit %d: %s", code, said)
		}
		nothingLeft()
	})
}

// Where nothing answers the drill fails, and what it made goes all the same.
func TestDrillThatFails(t *testing.T) {
	testenv.SkipRaced(t, "TestDrill goes the same ways")
	t.Parallel()
	c, aws, _ := fakeCloud(t, fakeaws.Options{})
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := closed.Addr().(*net.TCPAddr).Port
	closed.Close()
	report, said, code := drilled(t, c, port, ", drill: true", "", "--connect", "127.0.0.1")
	if code != 1 || !strings.Contains(said, "open to the banner of sshd") || report.Error == "" {
		t.Errorf("exit %d, %+v: %s", code, report, said)
	}
	if left := aws.Leftovers("sshforward:deployment", "e2e"); len(left) > 0 {
		t.Errorf("left over: %q", left)
	}
}

// With --kill nobody is there to end it, and the dead-man switch does.
func TestDrillOfTheDeadManSwitch(t *testing.T) {
	testenv.SkipRaced(t, "it waits for more than a minute, and TestDrill goes the same ways")
	t.Parallel()
	c, aws, _ := fakeCloud(t, fakeaws.Options{})
	const role = "arn:aws:iam::123456789012:role/deadman"
	aws.AddRole(role, "scheduler.amazonaws.com")
	go func() {
		for range time.Tick(time.Second) {
			aws.Refresh() // what is due happens when somebody looks
		}
	}()
	port := sshd(t)
	report, said, code := drilled(t, c, port, ", drill: true", ", deadman: {role_arn: '"+role+"', grace: 2s}",
		"--connect", "127.0.0.1", "--kill")
	if code != 0 || len(report.Stages) != 5 || report.Stages[3].Stage != "end to the dead-man switch" {
		t.Fatalf("exit %d: %+v\n%s", code, report, said)
	}
	// A schedule is never made for less than a minute ahead.
	if late := report.Stages[3].Seconds; late < 2 || late > 65 {
		t.Errorf("the dead-man switch came after %f s", late)
	}
	if report.Overstay < 2 {
		t.Errorf("the overstay is %f s", report.Overstay)
	}
	if left := aws.Leftovers("sshforward:deployment", "e2e"); len(left) > 0 {
		t.Errorf("left over: %q", left)
	}
	_, said, code = drilled(t, c, port, ", drill: true", "", "--connect", "127.0.0.1", "--kill")
	if code != 1 || !strings.Contains(said, "has no dead-man switch") {
		t.Errorf("exit %d: %s", code, said)
	}
}

// What somebody else ends before the dead-man switch is due proves nothing of it: a
// bot that runs takes down what it has no record of.
func TestDrillEndedBySomebodyElse(t *testing.T) {
	testenv.SkipRaced(t, "TestDrill goes the same ways")
	t.Parallel()
	c, aws, _ := fakeCloud(t, fakeaws.Options{})
	const role = "arn:aws:iam::123456789012:role/deadman"
	aws.AddRole(role, "scheduler.amazonaws.com")
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 600 {
			time.Sleep(100 * time.Millisecond)
			for _, lb := range aws.Home().LoadBalancers() {
				open := slices.ContainsFunc(aws.Home().Rules(), func(r fakeaws.Rule) bool {
					return !r.Egress && r.CIDR != "" && slices.Contains(lb.Groups, r.Group)
				})
				if open && strings.HasPrefix(lb.Name, "sshforward-e2e-") {
					time.Sleep(2 * time.Second)
					aws.Home().RemoveLoadBalancer(lb.Name)
					return
				}
			}
		}
	}()
	report, said, code := drilled(t, c, sshd(t), ", drill: true", ", deadman: {role_arn: '"+role+"', grace: 1m}",
		"--connect", "127.0.0.1", "--kill")
	<-done
	if code != 1 || !strings.Contains(said, "before the dead-man switch was due") || len(report.Stages) != 4 {
		t.Errorf("exit %d: %+v\n%s", code, report, said)
	}
	if left := aws.Leftovers("sshforward:deployment", "e2e"); len(left) > 0 {
		t.Errorf("left over: %q", left)
	}
}
