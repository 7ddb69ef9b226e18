package provisioner_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/provisioner"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

func TestFind(t *testing.T) {
	both(t, worldOptions{}, func(w *world) {
		for _, ref := range []string{"web-1", w.web, " web-1 "} {
			got, err := w.p.Find(w.ctx, ref, nil)
			if err != nil || len(got) != 1 {
				w.Fatalf("find %q: %v, %v", ref, got, err)
			}
			in := got[0]
			if in.ID != w.web || in.Name != "web-1" || in.Account != "main" || in.Region != w.region ||
				!in.Running || in.State != "running" || in.PrivateIP.String() != "10.1.2.94" ||
				in.Zone != w.region+"a" || in.VPC != w.vpc || len(in.Groups) != 1 || in.Groups[0] != w.group ||
				in.Tags["Name"] != "web-1" {
				w.Errorf("find %q: %+v", ref, in)
			}
		}
	})
}

func TestFindSeveral(t *testing.T) {
	both(t, worldOptions{}, func(w *world) {
		must(w.ec2.CreateTags(w.ctx, &ec2.CreateTagsInput{
			Resources: []string{w.web, w.app}, Tags: []types.Tag{{Key: aws.String("Name"), Value: aws.String("twin")}},
		}))
		got, err := w.p.Find(w.ctx, "twin", nil)
		if err != nil || len(got) != 2 || got[0].ID >= got[1].ID {
			w.Fatalf("find: %v, %v", got, err)
		}
	})
}

// Blanks at the ends of a Name tag are seen by nobody who types it.
func TestFindNameWithBlanksAroundIt(t *testing.T) {
	both(t, worldOptions{}, func(w *world) {
		for _, name := range []string{"lone", "lone ", " lone", "  lone  "} {
			must(w.ec2.CreateTags(w.ctx, &ec2.CreateTagsInput{
				Resources: []string{w.web}, Tags: []types.Tag{{Key: aws.String("Name"), Value: aws.String(name)}},
			}))
			if got, err := w.p.Find(w.ctx, "lone", nil); err != nil || len(got) != 1 || got[0].ID != w.web {
				w.Errorf("%q: %v, %v", name, got, err)
			}
		}
		must(w.ec2.CreateTags(w.ctx, &ec2.CreateTagsInput{
			Resources: []string{w.web}, Tags: []types.Tag{{Key: aws.String("Name"), Value: aws.String("lone wolf")}},
		}))
		_, err := w.p.Find(w.ctx, "lone", nil)
		w.wantCode(err, sshforward.ENOTFOUND)
	})
}

func TestFindLeavesOutWhatIsGone(t *testing.T) {
	inFake(t, worldOptions{}, func(w *world) {
		w.cloud.Home().Terminate(w.web)
		_, err := w.p.Find(w.ctx, "web-1", nil)
		w.wantCode(err, sshforward.ENOTFOUND)
		got, err := w.p.Find(w.ctx, w.web, nil) // by its id it can be looked at for a while yet
		if err != nil || len(got) != 1 || got[0].Running || got[0].State != "terminated" {
			w.Fatalf("find by id: %+v, %v", got, err)
		}
		w.cloud.Home().Stop(w.app)
		got, err = w.p.Find(w.ctx, "app-1", nil)
		if err != nil || len(got) != 1 || got[0].Running {
			w.Fatalf("find what is stopped: %+v, %v", got, err)
		}
	})
}

func TestFindPages(t *testing.T) {
	inFake(t, worldOptions{fake: fakeaws.Options{PageSize: 5}}, func(w *world) {
		for range 12 {
			w.cloud.Home().AddInstance(fakeaws.InstanceSpec{Subnet: w.private, Name: "many"})
		}
		got, err := w.p.Find(w.ctx, "many", nil)
		if err != nil || len(got) != 12 {
			w.Fatalf("%d found, %v", len(got), err)
		}
	})
}

const otherAccount = "222222222222"

func twoAccounts() worldOptions {
	return worldOptions{accounts: []provisioner.Account{
		{Name: "main", Region: "ap-northeast-1"},
		{Name: "other", Region: "ap-northeast-1", RoleARN: "arn:aws:iam::" + otherAccount + ":role/sshforward", ExternalID: "secret-handshake"},
	}}
}

// A whole life in an account that is reached through a role.
func TestAssumedRole(t *testing.T) {
	both(t, twoAccounts(), func(w *world) {
		if w.cloud == nil {
			w.buildOther()
		} else {
			w.cloud.RequireExternalID(w.opts.accounts[1].RoleARN, "secret-handshake")
			n := w.cloud.Region(otherAccount, w.region).FieldNote()
			w.cloud.Region(otherAccount, w.region).SetTags(n.Web, map[string]string{"Name": "far"})
		}
		before := w.foreign()
		l := w.lease("far")
		if l.Instance.Account != "other" {
			w.Fatalf("found in %s", l.Instance.Account)
		}
		w.open(l)
		if left := w.leftovers(); w.cloud == nil && len(left) > 0 {
			w.Errorf("in the wrong account: %q", left)
		}
		w.close(l)
		w.clean(before)
		assumed := 0
		for _, c := range w.calls.take() {
			if strings.HasPrefix(c, "sts:AssumeRole") {
				assumed++
			}
		}
		if assumed != 1 {
			w.Errorf("the role was assumed %d times", assumed)
		}
	})
}

// buildOther makes an instance "far" in moto's second account.
func (w *world) buildOther() {
	web, app, vpc, public, private, group := w.web, w.app, w.vpc, w.public, w.private, w.group
	cfg := w.as(w.opts.accounts[1].RoleARN)
	w.buildMoto(cfg)
	must(ec2.NewFromConfig(cfg).CreateTags(w.ctx, &ec2.CreateTagsInput{
		Resources: []string{w.web}, Tags: []types.Tag{{Key: aws.String("Name"), Value: aws.String("far")}},
	}))
	w.web, w.app, w.vpc, w.public, w.private, w.group = web, app, vpc, public, private, group
}

// An account that says nothing keeps nobody from what is in another.
func TestFindWithOneAccountSilent(t *testing.T) {
	inFake(t, twoAccounts(), func(w *world) {
		w.wire.set(func(op string) trouble { return trouble{hangs: op == "AssumeRole"} })
		for _, test := range []struct {
			ref     string
			settles func(sshforward.Instance) bool
			code    string
			found   int
			takes   time.Duration
		}{
			{w.web, nil, "", 1, 0}, // an id is found once
			{"web-1", nil, sshforward.EUNAVAILABLE, 1, 5 * time.Second},
			{"nobody", nil, sshforward.EUNAVAILABLE, 0, 5 * time.Second},
			{"i-0123456789abcdef0", nil, sshforward.EUNAVAILABLE, 0, 20 * time.Second},
			// What somebody may not know of takes as long as what is not there.
			{w.web, func(sshforward.Instance) bool { return false }, sshforward.EUNAVAILABLE, 1, 20 * time.Second},
		} {
			start := time.Now()
			got, err := w.p.Find(w.ctx, test.ref, test.settles)
			w.wantCode(err, test.code)
			if took := time.Since(start); took != test.takes || len(got) != test.found {
				w.Errorf("%s: %v after %v", test.ref, got, took)
			}
			if err != nil && !strings.Contains(sshforward.ErrorMessage(err).String(), "other") {
				w.Errorf("%s: %v", test.ref, err)
			}
		}
		// One that is only slow is waited for, and the order stays.
		w.wire.set(nil)
		slow := w.cloud.Region(otherAccount, w.region)
		slow.SetTags(slow.FieldNote().Web, map[string]string{"Name": "twin"})
		w.cloud.Home().SetTags(w.web, map[string]string{"Name": "twin"})
		w.cloud.SetFault(func(c fakeaws.Call) fakeaws.Fault {
			if c.Account == otherAccount {
				return fakeaws.Fault{Delay: 4 * time.Second}
			}
			return fakeaws.Fault{}
		})
		time.Sleep(time.Minute) // what still hangs has given up
		got, err := w.p.Find(w.ctx, "twin", nil)
		if err != nil || len(got) != 2 || got[0].Account != "main" || got[1].Account != "other" {
			w.Errorf("%v, %v", got, err)
		}
	})
}

// An account that needs longer than the others is as good as they are: what is in
// it is found by its id, and whether a lease's instance is there depends on its
// own account alone.
func TestInstanceInASlowAccount(t *testing.T) {
	inFake(t, twoAccounts(), func(w *world) {
		slow := w.cloud.Region(otherAccount, w.region)
		far := slow.FieldNote().Web
		w.cloud.SetFault(func(c fakeaws.Call) fakeaws.Fault {
			if c.Account == otherAccount {
				return fakeaws.Fault{Delay: 12 * time.Second}
			}
			return fakeaws.Fault{}
		})
		if got, err := w.p.Find(w.ctx, far, nil); err != nil || len(got) != 1 || got[0].Account != "other" {
			w.Errorf("by its id: %v, %v", got, err)
		}
		if in, err := w.p.Instance(w.ctx, "other", far); err != nil || in.ID != far {
			w.Errorf("in its account: %v, %v", in, err)
		}
		start := time.Now()
		if in, err := w.p.Instance(w.ctx, "main", w.web); err != nil || in.ID != w.web || time.Since(start) > 0 {
			w.Errorf("in another account: %v, %v after %s", in, err, time.Since(start))
		}
		_, err := w.p.Instance(w.ctx, "main", far)
		w.wantCode(err, sshforward.ENOTFOUND)
	})
}

func TestFindWithOneAccountDown(t *testing.T) {
	inFake(t, twoAccounts(), func(w *world) {
		w.cloud.DenyRole(w.opts.accounts[1].RoleARN)
		got, err := w.p.Find(w.ctx, "web-1", nil)
		if len(got) != 1 {
			w.Fatalf("the other account's failure is in the way: %v, %v", got, err)
		}
		w.wantCode(err, sshforward.EFORBIDDEN)
		_, err = w.p.Find(w.ctx, "nobody", nil)
		w.wantCode(err, sshforward.EFORBIDDEN)
		if m := sshforward.ErrorMessage(err).String(); !strings.Contains(m, "sts:AssumeRole") || !strings.Contains(m, "other") {
			w.Errorf("message %q", m)
		}
	})
}
