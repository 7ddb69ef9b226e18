package sshforward

import (
	"slices"
	"testing"
	"time"
)

func TestQuorum(t *testing.T) {
	yes := func(from ...string) Approval { return Approval{User: "U", From: from} }
	dba, sec := Need{"SDBA", 1}, Need{"SSEC", 1}
	for name, tt := range map[string]struct {
		by    []Approval
		needs []Need
		want  int
	}{
		"none":                                 {nil, []Need{dba, sec}, 0},
		"one of each":                          {[]Approval{yes("SDBA"), yes("SSEC")}, []Need{dba, sec}, 2},
		"two of one":                           {[]Approval{yes("SDBA"), yes("SDBA")}, []Need{dba, sec}, 1},
		"one who is both counts once":          {[]Approval{yes("SDBA", "SSEC")}, []Need{dba, sec}, 1},
		"who is both leaves the other to it":   {[]Approval{yes("SDBA", "SSEC"), yes("SDBA")}, []Need{dba, sec}, 2},
		"in whatever order":                    {[]Approval{yes("SDBA"), yes("SDBA", "SSEC")}, []Need{dba, sec}, 2},
		"a chain of three":                     {[]Approval{yes("A"), yes("A", "B"), yes("B", "C")}, []Need{{"A", 1}, {"B", 1}, {"C", 1}}, 3},
		"more than one of a group":             {[]Approval{yes("A", "B"), yes("A"), yes("A")}, []Need{{"A", 2}, {"B", 1}}, 3},
		"somebody who has nothing to do there": {[]Approval{yes(), yes("X")}, []Need{dba, sec}, 0},
	} {
		if got := answered(tt.by, tt.needs); got != tt.want {
			t.Errorf("%s: %d, want %d", name, got, tt.want)
		}
		slices.Reverse(tt.by)
		if got := answered(tt.by, tt.needs); got != tt.want {
			t.Errorf("%s, the other way round: %d, want %d", name, got, tt.want)
		}
	}
	if got := Lacking([]Approval{yes("SDBA")}, []Need{{"SDBA", 2}, sec}); !slices.Equal(got, []Need{{"SDBA", 1}, sec}) {
		t.Errorf("lacking %v", got)
	}
}

// two groups each have to say yes, and a yes of the one does not count for the
// other.
func (w *world) twoGroups() {
	w.dir.change(func(d *fakeDirectory) { d.groups["SDBA"], d.groups["SSEC"] = []string{bob, dave}, []string{carol} })
	r := &w.keeper().policy.Rules[0]
	r.Approvers, r.Approvals, r.Needs = []string{"SDBA", "SSEC"}, 2, []Need{{"SDBA", 1}, {"SSEC", 1}}
	r.ExtendApprovals, r.ExtendNeeds, r.Max = 2, r.Needs, 2*time.Hour
}

func TestBothGroupsHaveToApprove(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.twoGroups()
		id := w.pending()
		w.must(bob, ApproveLease{ID: id})
		_, err := w.do(dave, ApproveLease{ID: id})
		wantCode(t, err, ECONFLICT)
		if l := w.lease(id); l.State != Pending || len(l.Approved) != 1 {
			t.Fatalf("%s, approved by %v", l.State, l.Approved)
		}
		w.must(carol, ApproveLease{ID: id})
		w.pass(time.Minute)
		w.expect(id, Open, "")

		w.must(alice, ExtendLease{Ref: id, Duration: 10 * time.Minute})
		w.must(carol, ApproveLease{ID: id, Extend: 10 * time.Minute})
		if l := w.lease(id); l.Asked.Decided {
			t.Error("the extension was granted by one group")
		}
		w.must(dave, ApproveLease{ID: id, Extend: 10 * time.Minute})
		if l := w.lease(id); !l.Asked.Decided {
			t.Error("the extension was not granted")
		}
	})
}

// Who says yes for a group and is not in it any more at the last yes, or at the
// check after it, has not said it.
func TestApprovalsOfWhoHasLeftTheirGroup(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.twoGroups()
		id := w.pending()
		w.must(bob, ApproveLease{ID: id})
		w.dir.change(func(d *fakeDirectory) { d.groups["SDBA"], d.groups["SSEC"] = []string{dave}, []string{carol, bob} })
		_, err := w.do(carol, ApproveLease{ID: id})
		wantCode(t, err, ECONFLICT) // bob's counts for the other group now
		w.must(dave, ApproveLease{ID: id})
		w.pass(time.Minute)
		w.expect(id, Open, "")
	})
}

func TestNobodyCouldApproveForOneOfTheGroups(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.twoGroups()
		w.dir.change(func(d *fakeDirectory) { d.groups["SDBA"], d.groups["SSEC"] = []string{bob}, []string{bob, alice} })
		_, err := w.do(alice, OpenLease{Instance: "db", Because: "ticket 7"})
		wantCode(t, err, EFORBIDDEN)
	})
}

// notify says who is asked, approvers who may say yes.
func TestNotifyNarrowsWhoIsAsked(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.asking(AskBoth, "SLEAD")
		w.keeper().policy.Rules[0].Notify = []string{carol, "UNOAPPROVER"}
		id := w.pending()
		if got := w.slack.heard(id); !sameWords(got, "new card", "approval", "approval to "+carol) {
			t.Errorf("people heard %q", got)
		}
		w.must(bob, ApproveLease{ID: id})
	})
}

// Who looks at a request is shown to the others, for five minutes.
func TestClaim(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.asking(AskBoth, bob, carol)
		id := w.pending()
		w.must(bob, ClaimLease{ID: id})
		w.pass(5 * time.Second)
		if !w.lease(id).Claimed() || len(w.slack.when(id, "edit approval "+carol)) != 1 || len(w.slack.when(id, "edit approval "+bob)) != 1 {
			t.Error("not shown to the others")
		}
		if w.slack.shows(id) != "pending approved=0 claim="+bob {
			t.Errorf("the card shows %q", w.slack.shows(id))
		}
		w.crash()
		w.start()
		w.pass(5*time.Minute + time.Second)
		if w.lease(id).Claimed() || w.slack.shows(id) != "pending approved=0" {
			t.Errorf("after five minutes the card shows %q", w.slack.shows(id))
		}
		_, err := w.do(alice, ClaimLease{ID: id})
		wantCode(t, err, EFORBIDDEN)
		_, err = w.do("UMALLORY", ClaimLease{ID: id})
		wantCode(t, err, EFORBIDDEN)
		w.asking(AskBoth, bob, carol)
		w.must(carol, ClaimLease{ID: id})
		w.must(carol, ApproveLease{ID: id})
		w.pass(time.Minute)
		if l := w.stored(id); l.State != Open || l.Claimed() || slices.ContainsFunc(l.Posted, func(p Posted) bool { return p.Kind.Asks() }) {
			t.Errorf("%s, %+v, %v", l.State, l.Claim, l.Posted)
		}
		_, err = w.do(bob, ClaimLease{ID: id})
		wantCode(t, err, ECONFLICT)
	})
}
