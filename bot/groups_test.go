package bot

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/bot/fakeslack"
)

const listMembers = "usergroups.users.list"

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
	for _, out := range []fakeslack.Outcome{{Status: 429, RetryAfter: time.Second}, {Status: 500}, {Error: "no_such_subteam"},
		{Error: "missing_scope"}, {LoseAnswer: true}} {
		w := office(t, fakeslack.Options{})
		x := quiet(w)
		w.FailNext(listMembers, out)
		ok, err := x.Member(t.Context(), "U1", "S1")
		if ok || sshforward.ErrorCode(err) != sshforward.EUNAVAILABLE {
			t.Errorf("%+v: %t, %v", out, ok, err)
		}
		// It is not remembered.
		if ok, err := x.Member(t.Context(), "U1", "S1"); !ok || err != nil {
			t.Errorf("%+v, then: %t, %v", out, ok, err)
		}
	}
}
