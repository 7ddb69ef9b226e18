package bot

import (
	"fmt"
	"testing"
	"time"

	"github.com/slack-go/slack"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/bot/fakeslack"
)

// A hundred openings make progress and then open: Slack never has to say that it
// is too much, progress leaves room for what people wait for, and who has to
// wait is told for how long.
func TestUpdatesKeepToTheirTier(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{Rates: true, PostInterval: time.Nanosecond})
	x := quiet(w)
	var all []*sshforward.Lease
	for i := range 100 {
		l := lease(sshforward.Opening)
		l.ID = fmt.Sprintf("aaaa%03d", i)
		x.posted(t, l)
		all = append(all, l)
	}
	shown := map[bool]int{}
	for _, state := range []sshforward.State{sshforward.Opening, sshforward.Open} {
		for _, was := range all {
			l := lease(state)
			l.ID, l.Card = was.ID, was.Card
			if state == sshforward.Opening {
				l.Card.Firm = "opening" // as the keeper has it
			}
			_, _, err := x.Card(t.Context(), l)
			if err == nil {
				shown[state == sshforward.Opening]++
				continue
			}
			if e, ok := err.(*sshforward.Error); !ok || e.Code != sshforward.EUNAVAILABLE || e.RetryAfter <= 0 ||
				state == sshforward.Opening && e.RetryAfter < progressPause {
				t.Fatalf("%s: %v", state, err)
			}
		}
	}
	if shown[true] != int(progress) || shown[true]+shown[false] != int(changeOfState) {
		t.Errorf("%d times progress, %d changes of state", shown[true], shown[false])
	}
	if u := w.Usage("chat.update"); u.Limited > 0 || u.Calls != int(changeOfState) {
		t.Errorf("%+v", u)
	}
}

func TestRoomForUpdatesComesBack(t *testing.T) {
	t.Parallel()
	r := newRates()
	for i := range int(changeOfState) {
		if wait := r.takeUpdate(changeOfState, noon.Add(time.Duration(i)*time.Second)); wait > 0 {
			t.Fatalf("%d: %s", i, wait)
		}
	}
	now := noon.Add(50 * time.Second)
	wait := r.takeUpdate(changeOfState, now)
	if first := noon.Add(updateWindow).Sub(now); wait < first || wait > first+time.Second {
		t.Errorf("it waits %s", wait)
	}
	if wait := r.takeUpdate(changeOfState, now.Add(wait)); wait > 0 {
		t.Errorf("and then %s", wait)
	}
	for range 1000 {
		r.takeUpdate(progress, now)
	}
	if n := len(r.updates); n > int(changeOfState) {
		t.Errorf("%d are remembered", n)
	}
}

// Once Slack has asked for it a method is left alone for all, and the others are
// not; messages have a limit for each channel.
func TestOneQuietTimeForEachMethod(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	x := quiet(w)
	slow := fakeslack.Outcome{Status: 429, RetryAfter: time.Second}
	w.FailNext("users.info", slow)
	w.FailNext("chat.postMessage", slow)
	info := func() error { _, err := x.client.api.GetUserInfo("U1"); return err }
	post := func(channel string) error {
		_, _, err := x.client.post(t.Context(), channel, paragraph("x"))
		return err
	}
	for range 5 {
		if err := info(); retryAfter(err) == 0 {
			t.Errorf("users.info: %v", err)
		}
		if err := post("C1"); retryAfter(err) == 0 {
			t.Errorf("a message to C1: %v", err)
		}
	}
	if err := post("C2"); err != nil {
		t.Errorf("a message to C2: %v", err)
	}
	if _, err := x.client.api.GetUserGroups(slack.GetUserGroupsOptionIncludeUsers(true)); err != nil {
		t.Errorf("usergroups.list: %v", err)
	}
	if a, b := len(w.Calls("users.info")), len(w.Calls("chat.postMessage")); a != 1 || b != 2 {
		t.Errorf("%d calls of users.info, %d of chat.postMessage", a, b)
	}
	time.Sleep(time.Second)
	if err := info(); err != nil {
		t.Error(err)
	}
	if err := post("C1"); err != nil {
		t.Error(err)
	}
}
