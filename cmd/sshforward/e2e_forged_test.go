package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/bot/fakeslack"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

// What nobody could have pressed changes nothing and is in the audit record. What
// somebody pressed long ago, and that comes once more, changes nothing either.
func TestForgedAndReplayedClicks(t *testing.T) {
	t.Parallel()
	c, _, _ := fakeCloud(t, fakeaws.Options{})
	w := newWorld(t, c, worldOptions{})
	prompt := w.slash(ann, dev, "open "+c.instance+" 10m from 203.0.113.7")
	id := buttonValue(t, prompt, "lease.confirm")
	yes, err := w.slack.Click(t.Context(), ann, prompt.TS, "lease.confirm")
	if err != nil || yes.Error != "" {
		t.Fatal(err, yes.Error)
	}
	card := w.card(dev, id, "ssh -p 22")
	before := len(w.audit())

	for _, forged := range []struct {
		user string
		f    fakeslack.Forged
	}{
		{bob, fakeslack.Forged{ActionID: "lease.close", Value: id}},
		{bob, fakeslack.Forged{ActionID: "lease.extend", Value: id + " 1h"}},
		{bob, fakeslack.Forged{ActionID: "lease.approve", Value: id}},
		{bob, fakeslack.Forged{ActionID: "lease.confirm", Value: id + " urgent"}},
		{bob, fakeslack.Forged{ActionID: "lease.approve", Value: id + " 7h"}},
		{ann, fakeslack.Forged{ActionID: "lease.extend", Value: id + " 900h"}},
		{ann, fakeslack.Forged{ActionID: "lease.close", Value: "../../etc"}},
		{ann, fakeslack.Forged{ActionID: "lease.destroy", Value: id}},
		{ann, fakeslack.Forged{ActionID: "lease.close", Value: id, TeamID: "T0OTHER"}},
	} {
		forged.f.Channel, forged.f.TS = dev, card.TS
		if _, err := w.slack.ForgeClick(t.Context(), forged.user, forged.f); err != nil {
			t.Fatal(err)
		}
	}
	w.kill() // and with it what it remembered of envelopes
	w.start()
	for acked := false; !acked; { // a connection of the process that was killed may still be listed
		again, err := w.slack.Repeat(t.Context(), yes.EnvelopeID)
		if err != nil {
			t.Fatal(err)
		}
		acked = again.Acked
	}
	var got []string
	for deadline := time.Now().Add(patience); len(got) < 9 && time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		got = got[:0]
		for line := range strings.Lines(w.audit()[before:]) {
			var e sshforward.Event
			if err := json.Unmarshal([]byte(line), &e); err != nil {
				t.Fatal(err)
			}
			got = append(got, string(e.Act)+" by "+e.Actor+": "+e.Result)
		}
	}
	want := []string{
		"close by U0BOB: forbidden", "extend by U0BOB: forbidden", "approve by U0BOB: forbidden",
		"confirm by U0BOB: forbidden", "approve by U0BOB: forbidden", "extend by U0ANN: forbidden",
		"unknown by U0ANN: invalid", "unknown by U0ANN: invalid", "unknown by U0ANN: invalid",
	} // and nothing of what came again: the lease knows the envelope that opened it
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the audit record (-want +got):\n%s", diff)
	}
	if card, _ = w.slack.Message(card.TS); !card.HasButton("lease.close") {
		t.Errorf("the card has changed:\n%s", card.Visible())
	}
	w.slash(ann, dev, "close "+id)
	w.card(dev, id, "*Closed*")
}
