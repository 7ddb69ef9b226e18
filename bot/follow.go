package bot

import (
	"context"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/sshforward/sshforward"
)

const (
	// maxFollowed is how many answers are followed at a time, and how many leases
	// are remembered for those that come late.
	maxFollowed = 1000
	// followAge is how long Slack takes edits through a response URL: 30 minutes.
	followAge = 29 * time.Minute
	// followUses is how often a response URL edits the answer; of the five that
	// Slack allows, one has put the answer there, and the last is kept for the end.
	followUses = 3
)

// follow keeps true what somebody was answered to their yes: the message that
// they alone see, or the form's last step. What it needs for that are keys that
// work for a while, so it is in memory: after a restart the answer stays as it is.
type follow struct {
	client *client
	*localizer

	mu      sync.Mutex
	answers *lru.Cache[string, *followed]         // by lease
	newest  *lru.Cache[string, *sshforward.Lease] // as it was seen last
}

// followed is one answer. The fields are guarded by follow.mu.
type followed struct {
	to    recipient
	view  string // the modal; empty: the message behind to
	after time.Time
	until time.Time
	uses  int
	shown string
	busy  bool
}

func newFollow(c *client, s *localizer) *follow {
	return &follow{client: c, localizer: s, answers: newCache[string, *followed](maxFollowed),
		newest: newCache[string, *sshforward.Lease](maxFollowed)}
}

// begin follows an answer about a lease: what stands behind the recipient's
// response URL or, if there is one, in the view.
func (f *follow) begin(l *sshforward.Lease, to recipient, view string) {
	if l == nil || l.State == sshforward.Requested || view == "" && to.responseURL == "" {
		return
	}
	f.mu.Lock()
	now := time.Now()
	a := &followed{to: to, view: view, until: now.Add(followAge), shown: followKey(l, view != "")}
	if view != "" {
		a.after = now.Add(cardGap) // until the acknowledgement is on the screen
	}
	f.answers.Add(l.ID, a)
	newer, ok := f.newest.Get(l.ID)
	f.mu.Unlock()
	if ok && newer.Revision >= l.Revision { // it went on while the answer was given
		f.changed(newer)
	}
}

// followKey changes exactly when the answer should.
func followKey(l *sshforward.Lease, live bool) string {
	if live {
		return l.CardKey()
	}
	return string(l.State) + l.ExpiresAt.String()
}

// changed brings the answer about a lease up to date. It does not wait.
func (f *follow) changed(l *sshforward.Lease) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.newest.Add(l.ID, l.Clone())
	a, ok := f.answers.Peek(l.ID)
	if !ok || a.busy {
		return
	}
	a.busy = true
	go func() {
		defer f.client.recovered("follow", nil)
		f.run(l.ID, a)
	}()
}

// run edits the answer until it shows what is so.
func (f *follow) run(id string, a *followed) {
	for {
		time.Sleep(time.Until(a.after))
		f.mu.Lock()
		l, ok := f.newest.Get(id)
		now, known := f.answers.Peek(id)
		over := ok && (l.State == sshforward.Closed || l.State == sshforward.Closing && !l.AccessEndedAt.IsZero())
		key := ""
		if ok {
			key = followKey(l, a.view != "")
		}
		switch {
		case !ok || !known || now != a || time.Now().After(a.until) && a.view == "":
			f.answers.Remove(id)
			fallthrough
		case key == a.shown, a.view == "" && a.uses >= followUses && !over, a.view == "" && l.State == sshforward.Closing && !over:
			a.busy = false
			f.mu.Unlock()
			return
		}
		a.shown, a.after = key, time.Now().Add(cardGap)
		a.uses++
		if over {
			f.answers.Remove(id)
		}
		f.mu.Unlock()
		if !f.show(l, a) || over {
			f.mu.Lock()
			f.answers.Remove(id)
			a.busy = false
			f.mu.Unlock()
			return
		}
	}
}

// cardGap is the least time between two edits of an answer.
const cardGap = time.Second

// show reports whether the answer can still be edited.
func (f *follow) show(l *sshforward.Lease, a *followed) bool {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	m := f.renderFor(ctx, a.to.caller.User).followed(l, a.view != "")
	var err error
	if a.view == "" {
		answer := ephemeral(m, true)
		answer.ThreadTS = a.to.thread
		err = f.client.respond(ctx, a.to.responseURL, answer)
	} else {
		_, err = f.client.api.UpdateViewContext(ctx, f.renderCached(a.to.caller.User).noteOf(m), "", "", a.view)
	}
	if err != nil {
		f.client.suspectToken(err)
		f.client.log.Info("an answer does not follow its lease any more", "lease", l.ID, "err", f.client.clean(err))
	}
	return err == nil
}
