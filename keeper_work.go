package sshforward

import (
	"context"
	"slices"
	"time"

	"github.com/sshforward/sshforward/internal/safe"
)

// ahead is how far a tick looks ahead. What comes due before the next one is
// given a timer, so that an end does not wait for the tick after it.
const ahead = time.Second

// wake lets the queues of a lease look whether there is something to do.
func (k *Keeper) wake(id string) {
	k.workers.start(id, queueSteps, func() { k.work(id) })
	k.wakeOutbox(id)
}

// wakeOutbox has people told what they are owed. Work on a lease calls this and
// not wake: it goes on by itself after each action, and to wake it also when an
// action failed would be a loop without a pause.
func (k *Keeper) wakeOutbox(id string) {
	k.workers.start(id, queueCard, func() { k.deliver(id, (*Lease).nextCard) })
	k.wakeNotices(id)
	k.workers.start(id, queueAlarms, func() { k.deliver(id, (*Lease).nextAlarm) })
	k.workers.start(id, queueEdits, func() { k.deliver(id, (*Lease).nextEdit) })
}

// wakeNotices has those sent that need not wait for the card any more.
func (k *Keeper) wakeNotices(id string) {
	k.workers.start(id, queueNotices, func() { k.deliver(id, (*Lease).nextTold) })
}

// wakeAt wakes a lease when its time comes, if that is before the next tick.
func (k *Keeper) wakeAt(id string, at, now time.Time) {
	if wait := at.Sub(now); wait > 0 && wait <= ahead {
		time.AfterFunc(wait, func() {
			defer safe.Catch(k.workers.panicked)
			k.wake(id)
		})
	}
}

// work does what Next says until that lies in the future.
func (k *Keeper) work(id string) {
	ctx := k.workers.ctx
	for !k.workers.stopping() {
		l, remembered, err := k.ledger.recall(ctx, id)
		if err != nil {
			if ErrorCode(err) != ENOTFOUND && ctx.Err() == nil {
				k.log.Error("read lease", "lease", id, "err", err)
			}
			return
		}
		now := time.Now()
		if !k.members.works(l, now) {
			return // who does comes round to it
		}
		action := Next(l, now)
		if action.Kind == ActionNone || !due(action.At, now) {
			k.wakeAt(id, action.At, now)
			return
		}
		if k.held.back(id, action.Kind) {
			return // it is woken when that is over
		}
		if action.Kind.opens() && !k.members.mayOpen(now) {
			return // the next tick asks again
		}
		if remembered && action.Kind.ends() && k.knowsBetter(ctx, l) {
			continue
		}
		if k.workers.crowded(l) {
			k.lineUp(ctx, l)
		}
		err = k.perform(ctx, l, action.Kind)
		k.wakeOutbox(id) // whatever was written, people may have to hear of it
		if err != nil {
			if ctx.Err() == nil {
				k.log.Error("lease cannot be moved on", "lease", id, "step", string(action.Kind), "err", err)
			}
			return
		}
	}
}

// lineUp says what a lease waits for, and keeps what went wrong before.
func (k *Keeper) lineUp(ctx context.Context, l *Lease) {
	_, err := k.ledger.update(ctx, l.ID, func(is *Lease, _ time.Time) error {
		if is.State != l.State || is.Stage != l.Stage {
			return errMoved
		}
		return is.lineUp(stepsPerAccount)
	})
	if err := unlessMoved(err); err != nil && ctx.Err() == nil {
		k.log.Warn("what a lease waits for cannot be written", "lease", l.ID, "err", err)
	}
	k.wakeOutbox(l.ID)
}

// perform does one action: a step in AWS, or a transition that needs none.
func (k *Keeper) perform(ctx context.Context, l *Lease, kind ActionKind) error {
	switch kind {
	case ActionAdvance:
		return k.runStage(ctx, l)
	case ActionExtend:
		return k.runExtend(ctx, l)
	case ActionMend:
		return k.runMend(ctx, l)
	case ActionMove:
		return k.runMove(ctx, l)
	case ActionClose:
		return k.runClose(ctx, l)
	case ActionForget:
		return unlessMoved(k.ledger.delete(ctx, l, ifStill(kind, k.transition(kind))))
	}
	_, err := k.ledger.mustUpdate(ctx, l.ID, ifStill(kind, k.transition(kind)))
	return unlessMoved(err)
}

// transition is what an action does to a lease that needs nothing in AWS for it.
func (k *Keeper) transition(kind ActionKind) change {
	return func(l *Lease, now time.Time) error {
		switch kind {
		case ActionLapse:
			return l.end(now, Lapsed, "", Text{}, k.timing)
		case ActionExpire:
			return l.end(now, Expired, "", Text{}, k.timing)
		case ActionGiveUp:
			return l.end(now, Failed, "", l.tooSlow(k.timing), k.timing)
		case ActionRemind:
			l.remind(now)
		case ActionNudge:
			l.nudge(now)
		case ActionUnclaim:
			l.Claim = Claim{}
		}
		return nil
	}
}

// ifStill guards a transition that was decided on an older copy: an extend
// that came between wins over an expiry that was about to be written.
func ifStill(kind ActionKind, apply change) change {
	return func(l *Lease, now time.Time) error {
		if a := Next(l, now); a.Kind != kind || !due(a.At, now) {
			return errMoved
		}
		return apply(l, now)
	}
}

// tells reports whether people are told about a lease by this replica. What others
// cannot know of yet they may tell too, so one that shares its store waits until that
// has it, and until it can say again that it lives.
func (k *Keeper) tells(l *Lease, now time.Time) bool {
	return k.members.alone() || k.members.works(l, now) && k.members.mayOpen(now) && !k.ledger.unwritten.has(l.ID)
}

// posting reports whether another replica, that worked on the lease before, may just
// be posting its card: a second one would stay.
func (k *Keeper) posting(l *Lease, now time.Time) bool {
	return slices.ContainsFunc(l.Stragglers, func(s Straggler) bool { return s.Worker != "" && k.members.lives(s.Worker, now) })
}

// deliver sends what is owed to people until that lies in the future. A thing
// is recorded as sent only after Slack took it, so a crash in between repeats
// it: for the card that is an update with the same content.
func (k *Keeper) deliver(id string, owed func(*Lease) Delivery) {
	ctx := k.workers.ctx
	for !k.workers.stopping() {
		l, err := k.ledger.get(ctx, id)
		if err != nil {
			return // work reads the same lease and says so
		}
		next, now := owed(l), time.Now()
		if !k.tells(l, now) || next.Card && l.Card.TS == "" && k.posting(l, now) {
			return
		}
		if next.At.IsZero() || !due(l.noLater(next.At, now), now) {
			k.wakeAt(id, next.At, now)
			return
		}
		switch {
		case next.Card:
			err = k.runCard(ctx, l)
			k.wakeNotices(id)
		case next.Edits:
			err = k.runEdits(ctx, l)
		default:
			err = k.runNotice(ctx, l, next.Notice)
		}
		if err != nil {
			if ctx.Err() == nil {
				k.log.Error("what was said cannot be recorded", "lease", id, "err", err)
			}
			return
		}
	}
}
