package sshforward

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"
)

// FuzzTransitions plays a random life: each byte is a command, an outcome of
// the next step, or time that passes. After each, everything that is due is
// done as the keeper would do it, and the promises are looked at.
func FuzzTransitions(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{0, 5, 5, 5, 5, 5, 5, 5, 5, 9, 9, 9, 9})
	f.Add([]byte{0x10, 0, 1, 0x11, 3, 5, 6, 7, 8, 5, 2, 9, 10, 0x22, 4, 11})
	f.Add([]byte{0, 6, 6, 6, 6, 6, 6, 6, 9, 10, 11})
	// Another source, while the end is moved, and another one while that fails.
	f.Add([]byte{2, 0, 5, 0xc2, 0x12, 6, 13, 0xd2, 13, 13, 13, 13, 5, 13, 0xe2, 3})
	// Mending that fails until it is an alarm, heard, and then works.
	f.Add([]byte{2, 0, 5, 0x1a, 0x1e, 6, 13, 13, 13, 13, 13, 4, 0x3e, 5, 13, 4, 0x1a, 0x1e, 11})
	// A closing that waits for long, and one that is not the last.
	// Built ahead of an approval, ajar, narrowed, approved in the middle and at the end.
	f.Add([]byte{0x11, 0xf0, 5, 13, 13, 13, 13, 0x4e, 13, 13, 13, 0x11, 13, 13, 13, 13})
	f.Add([]byte{0x12, 0xe0, 0, 5, 13, 13, 0x4e, 6, 13, 13, 13, 13, 13, 13, 4, 5, 13, 13, 0x31, 4, 13, 13})
	f.Add([]byte{0x21, 0xf0, 7, 13, 13, 13, 0x4e, 0x11, 5, 13, 13, 0x21, 13, 13, 3, 13})
	f.Add([]byte{2, 0, 5, 3, 7, 0xfa, 0xfa, 0xfa, 0xfa, 4, 5, 13, 0x0f, 6, 13, 13, 13, 13, 13, 5, 13, 0x1f})
	f.Fuzz(func(t *testing.T, script []byte) {
		p := player{t: t, now: noon}
		p.l = inState(Requested)
		if len(script) > 0 {
			p.l.Approvals = int(script[0]>>4) % 3
			p.l.ExtendApprovals = int(script[0]>>6) % 3
			p.l.Urgent = script[0]>>3&1 == 1
			p.l.Max = p.l.Duration + time.Duration(script[0]%3)*time.Hour
		}
		if len(script) > 1 && script[1] >= 0xe0 {
			p.ahead = PrepareApproval
			if script[1] < 0xf0 {
				p.l.prepare(p.now, testTiming) // as soon as the prompt is shown
			}
		}
		p.yes = make(map[string]bool)
		p.last = p.l.Clone()
		for _, b := range script {
			p.play(b)
		}
		p.finish()
	})
}

type player struct {
	t       *testing.T
	l, last *Lease
	now     time.Time
	outcome byte // of the steps
	heard   []NoticeKind
	was     []State

	ahead Prepare         // it is built ahead where approval is waited for
	yes   map[string]bool // who said yes, by the player's own count
	door  bool            // somebody is let in
}

func (p *player) play(b byte) {
	arg := time.Duration(b >> 4)
	var err error
	switch b % 16 {
	case 0:
		if err = p.l.confirm(p.now, testTiming); err == nil {
			p.yes[alice] = true
			if p.ahead != "" && p.l.State == Pending && !p.l.Prepared.Begun() {
				p.l.prepare(p.now, testTiming)
			}
		}
	case 1:
		if p.l.State == Open {
			err = p.l.grant(p.now, fmt.Sprint("U", arg), nil, p.l.Asked.By)
			break
		}
		if err = p.l.approve(p.now, fmt.Sprint("U", arg), nil, testTiming); err == nil {
			p.yes[fmt.Sprint("U", arg)] = true
		}
	case 2:
		if arg > 11 {
			to := netip.PrefixFrom(netip.AddrFrom4([4]byte{203, 0, 113, byte(arg)}), 32)
			err = p.l.changeSource(p.now, alice, to, p.l.Clone())
			break
		}
		err = p.l.extend(p.now, alice, time.Minute<<arg)
	case 3:
		err = p.l.end(p.now, ClosedByUser, alice, Text{}, testTiming)
	case 4:
		switch {
		case p.l.State == Pending:
			err = p.l.deny(p.now, bob, "no", testTiming)
		case p.l.State == Open && arg > 7:
			err = p.l.refuse(p.now, bob, "no", p.l.Asked.By)
		default:
			p.hear()
		}
	case 5, 6, 7, 8:
		p.outcome = b % 16
	case 9:
		p.now = p.now.Add(arg * time.Second)
	case 10:
		p.now = p.now.Add(arg * time.Minute)
	case 11:
		p.now = p.now.Add(arg * time.Hour)
	case 12:
		p.now = p.now.Add(arg) // nanoseconds: boundaries
	case 13:
		if at := Next(p.l, p.now).At; at.After(p.now) {
			p.now = at.Add(-arg % 2)
		}
	case 14:
		if arg&4 != 0 && p.l.ajar(p.now) == nil {
			break
		}
		p.sweep(arg&1 != 0, arg&2 != 0)
	case 15:
		if err = p.l.reopen(p.now, &Found{Lease: new(Lease), Balancer: arg%2 == 0}); errors.Is(err, errMoved) {
			err = nil
		}
	}
	if err != nil && ErrorCode(err) != ECONFLICT && ErrorCode(err) != EFORBIDDEN {
		p.t.Fatalf("byte %#x: %v", b, err)
	}
	p.look(fmt.Sprintf("byte %#x", b))
	p.settle()
}

// sweep finds drift, or what cannot be mended any more.
func (p *player) sweep(missing, widened bool) {
	l := p.l
	switch {
	case !l.listedBy(p.now) || l.Drift != (Drift{}):
	case !missing && !widened || missing && l.Mended:
		_ = l.end(p.now, InstanceGone, "", Textf("It is gone."), testTiming)
	default:
		l.drifted(p.now, Drift{Missing: missing, Widened: widened})
	}
}

// hear has Slack take all that is owed.
func (p *player) hear() {
	for p.l.Card.Shown = p.l.CardKey(); ; {
		delivery := NextDelivery(p.l)
		if delivery.At.IsZero() {
			return
		}
		if !p.l.stale(delivery.Notice.Kind) {
			p.heard = append(p.heard, delivery.Notice.Kind)
		}
		p.l.withdraw(delivery.Notice.Kind)
	}
}

// settle does what is due. That must come to rest: a lease which always needs
// something at once would keep a worker and AWS busy for ever.
func (p *player) settle() {
	for n := 0; ; n++ {
		a := Next(p.l, p.now)
		if a.Kind == ActionNone || a.Kind == ActionForget || !due(a.At, p.now) {
			break
		}
		if n > 50 {
			p.t.Fatalf("%s again and again", a.Kind)
		}
		p.perform(a.Kind)
		p.look(string(a.Kind))
	}
	l := p.l
	if !l.ExpiresAt.IsZero() && (l.State == Open || l.State == Opening) && due(l.ExpiresAt, p.now) {
		p.t.Fatalf("%s at %s, though it expired at %s", l.State, p.now, l.ExpiresAt)
	}
}

func (p *player) perform(do ActionKind) {
	l := p.l
	if do == ActionAdvance && l.Stage == StageClock && !l.Locked() {
		p.letIn() // whatever becomes of the answer
	}
	if do == ActionMend && !l.Locked() {
		p.letIn()
	}
	step, err := StepResult{Resources: l.Resources}, error(nil)
	switch p.outcome {
	case 6:
		err = errors.New("scripted")
	case 7:
		step.Wait = 5 * time.Second
	case 8:
		err = &Error{Code: EUNAVAILABLE, RetryAfter: time.Minute}
	}
	switch do {
	case ActionLapse:
		_ = l.end(p.now, Lapsed, "", Text{}, testTiming)
	case ActionExpire:
		_ = l.end(p.now, Expired, "", Text{}, testTiming)
	case ActionGiveUp:
		_ = l.end(p.now, Failed, "", l.tooSlow(testTiming), testTiming)
	case ActionRemind:
		l.remind(p.now)
	case ActionNudge:
		l.nudge(p.now)
	case ActionExtend, ActionAdvance:
		switch {
		case err != nil:
			l.retry(p.now, err)
		case step.Wait > 0:
			l.wait(p.now, step)
		case do == ActionExtend:
			l.Resources.Until = l.ExpiresAt
		default:
			l.advance(p.now)
		}
	case ActionMove:
		if err != nil && l.Attempts%3 == 2 {
			err = Errorf(EQUOTA, "scripted")
		}
		l.sourceChanged(p.now, step, err)
	case ActionMend:
		if err != nil {
			l.retry(p.now, err)
		} else {
			l.mended(p.now)
		}
	case ActionClose:
		step.Resources.BalancerGone = err == nil
		l.tornDown(p.now, step, err, testTiming)
	}
}

// letIn holds whoever is let in to every yes that was needed, by the player's own
// count of them.
func (p *player) letIn() {
	p.t.Helper()
	missing := !p.yes[alice]
	if !p.l.Urgent {
		missing = missing || len(p.yes)-1 < p.l.Approvals
	}
	if missing {
		p.t.Fatalf("%s at %q, and people are let in though a yes is missing: %v of %d", p.l.State, p.l.Stage, p.yes, p.l.Approvals)
	}
	p.door = true
}

// look holds the lease to its promises.
func (p *player) look(after string) {
	p.t.Helper()
	l := p.l
	l.DueAt = l.nextDue(p.now)
	if err := checkMove(p.last, l); err != nil {
		p.t.Fatalf("after %s: %v", after, err)
	}
	if len(p.was) == 0 || p.was[len(p.was)-1] != l.State {
		p.was = append(p.was, l.State)
	}
	if !l.ExpiresAt.IsZero() && l.ExpiresAt.Before(p.last.ExpiresAt) {
		p.t.Fatalf("after %s: the end came nearer", after)
	}
	if p.door && l.OpenedAt.IsZero() {
		p.t.Fatalf("after %s: somebody was let in, and its clock never ran", after)
	}
	type notice struct {
		kind NoticeKind
		to   string
	}
	kinds := map[notice]bool{}
	for _, n := range l.Owed {
		if kinds[notice{n.Kind, n.To}] {
			p.t.Fatalf("after %s: two notices of one kind: %v", after, l.Owed)
		}
		kinds[notice{n.Kind, n.To}] = true
	}
	p.last = l.Clone()
}

// finish lets time go on and the steps succeed: every lease ends.
func (p *player) finish() {
	p.outcome = 5
	for n := 0; p.l.State != Closed; n++ {
		if n > 100 {
			p.t.Fatalf("still %s after %d looks", p.l.State, n)
		}
		if at := Next(p.l, p.now).At; at.After(p.now) {
			p.now = at
		}
		p.settle()
	}
	if Next(p.l, p.now).Kind != ActionForget {
		p.t.Fatal("it is closed and never forgotten")
	}
	p.hear()
	stuck := false
	for _, kind := range p.heard {
		if kind == NoticeStuck && stuck || kind == NoticeFreed && !stuck {
			p.t.Fatalf("alarms and all-clears do not alternate: %v", p.heard)
		}
		stuck = kind == NoticeStuck || stuck && kind != NoticeFreed
	}
	if stuck {
		p.t.Fatalf("it is closed, and operators were not told: %v", p.heard)
	}
	for i, s := range p.was {
		if (s == Opening || p.last.Prepared.Begun()) && p.was[len(p.was)-2] != Closing {
			p.t.Fatalf("it was %s and is closed without closing: %v", p.was[i], p.was)
		}
	}
}
