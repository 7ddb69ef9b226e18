package sshforward

import (
	"errors"
	"math/rand/v2"
	"net/netip"
	"regexp"
	"testing"
	"testing/synctest"
	"time"
)

func pick[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

// Whatever is asked for, and whatever policy says: what is suggested instead is
// not refused in its turn.
func TestNoSuggestionIsRefused(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	list := func() []netip.Prefix {
		var out []netip.Prefix
		for range r.IntN(3) {
			out = append(out, pick(r, prefixes("203.0.113.7/32", "203.0.113.0/24", "198.51.100.9/32", "10.1.2.3/32", "10.1.0.0/16",
				"192.0.2.0/28", "0.0.0.0/0", "8.8.8.8/32")...))
		}
		return out
	}
	suggested := 0
	for range 400 {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			w.policy.Sources = SourcePolicy{Allow: pick(r, nil, nil, prefixes("198.51.100.0/24"), prefixes("10.1.0.0/16", "203.0.113.0/30"),
				prefixes("0.0.0.0/0"), prefixes("192.0.2.1/32")), Widest: pick(r, 0, 32, 28, 16)}
			w.policy.Ports = pick(r, nil, []int{2222}, []int{22, 2222})
			w.timing.Min = pick(r, time.Second, 5*time.Minute)
			for i := range w.policy.Rules {
				rule := &w.policy.Rules[i]
				rule.Max = pick(r, 10*time.Minute, time.Hour, 8*time.Hour)
				rule.Reason = r.IntN(2) == 0
				rule.ReasonPattern = pick(r, nil, nil, regexp.MustCompile(`^[A-Z]{2,5}-\d+`), regexp.MustCompile(`(OPS|DEV)-[0-9]{4} .+`),
					regexp.MustCompile(`(?i)^inc\d{3}$`))
				if rule.Approvals > 0 {
					rule.Urgent = pick(r, nil, &Urgent{Users: []string{alice}, Max: pick(r, 10*time.Minute, 30*time.Minute)},
						&Urgent{Users: []string{dave}, Max: time.Hour})
				}
			}
			w.start()
			defer func() { w.crash() }()
			if r.IntN(2) == 0 {
				_ = w.k.RefreshInstances(t.Context())
			}
			cmd := OpenLease{Instance: pick(r, "i-0dev", "db", "two"), Sources: list(), Port: pick(r, 0, 22, 2222, 3389),
				Duration: pick(r, 0, time.Second, time.Minute, 20*time.Minute, time.Hour, 24*time.Hour),
				Because:  pick(r, "", "", "\u200b ", "please", "OPS-1234 disk"), Urgent: r.IntN(3) == 0}
			_, err := w.do(alice, cmd)
			e, ok := errors.AsType[*Error](err)
			if !ok || e.Try.Command == nil {
				if ok && e.Field == FieldDuration {
					t.Errorf("seed %d: %+v: %v: nothing is suggested", seed, cmd, err)
				}
				return
			}
			suggested++
			better := e.Try.Command.(OpenLease)
			if _, again := w.do(alice, better); Final(again) {
				t.Errorf("seed %d: %+v: %v\nsuggested: %+v\nwhich is refused: %v", seed, cmd, err, better, again)
			}
		})
	}
	if suggested < 50 {
		t.Errorf("only %d suggestions", suggested)
	}
}

// What was right stays in the suggestion.
func TestSuggestionKeepsWhatWasRight(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		cmd := OpenLease{Instance: "db", Duration: 9 * time.Hour, Sources: prefixes("198.51.100.9/32"), Because: "OPS-1"}
		_, err := w.do(alice, cmd)
		e, _ := errors.AsType[*Error](err)
		better, _ := e.Try.Command.(OpenLease)
		if better.Duration != time.Hour || better.Because != "OPS-1" || better.Instance != "db" || len(better.Sources) != 1 {
			t.Errorf("%+v", e.Try)
		}
		_, err = w.do(alice, SetSource{Sources: prefixes("10.1.2.3/32")})
		e, _ = errors.AsType[*Error](err)
		if c, ok := e.Try.Command.(SetSource); !ok || len(c.Sources) != 1 {
			t.Errorf("%v: %+v", err, e.Try)
		} else if _, err := w.do(alice, c); err != nil {
			t.Error(err)
		}
	})
}

// A name is found however wide its letters are typed, and an id in capitals.
func TestNamesAsTheyAreTyped(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		for _, name := range []string{"ｔｗｏ", "I-0ABC", "Ｉ－０ＡＢＣ", "\u200bfar"} {
			if InstanceRef(name) == name {
				t.Errorf("%q", name)
			}
		}
		w.opened(alice, "ｔｗｏ", time.Hour)
		if _, err := w.do(alice, ExtendLease{Ref: "ｔｗｏ", Duration: time.Minute}); err != nil {
			t.Error(err)
		}
		if _, err := w.do(alice, CloseLease{Ref: "“two"}); ErrorCode(err) != ENOTFOUND {
			t.Error(err)
		}
	})
}
