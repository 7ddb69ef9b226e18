package bot

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/bot/fakeslack"
)

// secrets are what another company must not read: the command, who, and where.
func leaks(w *fakeslack.Workspace, channel string) bool {
	return slices.ContainsFunc(w.Messages(channel), func(m fakeslack.Message) bool {
		all := m.Visible() + m.Text
		return strings.Contains(all, "ssh -p") || strings.Contains(all, "web-1") || strings.Contains(all, "U1")
	})
}

func TestPartnersSeeNoCards(t *testing.T) {
	t.Parallel()
	for name, share := range map[string]func(*fakeslack.Channel){
		"shared":   func(c *fakeslack.Channel) { c.ExtShared = true },
		"to be so": func(c *fakeslack.Channel) { c.PendingExtShared = true },
	} {
		for _, operators := range []string{"C2", "", "C1"} {
			w := office(t, fakeslack.Options{})
			w.ChangeChannel("C1", share)
			x := quiet(w, func(o *Options) { o.Channel = operators })
			l := lease(sshforward.Pending)
			x.posted(t, l)
			x.notices(t, l, sshforward.NoticeApproval)
			open := lease(sshforward.Open)
			open.Card = l.Card
			x.posted(t, open)
			x.notices(t, open, sshforward.NoticeReady)
			x.notices(t, open, sshforward.NoticeReminder)
			if n := len(w.Messages("C1")); n > 0 {
				t.Errorf("%s, slack.channel %q: %d messages there", name, operators, n)
			}
			want := "C2"
			if operators != "C2" {
				want = w.DM("U1")
			}
			if n := len(w.Messages(want)); l.Card.Channel != want || n != 4 {
				t.Errorf("%s, slack.channel %q: the card is in %s, %d messages in %s", name, operators, l.Card.Channel, n, want)
			}
		}
	}
}

// A channel that is shared while a lease is open loses its card, and gets nothing
// more of the lease.
func TestCardMovesOutOfAChannelThatIsShared(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	x := quiet(w)
	l := lease(sshforward.Open)
	x.posted(t, l)
	for _, kind := range []sshforward.NoticeKind{sshforward.NoticeReminder, sshforward.NoticeCommand} {
		l.Posted = append(l.Posted, sshforward.Posted{Place: x.notices(t, l, kind), Kind: kind, At: noon})
	}
	w.ChangeChannel("C1", func(c *fakeslack.Channel) { c.ExtShared = true })
	x.channels.cache.Purge() // a minute later
	x.notices(t, l, sshforward.NoticeReminder)
	l.ExpiresAt = l.ExpiresAt.Add(time.Hour)
	x.posted(t, l)
	x.edits(t, l, l)
	if l.Card.Channel != "C2" || leaks(w, "C1") {
		t.Errorf("the card is in %s, there are %+v", l.Card.Channel, w.Messages("C1"))
	}
	if n := len(w.Messages("C2")); n != 2 {
		t.Errorf("%d messages in slack.channel", n)
	}
}

func TestCardsStandOnlyWhereTheConfigurationSays(t *testing.T) {
	t.Parallel()
	for cards, want := range map[string]string{"C1": "C1", "C7": "C2", "C2": "C2"} {
		w := office(t, fakeslack.Options{})
		x := quiet(w, func(o *Options) { o.Cards = []string{cards} })
		l := lease(sshforward.Open)
		if x.posted(t, l); l.Card.Channel != want {
			t.Errorf("cards %s: it stands in %s", cards, l.Card.Channel)
		}
	}
}

// While Slack does not tell whether another company reads a channel nothing is
// said there; what it never tells the bot is as it was before.
func TestChannelOfWhichSlackDoesNotTell(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	x := quiet(w)
	w.Break("conversations.info", fakeslack.Outcome{Status: 503})
	l := lease(sshforward.Open)
	if _, _, err := x.Card(t.Context(), l); sshforward.ErrorCode(err) != sshforward.EUNAVAILABLE {
		t.Errorf("at first: %v", err)
	}
	l.Card.Attempts = cannotTellAfter
	if channel, _, err := x.Card(t.Context(), l); err != nil || channel != w.DM("U1") {
		t.Errorf("in the end it is in %s, %v", channel, err)
	}
	w.Mend()
	w.SetScopes("chat:write", "chat:write.public", "commands", "im:write", "usergroups:read", "users:read")
	l = lease(sshforward.Open)
	if x.posted(t, l); l.Card.Channel != "C1" {
		t.Errorf("without the scopes it is in %s", l.Card.Channel)
	}
}

func TestRequestInAPrivateChannelSaysThatNobodySeesIt(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	w.AddUser(fakeslack.User{ID: "U3", Name: "carol"})
	w.ChangeChannel("G1", func(c *fakeslack.Channel) { c.BotMember = true; c.Members = []string{"U1"} })
	x := quiet(w)
	l := lease(sshforward.Pending)
	l.Channel, l.Approvers = "G1", []string{"U3", "S1"} // S1 is U1 alone, who asks
	x.posted(t, l)
	x.notices(t, l, sshforward.NoticeApproval)
	l.Owed = []sshforward.Notice{{Kind: sshforward.NoticeNudge, At: noon, To: "U3"}}
	x.notices(t, l, sshforward.NoticeNudge)
	w.Join("G1", "U3")
	x.notices(t, l, sshforward.NoticeApproval)
	all := w.Messages("G1")
	for i, want := range []string{"Let them know", "I have asked them directly", ""} {
		if says := all[i+1].Visible(); want == "" && strings.Contains(says, "private") || !strings.Contains(says, want) {
			t.Errorf("%d: %q", i, says)
		}
	}
}

func TestChannelsOfTheConfigurationAreLookedAt(t *testing.T) {
	t.Parallel()
	channel := func(change func(*fakeslack.Channel)) func(*fakeslack.Workspace) {
		return func(w *fakeslack.Workspace) { w.ChangeChannel("C2", change) }
	}
	for name, c := range map[string]struct {
		channel string
		cards   []string
		change  func(*fakeslack.Workspace)
		says    []string
	}{
		"nothing is wrong":      {"C2", []string{"C1"}, nil, nil},
		"none":                  {"", nil, nil, nil},
		"archived":              {"C3", nil, nil, []string{"slack.channel: C3 is archived"}},
		"not there":             {"C404", nil, nil, []string{"no channel C404", "invite it"}},
		"private, not in there": {"G1", nil, nil, []string{"no channel G1", "invite it"}},
		"not in there":          {"C2", nil, channel(func(c *fakeslack.Channel) { c.BotMember = false }), []string{"not in C2; invite it"}},
		"shared":                {"C2", nil, channel(func(c *fakeslack.Channel) { c.ExtShared = true }), []string{"shared with another company"}},
		"of cards":              {"C2", []string{"C3"}, nil, []string{"slack.cards: C3 is archived"}},
		"without the scopes": {"C2", nil, func(w *fakeslack.Workspace) { w.SetScopes("chat:write", "users:read") },
			[]string{"lacks channels:read or groups:read", "scopes="}},
		"while Slack is not well": {"C2", nil, func(w *fakeslack.Workspace) { w.Break("conversations.info", fakeslack.Outcome{Status: 503}) },
			[]string{"Slack does not tell about C2"}},
	} {
		w := office(t, fakeslack.Options{})
		if c.change != nil {
			c.change(w)
		}
		x := live(t, w, &keeper{}, func(o *Options) { o.Channel, o.Cards = c.channel, c.cards })
		got := strings.Join(x.ChannelProblems(t.Context()), "\n")
		eventually(t, name, func() bool { return strings.Contains(x.log.String(), "has to be mended") == (len(c.says) > 0) })
		for _, want := range c.says {
			if !strings.Contains(got, want) && want != "scopes=" || !strings.Contains(x.log.String(), want) {
				t.Errorf("%s: it says %q", name, got)
			}
		}
		if len(c.says) == 0 && got != "" {
			t.Errorf("%s: it says %q", name, got)
		}
		x.stop()
	}
}

// A card that cannot be edited any more is followed by a new one when its state
// changes, and not for every detail.
func TestCardThatCannotBeEdited(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"cant_update_message", "edit_window_closed"} {
		w := office(t, fakeslack.Options{})
		x := quiet(w)
		l := lease(sshforward.Opening)
		ts := x.posted(t, l)
		l.Card.State = sshforward.Opening
		w.RefuseEdits(ts, code)
		for _, detail := range []string{"a", "b", "c"} {
			l.Detail = sshforward.Textf("The load balancer says: %s.", detail)
			if again := x.posted(t, l); again != ts {
				t.Errorf("%s: a new card for %s", code, detail)
			}
		}
		open := lease(sshforward.Open)
		open.Card = l.Card
		if again := x.posted(t, open); again == ts || len(w.Messages("C1")) != 2 {
			t.Errorf("%s: no new card for the new state", code)
		}
	}
}
