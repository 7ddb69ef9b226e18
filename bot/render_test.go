package bot

import (
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/slack-go/slack"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/bot/fakeslack"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var (
	show = render{language: english, prices: sshforward.DefaultPrices(), channel: "C2"}
	ann  = sshforward.Caller{Team: "T0FAKE", User: "U1", Channel: "C1"}
)

func TestMessagesLookAsTheyDid(t *testing.T) {
	t.Parallel()
	for tag, v := range languages {
		t.Run(tag, func(t *testing.T) {
			dir := filepath.Join("testdata/messages", tag)
			all := every(v)
			if *update {
				if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o755)); err != nil {
					t.Fatal(err)
				}
			}
			for name, m := range all {
				golden(t, filepath.Join(dir, name+".json"), m)
				if errs := fakeslack.CheckBlocks(m.Blocks); len(errs) > 0 || m.Text == "" {
					t.Errorf("%s: text %q, %v", name, m.Text, errs)
				}
			}
			files, _ := filepath.Glob(dir + "/*.json")
			if len(files) != len(all) {
				t.Errorf("%d golden files for %d messages", len(files), len(all))
			}
		})
	}
}

func golden(t *testing.T, file string, m any) {
	t.Helper()
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(m); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Error(err)
		return
	}
	if d := cmp.Diff(string(want), b.String()); d != "" {
		t.Errorf("%s (-update rewrites it):\n%s", file, d)
	}
}

func TestEveryStateHasTheButtonsItTakes(t *testing.T) {
	t.Parallel()
	for state, want := range map[sshforward.State][]string{
		sshforward.Requested: nil,
		sshforward.Pending:   {actionApprove, actionDeny, actionClaim, actionCancel},
		sshforward.Opening:   {actionClose},
		sshforward.Open:      {actionExtend, actionClose, actionFrom, actionHelp},
		sshforward.Closing:   nil,
		sshforward.Closed:    {actionAgain},
	} {
		w := office(t, fakeslack.Options{})
		x := quiet(w)
		x.posted(t, lease(state))
		var got []string
		for _, b := range w.Messages("C1")[0].Buttons() {
			got = append(got, b.ActionID)
			if slices.Contains([]string{actionHelp, actionFrom, actionAgain}, b.ActionID) { // which are questions
				continue
			}
			if cmd, known, err := commandOf(action{ActionID: b.ActionID, Value: b.Value}); !known || err != nil || cmd == nil {
				t.Errorf("%s: %s %q is not read back: %v", state, b.ActionID, b.Value, err)
			}
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", state, d)
		}
	}
}

func TestOwnRequestCanBeTakenBackWhereverItIsListed(t *testing.T) {
	t.Parallel()
	mine := show
	mine.reader = ann.User
	l := lease(sshforward.Pending)
	for _, from := range []origin{fromMine, fromAll, fromHome, fromShow} {
		row, ok := mine.rowOf(from, l).(*slack.ActionBlock)
		if !ok || len(row.Elements.ElementSet) != 1 || row.Elements.ElementSet[0].(*slack.ButtonBlockElement).ActionID != actionCancel {
			t.Errorf("%s: %+v", from, row)
		}
	}
}

// Whoever decides sees who, what, why, from where, for how long and for how
// much, wherever it is that they are asked.
func TestRequestsSayAllThatADecisionTakes(t *testing.T) {
	t.Parallel()
	for tag, v := range languages {
		l, more := lease(sshforward.Pending), wanted(nil)
		home := v.home(sshforward.Caller{User: "U2"}, sshforward.Overview{Waiting: []*sshforward.Lease{l, more}}, noon)
		for name, said := range map[string][]string{
			"card":                visible(v.card(l)),
			"direct":              visible(v.askApprover(l, sshforward.Notice{Kind: sshforward.NoticeApproval}, noon)),
			"card, extension":     visible(v.card(more)),
			"direct, extension":   visible(v.askApprover(more, sshforward.Notice{Kind: sshforward.NoticeAsked}, noon)),
			"Home":                visible(homeOf(home[:5])),
			"Home, and extension": visible(homeOf(home[5:7])),
		} {
			long, price := l.Duration, v.estimate(l)
			if strings.Contains(name, "extension") {
				long, price = time.Hour, v.extensionCost(more)
			}
			all := strings.Join(said, "\n")
			for _, want := range []string{"<@U1>", "web-1", "disk is full", "203.0.113.7", v.span(long), price} {
				if !strings.Contains(all, want) {
					t.Errorf("%s %s lacks %q:\n%s", name, tag, want, all)
				}
			}
		}
	}
}

func TestExtendButtonOffersNoMoreThanIsLeft(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ duration, max, used, want time.Duration }{
		{2 * time.Hour, 8 * time.Hour, 2 * time.Hour, time.Hour},
		{30 * time.Minute, 8 * time.Hour, 30 * time.Minute, 30 * time.Minute},
		{2 * time.Hour, 150 * time.Minute, 2 * time.Hour, 30 * time.Minute},
		{2 * time.Hour, 2 * time.Hour, 2 * time.Hour, 0},
		{2 * time.Hour, time.Hour, 2 * time.Hour, 0},
		{20 * time.Second, time.Minute, 50 * time.Second, 10 * time.Second},
	} {
		l := lease(sshforward.Open)
		l.Duration, l.Max, l.ExpiresAt = c.duration, c.max, l.OpenedAt.Add(c.used)
		if got := extendable(l); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

func TestRemainingTimeInWords(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		-time.Second: "now", 0: "now", 400 * time.Millisecond: "in 1 second", 45 * time.Second: "in 45 seconds",
		time.Minute: "in 1 minute", 14*time.Minute + 50*time.Second: "in 15 minutes",
	} {
		if got := english.timeLeft(d); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}
