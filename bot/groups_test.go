package bot

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/bot/fakeslack"
)

const listMembers = "usergroups.list"

func TestMemberAsksSlackOnceAMinute(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	x := quiet(w)
	for range 3 {
		for user, want := range map[string]bool{"U1": true, "U2": false} {
			if got, err := x.Member(t.Context(), user, "S1"); got != want || err != nil {
				t.Errorf("%s: %t, %v", user, got, err)
			}
		}
	}
	if n := len(w.Calls(listMembers)); n != 1 {
		t.Errorf("asked %d times", n)
	}
}

func TestMemberForgetsAfterAWhile(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	x := quiet(w, func(o *Options) { o.GroupCache = 20 * time.Millisecond })
	x.Member(t.Context(), "U2", "S1")
	w.AddUserGroup(fakeslack.UserGroup{ID: "S1", Users: []string{"U2"}})
	eventually(t, "U2 is a member", func() bool { ok, _ := x.Member(t.Context(), "U2", "S1"); return ok })
}

func TestMemberAsksOnceForAllWhoAskTogether(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{Latency: 100 * time.Millisecond})
	x := quiet(w)
	impatient, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	var all sync.WaitGroup
	all.Go(func() {
		if _, err := x.Member(impatient, "U1", "S1"); sshforward.ErrorCode(err) != sshforward.EUNAVAILABLE {
			t.Errorf("the one who does not wait: %v", err)
		}
	})
	for range 20 {
		all.Go(func() {
			if ok, err := x.Member(t.Context(), "U1", "S1"); !ok || err != nil {
				t.Errorf("%t, %v", ok, err)
			}
		})
	}
	all.Wait()
	if n := len(w.Calls(listMembers)); n != 1 {
		t.Errorf("asked %d times", n)
	}
}

func TestMemberOfAUserIsThatUser(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	x := quiet(w)
	yes, err := x.Member(t.Context(), "U1", "U1")
	no, err2 := x.Member(t.Context(), "U1", "U2")
	if !yes || no || err != nil || err2 != nil || len(w.Calls()) > 0 {
		t.Error(yes, no, err, err2)
	}
}

func TestMemberIsUnavailableWhenSlackDoesNotTell(t *testing.T) {
	t.Parallel()
	for _, out := range []fakeslack.Outcome{
		{Status: 429, RetryAfter: time.Second}, {Status: 500}, {Error: "missing_scope"}, {LoseAnswer: true},
	} {
		w := office(t, fakeslack.Options{})
		x := quiet(w)
		w.FailNext(listMembers, out)
		ok, err := x.Member(t.Context(), "U1", "S1")
		if ok || sshforward.ErrorCode(err) != sshforward.EUNAVAILABLE {
			t.Errorf("%+v: %t, %v", out, ok, err)
		}
		// It is not remembered.
		time.Sleep(out.RetryAfter)
		if ok, err := x.Member(t.Context(), "U1", "S1"); !ok || err != nil {
			t.Errorf("%+v, then: %t, %v", out, ok, err)
		}
	}
}

// However many groups there are, all are read with one call, and one that is not
// there costs none.
func TestAllGroupsAreReadWithOneCall(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{Rates: true})
	for n := range 60 {
		w.AddUserGroup(fakeslack.UserGroup{ID: fmt.Sprintf("S1%02d", n), Users: []string{"U1"}})
	}
	w.AddUserGroup(fakeslack.UserGroup{ID: "SOFF", Users: []string{"U1"}, Disabled: true})
	x := quiet(w)
	for n := range 60 {
		if got, err := x.Members(t.Context(), fmt.Sprintf("S1%02d", n)); len(got) != 1 || err != nil {
			t.Fatalf("%d: %v, %v", n, got, err)
		}
	}
	for range 30 {
		for _, group := range []string{"S404", "SOFF"} {
			if _, err := x.Members(t.Context(), group); sshforward.ErrorCode(err) != sshforward.EUNAVAILABLE {
				t.Fatalf("%s: %v", group, err)
			}
		}
	}
	if n := len(w.Calls("usergroups.list")) + len(w.Calls("usergroups.users.list")); n != 1 {
		t.Errorf("%d calls", n)
	}
}
