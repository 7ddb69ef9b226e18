package bot

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/bot/fakeslack"
)

// shop is a keeper that lets everybody open what is called after them.
func shop() *keeper {
	k := script()
	base := k.do
	k.do = func(ctx context.Context, c sshforward.Caller, cmd operation) (sshforward.Reply, error) {
		list, ok := cmd.(listInstances)
		if !ok {
			return base(ctx, c, cmd)
		}
		if list.Query == "hang" {
			<-ctx.Done()
		}
		if list.Query == "broken" {
			return sshforward.Reply{}, sshforward.Errorf(sshforward.EUNAVAILABLE, "AWS is away.")
		}
		var r sshforward.Reply
		for i := range 40 {
			in := instance1
			in.ID, in.Name = fmt.Sprintf("i-%s-%02d", c.User, i), "box of "+c.User
			if strings.Contains(in.ID, list.Query) {
				r.Instances = append(r.Instances, in)
			}
		}
		return r, nil
	}
	return k
}

func TestEverybodyIsOfferedWhatTheKeeperGivesThem(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	x := live(t, w, shop())
	var all sync.WaitGroup
	for _, user := range []string{"U1", "U2"} {
		x.types(t, user, "C1", "")
		v := x.modalOf(t, user, "Instance")
		for query, n := range map[string]int{"": 30, "-0": 10, "39": 1, "nothing": 0, " 39 ": 1} {
			all.Go(func() {
				res, err := w.Suggest(t.Context(), user, v.ID, "instance", query)
				if err != nil || res.Error != "" || len(res.Options) != n || res.Latency > atOnce {
					t.Errorf("%s %q: %d after %v, %s, %v", user, query, len(res.Options), res.Latency, res.Error, err)
				}
				for _, o := range res.Options {
					if !strings.HasPrefix(o.Value, "i-"+user) || !strings.Contains(o.Text, "("+o.Value+")") {
						t.Errorf("%s is offered %+v", user, o)
					}
				}
			})
		}
	}
	all.Wait()
}

func TestListThatDoesNotComeIsEmptyAndInTime(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	x := live(t, w, shop())
	x.types(t, "U1", "C1", "")
	v := x.modalOf(t, "U1", "Instance")
	for _, query := range []string{"hang", "broken"} {
		res, err := w.Suggest(t.Context(), "U1", v.ID, "instance", query)
		if err != nil || res.Error != "" || len(res.Options) != 0 || res.Latency > atOnce {
			t.Errorf("%q: %+v, %v", query, res, err)
		}
	}
}

func TestLongNamesKeepTheirIDAndFit(t *testing.T) {
	t.Parallel()
	var all []sshforward.Offer
	for i := range 50 {
		in := instance1
		in.ID = fmt.Sprintf("i-0abc1234def5678%02d", i)
		in.Name, in.Account = strings.Repeat("<&>\"\n", 60), strings.Repeat("<", 60)
		all = append(all, sshforward.Offer{Instance: in})
	}
	all[0].ID, all[1].ID, all[2].Name = "", strings.Repeat("i", 151), ""
	all[3].Name = strings.Repeat("本番", 128)
	got := suggestions(show, all)
	var plainly []sshforward.Instance
	for _, o := range all {
		plainly = append(plainly, o.Instance)
	}
	if n := len(got.Options); n < 25 || n > 30 || !fitsAck(got) {
		t.Errorf("%d options", n)
	}
	for _, o := range got.Options {
		if n := utf8.RuneCountInString(o.Text.Text); n > 75 || !strings.Contains(o.Text.Text, o.Value) || strings.Contains(o.Text.Text, "\n") {
			t.Errorf("%d runes: %s", n, o.Text.Text)
		}
	}
	w := office(t, fakeslack.Options{})
	k := answers(sshforward.Reply{Instances: plainly}, nil)
	x := live(t, w, k)
	x.types(t, "U1", "C1", "")
	res, err := w.Suggest(t.Context(), "U1", x.modalOf(t, "U1", "Instance").ID, "instance", "")
	if err != nil || res.Error != "" || len(res.Options) != len(got.Options) {
		t.Errorf("%+v, %v", res, err)
	}
}

// Whoever chooses production sees that it takes somebody's yes.
func TestListSaysWhatNeedsApproval(t *testing.T) {
	t.Parallel()
	for tag, want := range map[string]string{"en": "web-1 (i-0abc1234def567890) · production: needs approval", "ja": "production: 要承認"} {
		got := offerLabel(languages[tag], sshforward.Offer{Instance: instance1, Rule: "production", Approvals: 1})
		if !strings.Contains(got, want) || utf8.RuneCountInString(got) > maxLabel {
			t.Errorf("%q", got)
		}
	}
	if got := offerLabel(show, sshforward.Offer{Instance: instance1, Rule: "development"}); got != instanceLabel(instance1) {
		t.Errorf("%q", got)
	}
}
