package bot

import (
	"context"
	"strings"
	"testing"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/bot/fakeslack"
)

// A card whose answer was lost is posted once more, and the bot may not read
// messages to find the first. Whoever presses a button of that one has what they
// wanted, and it loses its buttons.
func TestCopyOfACardIsRetiredByAClick(t *testing.T) {
	t.Parallel()
	for name, refuse := range map[string]bool{"done": false, "too late": true} {
		w := office(t, fakeslack.Options{})
		l := lease(sshforward.Open)
		k := &keeper{do: func(_ context.Context, _ sshforward.Caller, cmd operation) (sshforward.Reply, error) {
			if _, look := cmd.(showLease); !look && refuse {
				return sshforward.Reply{}, sshforward.Errorf(sshforward.ECONFLICT, "Too late for that.")
			}
			return sshforward.Reply{Lease: l}, nil
		}}
		x := live(t, w, k)
		w.FailNext("chat.postMessage", fakeslack.Outcome{LoseAnswer: true})
		if _, _, err := x.Card(t.Context(), l); sshforward.ErrorCode(err) != sshforward.EUNAVAILABLE {
			t.Fatal(err)
		}
		card := x.posted(t, l)
		all := w.Messages("C1")
		if len(all) != 2 || all[0].TS == card {
			t.Fatalf("%s: %d cards", name, len(all))
		}
		x.presses(t, "U1", all[0].TS, actionExtend)
		waitFor(t, w, func(s *fakeslack.Snapshot) bool {
			m, _ := s.Message(all[0].TS)
			return len(m.Buttons()) == 0 && strings.Contains(m.Visible(), "This was a copy")
		})
		if m, _ := w.Message(card); !m.HasButton(actionExtend) {
			t.Errorf("%s: the card itself lost its buttons", name)
		}
		x.presses(t, "U1", card, actionExtend)
		if m, _ := w.Message(card); !m.HasButton(actionExtend) {
			t.Errorf("%s: the card itself lost its buttons", name)
		}
	}
}
