package main

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/sshforward/sshforward/internal/testenv"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

// breakGlass runs a command for bad days, which has to end with the exit code.
func (w *world) breakGlass(want int, args ...string) (stdout, stderr string) {
	w.t.Helper()
	var out, err bytes.Buffer
	cmd := w.command(args...)
	cmd.Stdout, cmd.Stderr = &out, &err
	_ = cmd.Run() // the code says what came of it
	if code := cmd.ProcessState.ExitCode(); code != want {
		w.t.Errorf("%v ends with %d, want %d:\n%s%s", args, code, want, &out, &err)
	}
	return out.String(), err.String()
}

// reaches reports whether somebody gets through to the instance of a lease.
func reaches(aws *fakeaws.Cloud, id string) bool {
	_, err := aws.Home().Route("sshforward-e2e-"+id, netip.MustParseAddr("203.0.113.7"), 22)
	return err == nil
}

// One thing cannot be read, for as long as two looks and more take: what is open
// stays open and as it was, what is due ends, and the commands for bad days work on
// the rest, say what they could not read, and fail.
func TestPartsThatCannotBeRead(t *testing.T) {
	t.Parallel()
	failing := func(op string) func(*fakeaws.Cloud) {
		return func(aws *fakeaws.Cloud) {
			aws.SetFault(fakeaws.Failing(op, fakeaws.Fault{Code: "InternalFailure", Status: 500}))
		}
	}
	for name, tt := range testenv.ThinnedRows(map[string]struct {
		begin func(*fakeaws.Cloud)
		says  string
	}{
		"a zone outage":            {func(aws *fakeaws.Cloud) { aws.Home().SetZoneOutage("ap-northeast-1a", true) }, "instances"},
		"load balancers refused":   {func(aws *fakeaws.Cloud) { aws.Deny("elasticloadbalancing:DescribeLoadBalancers") }, "load balancers"},
		"load balancers fail":      {failing("elasticloadbalancing:DescribeLoadBalancers"), "load balancers"},
		"groups fail":              {failing("ec2:DescribeSecurityGroups"), "security groups"},
		"rules refused":            {func(aws *fakeaws.Cloud) { aws.Deny("ec2:DescribeSecurityGroupRules") }, "security group rules"},
		"instances refused":        {func(aws *fakeaws.Cloud) { aws.Deny("ec2:DescribeInstances") }, "instances"},
		"the balancer's tags fail": {failing("elasticloadbalancing:DescribeTags"), "load balancers"},
	}, 7) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, aws, _ := fakeCloud(t, fakeaws.Options{})
			before := c.foreign(t)
			w := newWorld(t, c, worldOptions{})
			id := w.open(ann, dev, c.instance+" 1h from 203.0.113.7")
			w.card(dev, id, "ssh -p 22")
			short := w.open(bob, dev, c.instance+" 15s from 203.0.113.8")
			end := w.opened(short).Add(15 * time.Second)
			tt.begin(aws)
			w.accessEnds(aws, short, end)
			w.logged("the " + tt.says + " could not be read")
			if card := w.card(dev, id, "*Open*"); !reaches(aws, id) {
				t.Errorf("nobody gets in any more:\n%s", card.Visible())
			}
			out, said := w.breakGlass(exitError, "leases")
			unread := "account main: the " + tt.says + " could not be read"
			if !strings.Contains(out, id) || !strings.Contains(said, unread) || strings.Count(said, "\n") != 1 {
				t.Errorf("leases:\n%s%s", out, said)
			}
			if out, said := w.breakGlass(exitError, "sweep"); strings.Contains(out, id) || !strings.Contains(said, tt.says) {
				t.Errorf("sweep:\n%s%s", out, said)
			}
			w.kill()
			if tt.says != "load balancers" || strings.Contains(name, "balancers") { // or whose it is cannot be told
				out, said = w.breakGlass(exitError, "close", "--timeout", "20s", id)
				if reaches(aws, id) || !strings.Contains(said, tt.says) {
					t.Errorf("close:\n%s%s", out, said)
				}
			}
			aws.SetFault(nil)
			aws.Allow("elasticloadbalancing:DescribeLoadBalancers", "ec2:DescribeSecurityGroupRules", "ec2:DescribeInstances")
			aws.Home().SetZoneOutage("ap-northeast-1a", false)
			w.start()
			w.slash(ann, dev, "close "+id)
			w.card(dev, id, "*Closed*")
			w.nothingLeftSoon()
			if after := c.foreign(t); after != before {
				t.Errorf("what is not ours has changed:\n%s\nwas:\n%s", after, before)
			}
		})
	}
}

// One account cannot be reached: what is in the others is listed and closed, the
// answer names the account, and the command fails.
func TestBreakGlassWithAnUnreachableAccount(t *testing.T) {
	testenv.SkipRaced(t, "other commands beside a running bot are in TestAbandonAtTheCommandLine")
	t.Parallel()
	c, _, _ := fakeCloud(t, fakeaws.Options{Deny: []string{"sts:AssumeRole"}})
	w := newWorld(t, c, worldOptions{others: ", {name: other, region: eu-west-1, role_arn: 'arn:aws:iam::000000000001:role/nobody'}"})
	id := w.open(ann, dev, c.instance+" 1h from 203.0.113.7")
	w.card(dev, id, "ssh -p 22")
	short := w.open(bob, dev, c.instance+" 2s from 203.0.113.8")
	w.card(dev, short, "ssh -p 22")
	w.kill()
	time.Sleep(3 * time.Second)
	for _, args := range [][]string{{"leases"}, {"sweep", "--dry-run"}, {"sweep"}, {"close", id}, {"close", "--all"}} {
		if args[0] == "close" && args[1] == "--all" {
			w.start() // one more to close
			id = w.open(ann, dev, c.instance+" 1h from 203.0.113.9")
			w.card(dev, id, "ssh -p 22")
			w.kill()
		}
		out, said := w.breakGlass(exitError, args...)
		if !strings.Contains(said, "account other: ") || strings.Contains(said, "account main") || strings.Count(said, "\n") != 1 {
			t.Errorf("%v says %s", args, said)
		}
		overdue := args[0] == "sweep"
		if !overdue && !strings.Contains(out, id) || overdue && (!strings.Contains(out, short) || strings.Contains(out, id)) {
			t.Errorf("%v:\n%s", args, out)
		}
	}
	w.nothingLeft()
	if _, said := w.breakGlass(exitError, "close", "--all"); !strings.Contains(said, "account other: ") {
		t.Errorf("with nothing to close it says %s", said)
	}
}
