package provisioner_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/internal/testenv"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

func names(list []sshforward.Instance) string {
	var out []string
	for _, i := range list {
		out = append(out, i.Name)
	}
	return strings.Join(out, " ")
}

func TestListLeavesOutWhatCannotBeOpened(t *testing.T) {
	inFake(t, worldOptions{fake: fakeaws.Options{StateDelay: time.Minute}}, func(w *world) {
		h := w.cloud.Home()
		for name, state := range map[string]string{"p": fakeaws.Pending, "s": fakeaws.Stopped, "t": fakeaws.Terminated} {
			h.AddInstance(fakeaws.InstanceSpec{Subnet: w.private, Name: name, State: state})
		}
		h.AddInstance(fakeaws.InstanceSpec{Subnet: w.private, Name: "v6", IPv6Only: true})
		h.Stop(w.app)
		got, err := w.p.List(w.ctx, "main")
		if err != nil || names(got) != "db-1 web-1" {
			w.Errorf("%s, %v", names(got), err)
		}
		v6 := must(w.p.Find(w.ctx, "v6", nil))[0]
		_, err = w.p.Preflight(w.ctx, v6, nil)
		w.wantCode(err, sshforward.EINVALID) // it is left out for a reason
	})
}

// A thousand and more, in as few calls as EC2 allows.
func TestListPages(t *testing.T) {
	many := testenv.UnlessRaced(1200, 120)
	inFake(t, worldOptions{fake: fakeaws.Options{PageSize: testenv.UnlessRaced(0, 100)}}, func(w *world) {
		big := w.cloud.Home().AddSubnet(w.vpc, "10.1.16.0/20", w.region+"a", nil)
		for range many {
			w.cloud.Home().AddInstance(fakeaws.InstanceSpec{Subnet: big, Name: "twin"})
		}
		w.calls.take()
		got, err := w.p.List(w.ctx, "main")
		if err != nil || len(got) != many+3 {
			w.Fatalf("%d listed, %v", len(got), err)
		}
		if calls := w.calls.take(); len(calls) != 2 {
			w.Errorf("calls %q", calls)
		}
		if !slices.IsSortedFunc(got, func(x, y sshforward.Instance) int { return strings.Compare(x.Name+x.ID, y.Name+y.ID) }) {
			w.Error("not in order")
		}
		if first, last := got[0].Name, got[len(got)-1].Name; first != "app-1" || last != "web-1" {
			w.Errorf("from %s to %s", first, last)
		}
	})
}

func TestListErrors(t *testing.T) {
	for code, want := range map[string]string{
		"UnauthorizedOperation": sshforward.EFORBIDDEN,
		"RequestLimitExceeded":  sshforward.EUNAVAILABLE,
		"InternalError":         sshforward.EUNAVAILABLE,
	} {
		t.Run(code, func(t *testing.T) {
			inFake(t, worldOptions{}, func(w *world) {
				status := map[string]int{"InternalError": 500}[code]
				w.cloud.SetFault(func(fakeaws.Call) fakeaws.Fault { return fakeaws.Fault{Code: code, Status: status} })
				_, err := w.p.List(w.ctx, "main")
				w.wantCode(err, want)
			})
		})
	}
}

// One account's list does not ask the others.
func TestListOfOneAccount(t *testing.T) {
	inFake(t, twoAccounts(), func(w *world) {
		n := w.cloud.Region(otherAccount, w.region).FieldNote()
		w.cloud.Region(otherAccount, w.region).SetTags(n.Web, map[string]string{"Name": "far"})
		w.cloud.DenyRole(w.opts.accounts[1].RoleARN)
		got, err := w.p.List(w.ctx, "main")
		if err != nil || names(got) != "app-1 db-1 web-1" {
			w.Errorf("main: %s, %v", names(got), err)
		}
		_, err = w.p.List(w.ctx, "other")
		w.wantCode(err, sshforward.EFORBIDDEN)
	})
}
