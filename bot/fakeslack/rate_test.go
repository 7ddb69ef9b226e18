package fakeslack_test

import (
	"errors"
	"testing"
	"time"

	"github.com/slack-go/slack"

	"github.com/sshforward/sshforward/bot/fakeslack"
)

func limited(err error) bool {
	var e *slack.RateLimitedError
	return errors.As(err, &e) && e.RetryAfter > 0
}

func TestTiersArePerMethod(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{Rates: true, PostInterval: time.Nanosecond})
	api := client(t, w)
	_, ts, err := api.PostMessage("C1", slack.MsgOptionText("x", false))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		method string
		pass   int
		call   func() error
	}{
		{"chat.update", 50, func() error { _, _, _, err := api.UpdateMessage("C1", ts, slack.MsgOptionText("y", false)); return err }},
		{"conversations.open", 50, func() error {
			_, _, _, err := api.OpenConversation(&slack.OpenConversationParameters{Users: []string{"U1"}})
			return err
		}},
		{"users.info", 100, func() error { _, err := api.GetUserInfo("U1"); return err }},
		{"usergroups.users.list", 20, func() error { _, err := api.GetUserGroupMembers("S1"); return err }},
		{"usergroups.list", 20, func() error { _, err := api.GetUserGroups(); return err }},
		{"views.publish", 100, func() error {
			_, err := api.PublishViewContext(t.Context(), slack.PublishViewContextRequest{UserID: "U1", View: slack.HomeTabViewRequest{Type: "home",
				Blocks: slack.Blocks{BlockSet: []slack.Block{slack.NewDividerBlock()}}}})
			return err
		}},
	} {
		for i := range c.pass {
			if err := c.call(); err != nil {
				t.Fatalf("%s, call %d: %v", c.method, i+1, err)
			}
		}
		if err := c.call(); !limited(err) {
			t.Errorf("%s, one too many: %v", c.method, err)
		}
		if u := w.Usage(c.method); u != (fakeslack.Usage{Calls: c.pass + 1, Limited: 1, Peak: c.pass + 1}) {
			t.Errorf("%s: %+v", c.method, u)
		}
	}
}

func TestRatesRecover(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{Rates: true, RateWindow: 300 * time.Millisecond})
	api := client(t, w)
	ask := func() error { _, err := api.GetUserGroups(); return err }
	for ask() == nil {
	}
	time.Sleep(310 * time.Millisecond)
	wantErr(t, ask(), "")
}

func TestPostsComeInShortBursts(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{Rates: true})
	api := client(t, w)
	post := func(ch string) error { _, _, err := api.PostMessage(ch, slack.MsgOptionText("x", false)); return err }
	n := 0
	for post("C1") == nil {
		n++
	}
	if n < 4 || n > 6 { // a slow machine earns one more
		t.Errorf("%d messages at once", n)
	}
	if err := post("C1"); !limited(err) {
		t.Errorf("the next: %v", err)
	}
	wantErr(t, post("C2"), "") // another channel has a rate of its own
	if u := w.Usage("chat.postMessage"); u.Limited < 2 {
		t.Errorf("%+v", u)
	}
}

// TestUsageCountsWithoutRates lets a test judge how fast a bot goes without
// being slowed down.
func TestUsageCountsWithoutRates(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{History: 5, RateWindow: time.Hour})
	api := client(t, w)
	for range 60 {
		if _, err := api.GetUserGroups(); err != nil {
			t.Fatal(err)
		}
	}
	if u := w.Usage("usergroups.list"); u != (fakeslack.Usage{Calls: 60, Peak: 60}) {
		t.Errorf("%+v", u)
	}
}
