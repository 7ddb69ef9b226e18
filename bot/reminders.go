package bot

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/slack-go/slack"

	"github.com/sshforward/sshforward"
)

const (
	// remindersMost is how many reminders are remembered, the latest ones.
	remindersMost = 1000
	// retireTimeout bounds what a card's caller waits for its old reminders.
	retireTimeout = 5 * time.Second
)

// reminder is a message with buttons that belong to one end of one lease, or to
// one decision about it.
type reminder struct {
	lease       string
	channel, ts string
	until       time.Time // the end that it speaks of

	user string // whose direct message it is; empty: a channel's
	// asks is set where it asks an approver, for the lease or for the
	// extension that was asked for at the time.
	asks sshforward.NoticeKind
	ask  time.Time
}

// current reports whether what the reminder says is still so.
func (r reminder) current(l *sshforward.Lease) bool {
	switch r.asks {
	case sshforward.NoticeApproval:
		return l.State == sshforward.Pending
	case sshforward.NoticeAsked:
		return l.State == sshforward.Open && l.Asked.Pending() && l.Asked.At.Equal(r.ask)
	}
	return l.State == sshforward.Open && l.ExpiresAt.Equal(r.until)
}

// reminders remembers those with live buttons, until the process ends: after
// that, who presses one is told what is so.
type reminders struct {
	mu  sync.Mutex
	all []reminder // oldest first
}

func (r *reminders) add(one reminder) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := len(r.all) - remindersMost + 1; n > 0 {
		r.all = slices.Delete(r.all, 0, n)
	}
	r.all = append(r.all, one)
}

// take forgets and returns the reminders that the lease has overtaken.
func (r *reminders) take(l *sshforward.Lease) []reminder {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []reminder
	r.all = slices.DeleteFunc(r.all, func(one reminder) bool {
		if one.lease != l.ID || one.current(l) {
			return false
		}
		out = append(out, one)
		return true
	})
	return out
}

// retire replaces the reminders that the lease has overtaken by what became of
// it, as well as it can be done: they are no reason for a card to fail.
func (b *Bot) retire(ctx context.Context, l *sshforward.Lease) {
	old := b.reminders.take(l)
	if len(old) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, retireTimeout)
	defer cancel()
	for _, r := range old {
		v := b.show
		if r.user != "" {
			v = b.in(ctx, r.user)
		}
		m := v.overtaken(l)
		if r.asks != "" {
			m = v.decided(l, r.asks == sshforward.NoticeAsked)
		}
		_, _, _, err := b.api.UpdateMessageContext(ctx, r.channel, r.ts, m.options()...)
		if err == nil {
			continue
		}
		b.suspectToken(err)
		b.log.Info("an old reminder keeps its buttons", "lease", l.ID, "err", b.clean(err))
		if code := slackCode(err); code == "" || slices.Contains(passing, code) {
			b.reminders.add(r) // the next card tries again
		}
	}
}

func (m message) hasButtons() bool {
	return slices.ContainsFunc(m.Blocks, func(b slack.Block) bool { return b.BlockType() == slack.MBTAction })
}
