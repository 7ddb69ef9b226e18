package bot

import (
	"slices"
	"testing"
	"time"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/bot/fakeslack"
)

// The keeper is told in which envelope a command came, so that it knows one that
// was delivered to another replica too.
func TestCommandsCarryTheirEnvelope(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	k := answers(sshforward.Reply{}, nil)
	x := live(t, w, k)
	x.types(t, "U1", "C1", "close web-1")
	ts := x.posted(t, lease(sshforward.Open))
	x.presses(t, "U1", ts, actionExtend)
	x.presses(t, "U1", ts, actionExtend)
	eventually(t, "three commands", func() bool { return len(k.understood()) >= 3 })
	k.mu.Lock()
	defer k.mu.Unlock()
	if got := slices.Clone(k.envelopes); slices.Contains(got, "") || len(slices.Compact(got)) < 3 {
		t.Errorf("envelopes: %q", got)
	}
}

// What another replica answers is acknowledged and not answered once more, whatever
// it is: done, refused, mistyped, or a form.
func TestWhatAnotherReplicaAnswersIsLeftToIt(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	k := answers(sshforward.Reply{Lease: lease(sshforward.Requested)}, nil)
	k.elsewhere = true
	x := live(t, w, k)
	for _, text := range []string{"open web-1", "list", "help", "opne web-1", "extend", "ip 10.0.0.0/8", ""} {
		if r := x.types(t, "U1", "C1", text); r.Message != nil || r.Error != "" {
			t.Errorf("%q is acknowledged with %+v", text, r)
		}
	}
	ts := x.posted(t, lease(sshforward.Open))
	x.presses(t, "U1", ts, actionClose)
	eventually(t, "the click", func() bool { return len(k.understood()) >= 3 })
	time.Sleep(200 * time.Millisecond) // an answer would be there by then
	if said := x.saw("U1"); said != "" || len(w.Views("U1")) > 0 {
		t.Errorf("it says %q, and shows %+v", said, w.Views("U1"))
	}
}
