package sshforward

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

var testTiming = Timing{Confirm: 10 * time.Minute, Approval: time.Hour, Opening: 10 * time.Minute, Keep: 24 * time.Hour}

// inState is a lease in that state at noon, as it would have come there.
func inState(s State) *Lease {
	l := &Lease{
		ID: "abcdefg", State: Requested, Owner: alice, RequestedAt: at(-5), ConfirmBy: at(5),
		Terms: Terms{Duration: time.Hour, Max: 2 * time.Hour, Reminders: []time.Duration{15 * time.Minute}},
	}
	step := func(err error) {
		if err != nil {
			panic(err)
		}
	}
	switch s {
	case Requested:
		return l
	case Pending:
		l.Approvals = 2
		step(l.confirm(noon, testTiming))
		return l
	}
	step(l.confirm(noon, testTiming))
	if s == Opening {
		return l
	}
	for l.State == Opening {
		l.advance(noon)
	}
	l.Resources.Until = l.ExpiresAt
	if s == Open {
		return l
	}
	step(l.end(noon, Expired, "", Text{}, testTiming))
	if s == Closing {
		return l
	}
	l.tornDown(noon, StepResult{Resources: Resources{BalancerGone: true}}, nil, testTiming)
	return l
}

func TestInState(t *testing.T) {
	for _, s := range States {
		if got := inState(s).State; got != s {
			t.Errorf("got %s, want %s", got, s)
		}
	}
}

// Each thing that can be asked of a lease, in each state: it is done, or the
// answer is a conflict that says what is so.
func TestTransitions(t *testing.T) {
	confirm := func(l *Lease) error { return l.confirm(noon, testTiming) }
	approve := func(l *Lease) error { return l.approve(noon, bob, nil, testTiming) }
	extend := func(l *Lease) error { return l.extend(noon, alice, time.Minute) }
	end := func(l *Lease) error { return l.end(noon, ClosedByUser, alice, Text{}, testTiming) }
	for _, tt := range []struct {
		name string
		do   func(*Lease) error
		then map[State]State // where it is allowed
	}{
		{"confirm", confirm, map[State]State{Requested: Opening}},
		{"approve", approve, map[State]State{Pending: Pending}},
		{"extend", extend, map[State]State{Open: Open}},
		{"end", end, map[State]State{Requested: Closed, Pending: Closed, Opening: Closing, Open: Closing}},
	} {
		for _, s := range States {
			l := inState(s)
			before := l.Clone()
			err := tt.do(l)
			want, allowed := tt.then[s]
			switch {
			case allowed && (err != nil || l.State != want):
				t.Errorf("%s from %s: got %s and %v, want %s", tt.name, s, l.State, err, want)
			case allowed:
				if l.DueAt = l.nextDue(noon); checkMove(before, l) != nil {
					t.Errorf("%s from %s: %v", tt.name, s, checkMove(before, l))
				}
			case ErrorCode(err) != ECONFLICT || l.State != s || !strings.Contains(ErrorMessage(err).String(), "abcdefg"):
				t.Errorf("%s from %s: got %s and %v, want a conflict that says what is so", tt.name, s, l.State, err)
			}
		}
	}
}

func TestStateConflict(t *testing.T) {
	var seen []string
	for _, s := range States {
		said := ErrorMessage(inState(s).stateConflict()).String()
		if slices.Contains(seen, said) {
			t.Errorf("%s: said before: %s", s, said)
		}
		seen = append(seen, said)
	}
}

func TestTooLate(t *testing.T) {
	approveAt := func(l *Lease, now time.Time) error { return l.approve(now, bob, nil, testTiming) }
	for _, tt := range []struct {
		name string
		l    *Lease
		at   time.Time
		do   func(*Lease, time.Time) error
		code string
	}{
		{"confirm in time", inState(Requested), at(5).Add(-1), func(l *Lease, now time.Time) error { return l.confirm(now, testTiming) }, ""},
		{"confirm too late", inState(Requested), at(5), func(l *Lease, now time.Time) error { return l.confirm(now, testTiming) }, ECONFLICT},
		{"approve in time", inState(Pending), at(60).Add(-1), approveAt, ""},
		{"approve too late", inState(Pending), at(60), approveAt, ECONFLICT},
		{"extend in time", inState(Open), at(60).Add(-1), func(l *Lease, now time.Time) error { return l.extend(now, alice, time.Minute) }, ""},
		{"extend too late", inState(Open), at(60), func(l *Lease, now time.Time) error { return l.extend(now, alice, time.Minute) }, ECONFLICT},
		{"extend to the most", inState(Open), noon, func(l *Lease, now time.Time) error { return l.extend(now, alice, time.Hour) }, ""},
		{"extend beyond the most", inState(Open), noon, func(l *Lease, now time.Time) error { return l.extend(now, alice, time.Hour+1) },
			EFORBIDDEN},
		{"extend beyond all time", inState(Open), noon, func(l *Lease, now time.Time) error { return l.extend(now, alice, 1<<62) }, EFORBIDDEN},
	} {
		if got := ErrorCode(tt.do(tt.l, tt.at)); got != tt.code {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.code)
		}
	}
}

// The clock starts when the name resolves, and not before.
func TestAdvance(t *testing.T) {
	l := inState(Opening)
	for i, s := range Stages {
		if l.Stage != s {
			t.Fatalf("stage %d is %s, want %s", i, l.Stage, s)
		}
		if started := !l.OpenedAt.IsZero(); started != (s == StageClock) {
			t.Errorf("at %s the clock runs: %t", s, started)
		}
		l.retry(at(float64(i)), errors.New("once"))
		l.advance(at(float64(i)))
		if l.Attempts != 0 || !l.LastError.IsZero() || !l.NextTryAt.Equal(at(float64(i))) {
			t.Errorf("after %s: %d failures, %q, next at %s", s, l.Attempts, l.LastError, l.NextTryAt)
		}
	}
	if l.State != Open || l.Stage != "" || l.ExpiresAt.Sub(l.OpenedAt) != time.Hour || len(l.Owed) != 2 {
		t.Errorf("at the end: %s %q for %s, owed %v", l.State, l.Stage, l.ExpiresAt.Sub(l.OpenedAt), l.Owed)
	}
	before := l.Clone()
	l.advance(noon)
	if l.State != before.State || l.Stage != before.Stage {
		t.Error("it went on after the end")
	}
}

func TestTornDown(t *testing.T) {
	l := inState(Closing)
	gone := Resources{BalancerGone: true}
	l.tornDown(at(1), StepResult{}, errors.New("no"), testTiming)
	if l.State != Closing || l.Attempts != 1 || !l.AccessEndedAt.IsZero() {
		t.Errorf("after a failure: %s, %d failures, ended at %s", l.State, l.Attempts, l.AccessEndedAt)
	}
	l.tornDown(at(2), StepResult{Resources: gone}, errors.New("half-way"), testTiming)
	if !l.AccessEndedAt.Equal(at(2)) || l.Attempts != 2 {
		t.Errorf("half-way: ended at %s, %d failures", l.AccessEndedAt, l.Attempts)
	}
	l.tornDown(at(3), StepResult{Resources: gone, Wait: time.Minute, Detail: Textf("interfaces")}, nil, testTiming)
	if l.State != Closing || l.Attempts != 0 || !l.NextTryAt.Equal(at(4)) || l.Detail.String() != "interfaces" {
		t.Errorf("waiting: %s, %d failures, next at %s", l.State, l.Attempts, l.NextTryAt)
	}
	l.tornDown(at(4), StepResult{Resources: gone}, nil, testTiming)
	if l.State != Closed || !l.AccessEndedAt.Equal(at(2)) || !l.ClosedAt.Equal(at(4)) || !l.KeepUntil.Equal(at(4).Add(24*time.Hour)) {
		t.Errorf("done: %s, ended %s, closed %s, kept until %s", l.State, l.AccessEndedAt, l.ClosedAt, l.KeepUntil)
	}
}

// A step that had no turn has not failed, and what failed before is not over: both
// are told.
func TestWaitInLine(t *testing.T) {
	turn := StepResult{Wait: time.Second, InLine: true, Detail: Textf("It waits for its turn: account %s has used up the calls.", "main")}
	for what, record := range map[string]func(l *Lease, r StepResult, err error){
		"open":   func(l *Lease, r StepResult, err error) { _ = l.stageDone(noon, admitted{}, r, err, testTiming) },
		"extend": func(l *Lease, r StepResult, err error) { l.endMoved(noon, l.ExpiresAt, r, err) },
		"close":  func(l *Lease, r StepResult, err error) { l.tornDown(noon, r, err, testTiming) },
	} {
		t.Run(what, func(t *testing.T) {
			l := inState(map[string]State{"open": Opening, "extend": Open, "close": Closing}[what])
			record(l, StepResult{}, Errorf(EUNAVAILABLE, "EC2 cannot be reached."))
			record(l, turn, nil)
			if l.Attempts != 1 || l.LastError.String() != "EC2 cannot be reached." || l.Detail.String() != turn.Detail.String() ||
				!l.NextTryAt.Equal(noon.Add(time.Second)) {
				t.Errorf("%d failures, %q, %q, next try at %s", l.Attempts, l.LastError, l.Detail, l.NextTryAt)
			}
			if why := l.tooSlow(testTiming).String(); !strings.Contains(why, "EC2 cannot") || !strings.Contains(why, "its turn") {
				t.Errorf("given up: %s", why)
			}
			record(l, StepResult{}, Errorf(EUNAVAILABLE, "ELB cannot be reached."))
			if l.Attempts != 2 || !l.Detail.IsZero() || l.InLine {
				t.Errorf("%d failures, and it waits for %q", l.Attempts, l.Detail)
			}
		})
	}
}

// What a step has learnt of the room for tags is kept, so that no sweep takes what
// could not be written for what somebody has changed.
func TestNoRoomForTagsIsKept(t *testing.T) {
	for what, record := range map[string]func(l *Lease, r StepResult){
		"extend": func(l *Lease, r StepResult) { l.endMoved(noon, l.ExpiresAt, r, nil) },
		"move":   func(l *Lease, r StepResult) { l.sourceChanged(noon, r, nil) },
	} {
		l := inState(Open)
		for _, full := range []bool{true, false} {
			if record(l, StepResult{Resources: Resources{BalancerTagsFull: full}}); l.Resources.BalancerTagsFull != full {
				t.Errorf("%s: %t, want %t", what, l.Resources.BalancerTagsFull, full)
			}
		}
	}
}
