package bot

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/bot/fakeslack"
)

func TestHomesFollowTheCardsAndDoNotHoldThemUp(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	k := newDesk()
	x := live(t, w, k)
	w.AddUser(fakeslack.User{ID: "U3", Name: "cas"})
	for _, user := range []string{"U1", "U2", "U3"} {
		x.opensHome(t, user)
		x.home(t, user, "You have no lease.")
	}
	before := len(w.Calls("views.publish"))
	// U2's request, which U1 may decide about as a member of S1.
	hold := make(chan struct{})
	w.SetFault(func(c fakeslack.Call) fakeslack.Outcome {
		if c.Method == "views.publish" || c.Method == "usergroups.list" {
			<-hold
		}
		return fakeslack.Outcome{}
	})
	l := pending("want001", "U2")
	l.Approvers = []string{"S1"}
	k.set(l)
	x.posted(t, l) // although nobody's Home gets through
	close(hold)
	x.home(t, "U1", "Waiting for your decision: 1")
	x.home(t, "U2", "Your leases: 1")
	l = with(sshforward.Opening, func(l *sshforward.Lease) { l.ID, l.Owner = "want001", "U2" })
	l.Approvers, l.Card = []string{"S1"}, sshforward.Card{Channel: "C1", TS: w.Messages("C1")[0].TS}
	k.set(l)
	x.posted(t, l)
	waitFor(t, w, func(s *fakeslack.Snapshot) bool {
		v, _ := s.Home("U1")
		return !strings.Contains(v.Visible(), "Waiting for your decision")
	})
	x.home(t, "U2", "is being opened")
	at := len(w.Calls("views.publish"))
	l = l.Clone()
	l.Stage = sshforward.StageClock // no business of approvers
	k.set(l)
	x.posted(t, l)
	x.home(t, "U2", "starting the clock")
	for _, c := range w.Calls("views.publish")[at:] {
		if c.Args["user_id"] != "U2" {
			t.Errorf("published for %v", c.Args["user_id"])
		}
	}
	for _, c := range w.Calls("views.publish")[before:] {
		if c.Args["user_id"] == "U3" {
			t.Error("published for somebody who has nothing to do with it")
		}
	}
}

// What another replica has changed shows too, without a card from here.
func TestHomesFollowOtherReplicas(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	k := newDesk()
	x := live(t, w, k)
	if x.Watched() {
		t.Error("nobody has looked at anything")
	}
	x.opensHome(t, "U1")
	x.home(t, "U1", "You have no lease.")
	if !x.Watched() {
		t.Error("somebody looks at their Home")
	}
	l := lease(sshforward.Opening)
	k.set(l)
	x.Changed(l)
	x.home(t, "U1", "Your leases: 1")
	k.set(with(sshforward.Open, func(l *sshforward.Lease) {}))
	x.ChangedAll()
	x.home(t, "U1", "is *open*")
	if n := len(w.Messages("C1")); n != 0 {
		t.Errorf("%d messages were posted", n)
	}
}

func TestManyChangesAreFewPublishesAndTheLastOneShows(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	k := newDesk(lease(sshforward.Opening))
	x := live(t, w, k)
	x.opensHome(t, "U1")
	x.home(t, "U1", "Your leases: 1")
	time.Sleep(homeGap)
	began, before := time.Now(), len(w.Calls("views.publish"))
	var all sync.WaitGroup
	for n := range 10 {
		all.Go(func() {
			for i := range 30 {
				l := lease(sshforward.Open)
				l.ID, l.Instance.Name = fmt.Sprintf("r%03d%03d", n, i), fmt.Sprintf("box-%d-%d", n, i)
				k.set(l)
				x.homes.changed(l)
				time.Sleep(time.Millisecond)
			}
		})
	}
	all.Wait()
	x.home(t, "U1", "Your leases: 301")
	calls := w.Calls("views.publish")[before:]
	if most := int(time.Since(began)/homeGap) + 2; len(calls) > most {
		t.Errorf("%d publishes, want %d at most", len(calls), most)
	}
	for i := 1; i < len(calls); i++ {
		if gap := calls[i].At.Sub(calls[i-1].At); gap < homeGap {
			t.Errorf("%v between two", gap)
		}
	}
}

func TestHomeThatSlackRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		o    fakeslack.Outcome
		gap  time.Duration
		want int // calls without another change
	}{
		"limited":  {fakeslack.Outcome{Status: 429, RetryAfter: 2 * time.Second}, 2 * time.Second, 2},
		"conflict": {fakeslack.Outcome{Error: "hash_conflict"}, time.Second, 2},
		"broken":   {fakeslack.Outcome{Status: 503}, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := office(t, fakeslack.Options{})
			x := live(t, w, newDesk())
			w.FailNext("views.publish", c.o)
			x.opensHome(t, "U1")
			if c.want == 1 {
				time.Sleep(homeGap + 200*time.Millisecond)
				x.types(t, "U1", "C1", "ip clear") // the next change repeats it
			}
			x.home(t, "U1", "You have no lease.")
			calls := w.Calls("views.publish")
			if len(calls) != 2 || calls[1].At.Sub(calls[0].At) < c.gap {
				t.Errorf("%+v", calls)
			}
		})
	}
}

func TestHomeOfAKeeperThatRefuses(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	x := live(t, w, answers(sshforward.Reply{}, sshforward.Errorf(sshforward.EUNAVAILABLE, "The store is <away>.")))
	x.opensHome(t, "U1")
	if v := x.home(t, "U1", "The store is &lt;away&gt;."); !v.HasButton(actionForm) {
		t.Error("no button")
	}
}

func TestOtherEventsAndStrangersGetNoHome(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	k := newDesk()
	x := live(t, w, k)
	for _, e := range []map[string]any{{"type": "app_home_opened", "user": "U1", "tab": "messages"},
		{"type": "app_mention", "user": "U1"}, {"type": "app_home_opened", "tab": "home"}} {
		if res, err := w.Event(t.Context(), e); err != nil || !res.Acked {
			t.Errorf("%+v, %v", res, err)
		}
	}
	d, err := w.Deliver(t.Context(), fakeslack.Envelope{Type: fakeslack.TypeEventsAPI, Payload: map[string]any{
		"team_id": "T9OTHER", "type": "event_callback", "event": map[string]any{"type": "app_home_opened", "user": "U9", "tab": "home"}}})
	if err != nil || !d.Acked {
		t.Errorf("%+v, %v", d, err)
	}
	eventually(t, "recorded", func() bool { return len(k.heard()) == 1 && k.whats()[0] == "U9 another workspace" })
	x.posted(t, lease(sshforward.Open)) // U1 has not opened Home
	if n := len(w.Calls("views.publish")); n != 0 {
		t.Errorf("%d Homes published", n)
	}
}

func TestNoMoreHomesAreKeptThanABound(t *testing.T) {
	t.Parallel()
	x := quiet(office(t, fakeslack.Options{}))
	for i := range maxHomes + 50 {
		x.homes.viewed(sshforward.Caller{User: fmt.Sprint("U", i)})
	}
	c := newCache[string, int](3)
	kept := x.homes.viewers
	if n := kept.Len(); n != maxHomes || kept.Contains("U0") || !kept.Contains(fmt.Sprint("U", maxHomes+49)) {
		t.Errorf("%d are kept", n)
	}
	for i := range 10 {
		c.Add(fmt.Sprint(i), i)
	}
	if c.Contains("6") || c.Len() != 3 {
		t.Errorf("%v", c.Keys())
	}
}

func TestHomesOfManyComeThroughARateLimit(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	x := live(t, w, newDesk())
	const people = 30
	for i := range people {
		w.AddUser(fakeslack.User{ID: fmt.Sprintf("U1%02d", i), Name: fmt.Sprint("p", i)})
	}
	var mu sync.Mutex
	var taken []time.Time // within the last second
	w.SetFault(func(c fakeslack.Call) fakeslack.Outcome {
		mu.Lock()
		defer mu.Unlock()
		for len(taken) > 0 && time.Since(taken[0]) > time.Second {
			taken = taken[1:]
		}
		if c.Method != "views.publish" {
			return fakeslack.Outcome{}
		}
		if len(taken) >= 10 {
			return fakeslack.Outcome{Status: 429, RetryAfter: time.Second}
		}
		taken = append(taken, time.Now())
		return fakeslack.Outcome{}
	})
	for i := range people {
		x.opensHome(t, fmt.Sprintf("U1%02d", i))
	}
	for i := range people {
		x.home(t, fmt.Sprintf("U1%02d", i), "You have no lease.")
	}
}

func TestHomesOfApproversFollowOnceSlackTellsWhoTheyAre(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	k := newDesk()
	x := live(t, w, k)
	x.opensHome(t, "U1")
	x.home(t, "U1", "You have no lease.")
	l := pending("want001", "U2")
	l.Approvers = []string{"S1"}
	k.set(l)
	w.FailNext("usergroups.list", fakeslack.Outcome{Error: "internal_error"})
	x.posted(t, l)
	eventually(t, "refused", func() bool { return strings.Contains(x.log.String(), "not kept current for a user group") })
	eventually(t, "shown", func() bool { // some later step of the same lease
		_, _, _ = x.Card(t.Context(), l) // too many of them have to wait
		time.Sleep(10 * time.Millisecond)
		v, _ := w.Home("U1")
		return strings.Contains(v.Visible(), "Waiting for your decision: 1")
	})
}
