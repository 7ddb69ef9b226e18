package bot

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/internal/testenv"
)

// Whatever is mistyped, and whatever policy says: the corrected example is read,
// and not refused for what it says of ports, addresses and durations.
func TestNoExampleIsRefusedByPolicy(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	parts := []string{"open", "opne", "ip", "extend", "from", "port", "because", "urgent", "for", "i-0abc", "web-1",
		"“my box”", "2h", "90", "2時間",
		"1h 30m", "3 weeks", "99d", "203.0.113.7", "198.51.100.9/28", "10.1.2.3、", "0.0.0.0/0", "home", "22", "3389", "all", "show", "list", "、",
		"`x", "'", "history", "again", "2.5.5h", "ｆｒｏｍ", "close", "to", "why", "abandon", "k7m2q3x"}
	for range testenv.UnlessRaced(20_000, 500) {
		var typed []string
		for range 1 + r.IntN(7) {
			typed = append(typed, parts[r.IntN(len(parts))])
		}
		text := strings.Join(typed, " ")
		_, err := parse(text)
		if err == nil {
			continue
		}
		policy := sshforward.Policy{
			Sources: sshforward.SourcePolicy{Widest: []int{0, 24}[r.IntN(2)]},
			Ports:   [][]int{nil, {2222}, {22, 3389}}[r.IntN(3)],
			Rules:   []sshforward.Rule{{Max: 30 * time.Minute}, {Max: time.Duration(1+r.IntN(8)) * time.Hour}},
		}
		policy.Sources.Allow = prefixes([][]string{nil, {"198.51.100.0/24"}, {"10.0.0.0/8", "192.0.2.7/32"}}[r.IntN(3)]...)
		timing := sshforward.Timing{Min: 5 * time.Minute}
		v := show
		v.correct = func(o sshforward.OpenLease) sshforward.OpenLease { return policy.Correct(o, timing) }
		says := v.says(err)
		_, example, ok := strings.Cut(says, "Try `/sshforward ")
		if !ok {
			t.Fatalf("seed %d: %q: no example in %q", seed, text, says)
		}
		example = strings.TrimSuffix(example, "`.")
		got, err := parse(example)
		if err != nil {
			t.Fatalf("seed %d: %q: the example %q: %v", seed, text, example, err)
		}
		l := &sshforward.Lease{}
		l.TargetPort, l.Sources = 22, prefixes("198.51.100.1/32")
		if policy.Sources.Allow != nil {
			l.Sources = policy.Sources.Allow[len(policy.Sources.Allow)-1:]
			l.Sources = prefixes(l.Sources[0].Addr().Next().Prev().String() + "/32")
		}
		switch c := got.command.(type) {
		case sshforward.OpenLease:
			if c.Port != 0 {
				l.TargetPort = c.Port
			}
			if c.Sources != nil {
				l.Sources = c.Sources
			}
			if c.Duration != 0 && (c.Duration < timing.Min ||
				c.Duration > max(policy.Rules[0].Max, policy.Rules[1].Max)) {
				t.Errorf("seed %d: %q: the example %q is for %v", seed, text, example, c.Duration)
			}
			if policy.Ports == nil || c.Port != 0 {
				if err := policy.AdmitShape(l); err != nil {
					t.Errorf("seed %d: %q: the example %q is refused: %v", seed, text, example, err)
				}
			}
		case sshforward.ChangeSource:
			if err := policy.Sources.Check(c.To); err != nil {
				t.Errorf("seed %d: %q: the example %q is refused: %v", seed, text, example, err)
			}
		case sshforward.SetSource:
			for _, s := range c.Sources {
				if err := policy.Sources.Check(s); err != nil {
					t.Errorf("seed %d: %q: the example %q is refused: %v", seed, text, example, err)
				}
			}
		}
	}
}

// A form's list of durations takes nothing that it does not offer, so it offers
// whatever can be understood.
func TestFormOffersTheDurationThatIsTyped(t *testing.T) {
	t.Parallel()
	for typed, want := range map[string]string{
		"2時間": "2h", "１時間３０分": "1h30m", "30分": "30m", "90秒": "1m30s", "1日": "1d", "1h 30m": "1h30m", "1.5h": "1h30m", "2 hours": "2h",
		"45s": "45s", "45": "45m 1d21h 45d", "2": "2m 2h 2d", "2 ho": "2h", "x": "", "": "15m 30m 1h 2h 3h 4h 8h 1d",
	} {
		var got []string
		for _, o := range show.durations(typed, 3*time.Hour) {
			got = append(got, o.Value)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: %v, want %q", typed, got, want)
		}
	}
	v := show
	v.correct = func(o sshforward.OpenLease) sshforward.OpenLease {
		o.Duration = max(20*time.Minute, min(o.Duration, time.Hour))
		return o
	}
	if got := v.durations("", 0); len(got) != 2 || got[0].Value != "30m" {
		t.Errorf("it offers %d that no rule allows", len(got)-2)
	}
}
