package provisioner_test

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/internal/testenv"
	"github.com/sshforward/sshforward/provisioner"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

// signedLease is an open lease, what its tags said at each moment of its life, and
// what is proven of it when nobody has touched anything.
type signedLease struct {
	*sshforward.Lease
	early, opened, now map[string]map[string]string // before the clock, as it was opened, and extended
	honest             *sshforward.Lease
}

func (w *world) signedLease(id string) signedLease {
	w.Helper()
	s := signedLease{Lease: w.lease("web-1")}
	s.ID = id
	w.upTo(s.Lease, sshforward.StageName)
	s.early = w.tags(s.Lease)
	enter(s.Lease, sshforward.StageClock)
	if err := w.do(s.Lease); err != nil {
		w.Fatal(err)
	}
	s.State, s.opened = sshforward.Open, w.tags(s.Lease)
	s.ExpiresAt = s.ExpiresAt.Add(time.Hour)
	if _, err := w.p.Extend(w.ctx, s.Lease); err != nil {
		w.Fatal(err)
	}
	s.now = w.tags(s.Lease)
	s.honest = w.found(s.Lease).Lease
	return s
}

// put makes the tags of a lease's group and load balancer what they are to be, and
// nothing else.
func (w *world) put(l *sshforward.Lease, tags map[string]map[string]string) {
	w.Helper()
	for id, all := range map[string]map[string]string{
		l.Resources.GroupID: tags["group"], sshforward.Name(deployment, l.ID): tags["balancer"],
	} {
		w.cloud.Home().Untag(id)
		for k, v := range all {
			w.cloud.Home().Tag(id, k, v)
		}
	}
}

// grantsNoMore fails the test if what a survey without a store proves of a lease is
// more than what was signed.
func (w *world) grantsNoMore(what string, s signedLease) (f sshforward.Found) {
	w.Helper()
	found, _, _ := w.survey(w.p)
	f = found[s.ID]
	if f.Proof != sshforward.ProofValid && f.Proof != sshforward.ProofElsewhere {
		return f
	}
	got, want := f.Lease, s.honest
	if got.Owner != want.Owner || got.Instance.ID != want.Instance.ID || got.Instance.Account != want.Instance.Account ||
		got.State == sshforward.Open && got.ExpiresAt.After(want.ExpiresAt) || got.Max != want.Max || !slices.Equal(got.Sources, want.Sources) ||
		got.SSHUser != want.SSHUser || got.TargetPort != want.TargetPort || got.ListenerPort != want.ListenerPort || got.Urgent != want.Urgent ||
		got.Rule != want.Rule || got.Card != want.Card || len(got.Approved) != len(want.Approved) ||
		got.Resources.GroupID != want.Resources.GroupID {
		w.Errorf("%s: it is proven that %+v, and %+v was signed", what, got, want)
	}
	return f
}

// What somebody who may tag, and make groups and load balancers, can try with what
// was once signed: nothing of it grants more than the lease had.
func TestReplayedAndMovedProofs(t *testing.T) {
	testenv.SkipRaced(t, "TestRandomRemovalsAndReplays goes the same ways")
	merged := func(all ...map[string]string) map[string]string {
		out := map[string]string{}
		for _, m := range all {
			maps.Copy(out, m)
		}
		return out
	}
	clock := []string{provisioner.TagExpires, provisioner.TagOpened, provisioner.TagProof}
	for name, tt := range map[string]struct {
		attack func(w *world, s, other signedLease)
		want   sshforward.Proof // empty: any that grants no more
		opens  bool             // as open, so that a rebuild may go on with it
	}{
		"nothing": {func(*world, signedLease, signedLease) {}, sshforward.ProofValid, true},
		"the proof of another lease": {func(w *world, s, other signedLease) {
			w.put(s.Lease, map[string]map[string]string{
				"group":    merged(s.now["group"], map[string]string{provisioner.TagProof: other.now["group"][provisioner.TagProof]}),
				"balancer": merged(s.now["balancer"], map[string]string{provisioner.TagProof: other.now["balancer"][provisioner.TagProof]}),
			})
		}, sshforward.ProofWrong, false},
		"all tags of another lease": {func(w *world, s, other signedLease) { w.put(s.Lease, other.now) }, sshforward.ProofWrong, false},
		// The group's id is no part of what was signed then.
		"all tags of another lease, from before its clock": {func(w *world, s, other signedLease) {
			w.put(s.Lease, other.early)
		}, sshforward.ProofWrong, false},
		"all tags of another lease but its id": {func(w *world, s, other signedLease) {
			own := map[string]string{provisioner.TagLease: s.ID}
			w.put(s.Lease, map[string]map[string]string{"group": merged(other.now["group"], own), "balancer": merged(other.now["balancer"], own)})
		}, sshforward.ProofWrong, false},
		"an earlier end of its own": {func(w *world, s, _ signedLease) { w.put(s.Lease, s.opened) }, sshforward.ProofValid, true},
		"from before its clock":     {func(w *world, s, _ signedLease) { w.put(s.Lease, s.early) }, sshforward.ProofValid, false},
		"from before, and said to be open": {func(w *world, s, _ signedLease) {
			open := map[string]string{provisioner.TagOpened: s.now["group"][provisioner.TagOpened]}
			w.put(s.Lease, map[string]map[string]string{"group": merged(s.early["group"], open), "balancer": merged(s.early["balancer"], open)})
		}, sshforward.ProofWrong, false},
		"the end of one and the proof of the other": {func(w *world, s, _ signedLease) {
			for _, k := range clock[:2] {
				w.cloud.Home().Tag(s.Resources.GroupID, k, s.early["group"][k])
			}
			w.cloud.Home().Untag(sshforward.Name(deployment, s.ID), clock...)
		}, sshforward.ProofWrong, false},
		"keys that look alike": {func(w *world, s, _ signedLease) {
			later := map[string]string{"Sshforward:expires": "2036-01-01T00:00:00Z", "sshforward:Expires": "2036-01-01T00:00:00Z",
				"sshforward:expires ": "2036-01-01T00:00:00Z", "ssһforward:owner": "U0EVE", "sshforward:sources\u200b": "0.0.0.0/0"}
			w.put(s.Lease, map[string]map[string]string{"group": merged(s.now["group"], later), "balancer": merged(s.now["balancer"], later)})
		}, sshforward.ProofValid, true},
		"an owner that looks alike": {func(w *world, s, _ signedLease) {
			w.cloud.Home().Tag(s.Resources.GroupID, provisioner.TagOwner, strings.ReplaceAll(s.Owner, "A", "А")) // Cyrillic
		}, sshforward.ProofWrong, false},
		"values that are too long": {func(w *world, s, _ signedLease) {
			long := map[string]string{provisioner.TagSources: s.now["group"][provisioner.TagSources] + strings.Repeat(" 0.0.0.0/0", 40)}
			w.put(s.Lease, map[string]map[string]string{"group": merged(s.now["group"], long), "balancer": s.now["balancer"]})
		}, sshforward.ProofWrong, false},
		"blanks and case": {func(w *world, s, _ signedLease) {
			w.cloud.Home().Tag(s.Resources.GroupID, provisioner.TagSources, " "+s.now["group"][provisioner.TagSources])
		}, sshforward.ProofWrong, false},
		"one part moved into the next": {func(w *world, s, _ signedLease) {
			g := s.now["group"]
			w.cloud.Home().Tag(s.Resources.GroupID, provisioner.TagAccount, g[provisioner.TagAccount]+g[provisioner.TagInstance])
			w.cloud.Home().Untag(s.Resources.GroupID, provisioner.TagInstance)
		}, sshforward.ProofWrong, false},
		"the same group made anew": {func(w *world, s, _ signedLease) {
			h := w.cloud.Home()
			h.RemoveLoadBalancer(sshforward.Name(deployment, s.ID))
			time.Sleep(20 * time.Minute) // until its interfaces are gone
			w.revoke(w.group, func(r types.SecurityGroupRule) bool { return *r.SecurityGroupRuleId == s.Resources.InstanceRuleID })
			must(w.ec2.DeleteSecurityGroup(w.ctx, &ec2.DeleteSecurityGroupInput{GroupId: &s.Resources.GroupID}))
			again := h.AddGroup(w.vpc, sshforward.Name(deployment, s.ID), s.now["group"])
			h.AddLoadBalancer(sshforward.Name(deployment, s.ID), w.public, []string{again},
				fakeaws.Listener{Port: 22, InstancePort: 22}, s.now["balancer"])
			h.RegisterOther(sshforward.Name(deployment, s.ID), w.web)
		}, sshforward.ProofWrong, false},
		"a group of its name in another network": {func(w *world, s, _ signedLease) {
			h := w.cloud.Home()
			for range 8 { // one of which is listed before the lease's own
				h.AddGroup(h.AddVPC("10.9.0.0/16", nil), sshforward.Name(deployment, s.ID), s.now["group"])
			}
		}, sshforward.ProofValid, true},
		"tags taken from the group": {func(w *world, s, _ signedLease) {
			w.cloud.Home().Untag(s.Resources.GroupID, provisioner.TagOwner, provisioner.TagRule, provisioner.TagSources)
		}, sshforward.ProofWrong, false},
		"tags taken from the load balancer": {func(w *world, s, _ signedLease) {
			w.cloud.Home().Untag(sshforward.Name(deployment, s.ID))
		}, sshforward.ProofValid, true},
		"the group's proof taken away": {func(w *world, s, _ signedLease) {
			w.cloud.Home().Untag(s.Resources.GroupID, provisioner.TagProof)
		}, sshforward.ProofValid, true},
		"another listener, as the tags do not say": {func(w *world, s, _ signedLease) {
			w.cloud.Home().AddListener(sshforward.Name(deployment, s.ID), fakeaws.Listener{Port: 3389, InstancePort: 3389})
		}, sshforward.ProofValid, false},
		"another group on the load balancer": {func(w *world, s, _ signedLease) {
			w.cloud.Home().AttachGroup(sshforward.Name(deployment, s.ID), w.group)
		}, sshforward.ProofValid, false},
	} {
		inFakeNamed(t, name, worldOptions{fake: fakeaws.Options{ELBBurst: -1}}, func(w *world) {
			other, s := w.signedLease("0ther7x"), w.signedLease("k7m2q9x")
			tt.attack(w, s, other)
			f := w.grantsNoMore(name, s)
			goes := f.Proof == sshforward.ProofValid && f.Lease.State == sshforward.Open && f.Balancer && f.Group && !f.Reshaped
			if f.Proof != tt.want || goes != tt.opens {
				w.Errorf("proof %q, want %q; goes on %t, want %t: %+v", f.Proof, tt.want, goes, tt.opens, f)
			}
			if f := w.found(other.Lease); f.Proof != sshforward.ProofValid {
				w.Errorf("the other lease has proof %q", f.Proof)
			}
		})
	}
}

// Whatever tags are taken away from the group, the load balancer, or both, and in
// whatever state of its life they are put back: a rebuild grants no more than was
// signed last, and with the store there every lease closes with nothing left.
func TestRandomRemovalsAndReplays(t *testing.T) {
	t.Parallel()
	rounds := testenv.UnlessRaced(300, 15)
	inFake(t, worldOptions{fake: fakeaws.Options{ELBBurst: -1}}, func(w *world) {
		before := w.foreign()
		s := w.signedLease("k7m2q9x")
		moments := []map[string]map[string]string{s.early, s.opened, s.now}
		random := rand.New(rand.NewPCG(10, 13))
		for n := range rounds {
			tags := map[string]map[string]string{}
			for _, place := range []string{"group", "balancer"} {
				tags[place] = maps.Clone(moments[random.IntN(3)][place])
				for k := range tags[place] {
					switch random.IntN(8) {
					case 0:
						delete(tags[place], k)
					case 1:
						if v, ok := moments[random.IntN(3)][place][k]; ok {
							tags[place][k] = v
						}
					}
				}
				tags[place][provisioner.TagDeployment] = deployment
			}
			w.put(s.Lease, tags)
			w.grantsNoMore("round", s)
			if t.Failed() {
				t.Fatalf("round %d: %v", n, tags)
			}
		}
		w.close(s.Lease)
		w.clean(before)
	})
}

// Somebody has groups of the lease's name in other networks, made before and after
// it: the one that proves itself is the lease's, in whatever order AWS lists them.
func TestDecoyGroupsInOtherNetworks(t *testing.T) {
	inFake(t, worldOptions{}, func(w *world) {
		h := w.cloud.Home()
		var decoys []string
		decoy := func() {
			decoys = append(decoys, h.AddGroup(h.AddVPC("10.9.0.0/16", nil), sshforward.Name(deployment, "k7m2q9x"), map[string]string{
				provisioner.TagDeployment: deployment, provisioner.TagLease: "k7m2q9x",
			}))
		}
		for range testenv.UnlessRaced(8, 3) {
			decoy()
		}
		s := w.signedLease("k7m2q9x")
		for range testenv.UnlessRaced(8, 3) {
			decoy()
		}
		for _, id := range decoys {
			for k, v := range s.now["group"] {
				h.Tag(id, k, v)
			}
		}
		for _, stored := range [][]*sshforward.Lease{nil, {s.Lease}} {
			found, _, _ := w.survey(w.p, stored...)
			if f := found[s.ID]; f.Proof != sshforward.ProofValid || f.Lease.Resources.GroupID != s.Resources.GroupID || f.Reshaped {
				w.Errorf("stored %d: %+v", len(stored), f)
			}
		}
		w.close(s.Lease)
		if left := w.leftovers(); len(left) != len(decoys) { // they are named like it, and go as what a closed lease has left
			w.Errorf("left over: %v", left)
		}
		// Each goes when a sweep has the lease closed once more, also while what is
		// recorded is gone and IAM denies to delete it.
		for n := range decoys {
			s.State = sshforward.Open
			if s.Resources = w.found(s.Lease).Lease.Resources; n%2 == 0 {
				s.Resources.GroupID = s.honest.Resources.GroupID
			}
			w.close(s.Lease)
		}
		if left := w.leftovers(); len(left) > 0 {
			w.Errorf("left over: %v", left)
		}
	})
}
