package provisionertest

import (
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sshforward/sshforward"
)

// finding: what there is to open, and whether it can be.
var finding = []clause{
	{"an instance is found by its id and by its Name, whole", func(b *bench) {
		for _, ref := range []string{b.Instance, b.InstanceName, " " + b.InstanceName + " "} {
			found, err := b.p.Find(b.ctx, ref, nil)
			if err != nil || len(found) != 1 {
				b.Fatalf("find %q: %v, %v", ref, found, err)
			}
			if in := found[0]; in.Account != b.Account || in.Region == "" || in.ID != b.Instance || in.Name != b.InstanceName || !in.Running ||
				in.State != "running" || !in.PrivateIP.Is4() || in.Zone == "" || in.VPC == "" || len(in.Groups) == 0 {
				b.Errorf("find %q: %+v", ref, in)
			}
		}
	}},
	{"an instance is looked at in one account", func(b *bench) {
		found, err := b.p.Find(b.ctx, b.Instance, nil)
		if err != nil {
			b.Fatal(err)
		}
		in, err := b.p.Instance(b.ctx, b.Account, b.Instance)
		if diff := cmp.Diff(found[0], in, cmpopts.EquateEmpty(), cmpopts.EquateComparable(in.PrivateIP)); err != nil || diff != "" {
			b.Errorf("%v, found and looked at:\n%s", err, diff)
		}
		for _, id := range []string{"i-0123456789abcdef0", b.InstanceName} {
			_, err = b.p.Instance(b.ctx, b.Account, id)
			b.wantCode(err, sshforward.ENOTFOUND)
		}
	}},
	{"a pattern is not a name, nor is a part of one", func(b *bench) {
		for _, ref := range []string{"", "*", b.InstanceName[:2], b.InstanceName[:2] + "*", b.InstanceName[:len(b.InstanceName)-1] + "?",
			b.InstanceName[:2] + `\` + b.InstanceName[2:], strings.ToUpper(b.InstanceName), "i-0123456789abcdef0", "i-xyz"} {
			_, err := b.p.Find(b.ctx, ref, nil)
			b.wantCode(err, sshforward.ENOTFOUND)
		}
	}},
	{"the list has what is found, in the order of names", func(b *bench) {
		list, err := b.p.List(b.ctx, b.Account)
		at := slices.IndexFunc(list, func(i sshforward.Instance) bool { return i.ID == b.Instance })
		if err != nil || at < 0 {
			b.Fatalf("list: %v, %v", list, err)
		}
		found, err := b.p.Find(b.ctx, b.Instance, nil)
		if err != nil {
			b.Fatal(err)
		}
		if diff := cmp.Diff(found[0], list[at], cmpopts.EquateEmpty(), cmpopts.EquateComparable(found[0].PrivateIP)); diff != "" {
			b.Errorf("found and listed:\n%s", diff)
		}
		if !slices.IsSortedFunc(list, func(x, y sshforward.Instance) int { return strings.Compare(x.Name+x.ID, y.Name+y.ID) }) {
			b.Errorf("not in order: %v", list)
		}
	}},
	{"an account that is not configured is refused, with its name", func(b *bench) {
		_, err := b.p.List(b.ctx, "no-such")
		b.wantCode(err, sshforward.ENOTFOUND)
		if m := sshforward.ErrorMessage(err).String(); !strings.Contains(m, "no-such") {
			b.Errorf("message %q", m)
		}
		l := b.lease()
		l.Instance.Account = "no-such"
		_, err = b.p.Preflight(b.ctx, l.Instance, l.Sources)
		b.wantCode(err, sshforward.EINVALID)
		_, err = b.p.Survey(b.ctx, "no-such", nil)
		b.wantCode(err, sshforward.EINVALID)
		enter(l, stages[0])
		for what, do := range map[string]step{"open": b.p.Open, "extend": b.p.Extend, "close": b.p.Close, "mend": b.p.Mend} {
			if _, err := do(b.ctx, l); sshforward.ErrorCode(err) != sshforward.EINVALID {
				b.Errorf("%s: %v", what, err)
			}
		}
	}},
	{"what does not run has no place", func(b *bench) {
		l := b.lease()
		l.Instance.Running, l.Instance.State = false, "stopped"
		_, err := b.p.Preflight(b.ctx, l.Instance, l.Sources)
		b.wantCode(err, sshforward.EINVALID)
	}},
	{"looking makes nothing", func(b *bench) {
		before := b.Foreign()
		b.lease()
		b.clean(before)
	}},
}
