package provisioner

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"hash"
	"maps"
	"time"

	"github.com/sshforward/sshforward"
)

func (s Signing) check() error {
	switch {
	case len(s.Key) == 0:
		return nil
	case len(s.Key) < MinKey:
		return errors.New("the key that signs tags is too short")
	case s.Store == "":
		return errors.New("tags are to be signed for a store without an id")
	}
	return nil
}

// signedTags are the tags that a rebuild reads, in the order in which they are
// signed. A tag that is missing and one that is empty are the same.
var signedTags = []string{
	TagDeployment, TagLease, TagStore, TagOwner, TagTeam, TagChannel, TagCard, TagAccount, TagInstance,
	TagRule, TagApproved, TagUrgent, TagSources, TagListenerPort, TagTargetPort, TagSSHUser, TagMax,
	TagExpires, TagOpened,
}

const (
	proofVersion = 1
	proofSize    = 16 // bytes; 128 bits
)

// place is what a proof binds the tags to besides themselves.
type place struct {
	region, vpc string
	group       string // AWS gives it out: nobody can choose it
}

// proof signs tags as they stand in AWS: HMAC-SHA256 cut to 128 bits, in base64.
// Each part is preceded by its length, so that no two sets of tags look the same.
// The group's id is part of it once the clock has started; before that the tags
// are written with the call that makes the group.
func (s Signing) proof(tags map[string]string, in place) string {
	mac := hmac.New(sha256.New, s.Key)
	mac.Write([]byte{proofVersion})
	for _, key := range signedTags {
		part(mac, tags[key])
	}
	part(mac, in.region)
	part(mac, in.vpc)
	if tags[TagOpened] != "" {
		part(mac, in.group)
	}
	return base64.StdEncoding.EncodeToString(mac.Sum(nil)[:proofSize])
}

func part(mac hash.Hash, s string) {
	var length [8]byte
	binary.BigEndian.PutUint64(length[:], uint64(len(s)))
	mac.Write(length[:])
	mac.Write([]byte(s))
}

// sign adds the store and the proof to a lease's tags.
func (s Signing) sign(tags map[string]string, in place) map[string]string {
	if len(s.Key) == 0 {
		return tags
	}
	tags[TagStore] = s.Store
	tags[TagProof] = s.proof(tags, in)
	return tags
}

// verify returns what a bot with the key has written of a lease: the group's
// tags, with the end that stands there or on the load balancer. The end is moved
// on both, not at the same instant; each that verifies was decided, and the later
// one last. Without a key, or without the group, nothing can be told.
func (s Signing) verify(group, balancer map[string]string, in place) (map[string]string, sshforward.Proof) {
	if len(s.Key) == 0 || group == nil {
		return nil, sshforward.ProofUnchecked
	}
	state := sshforward.ProofMissing
	var best map[string]string
	for _, at := range []map[string]string{group, balancer} {
		proof := at[TagProof]
		if proof == "" {
			continue
		}
		tags := maps.Clone(group)
		tags[TagExpires], tags[TagOpened], tags[TagProof] = at[TagExpires], at[TagOpened], proof
		if !hmac.Equal([]byte(proof), []byte(s.proof(tags, in))) {
			if best == nil {
				state = sshforward.ProofWrong
			}
			continue
		}
		if best == nil || laterEnd(tags, best) {
			best = tags
		}
	}
	switch {
	case best == nil:
		return nil, state
	case best[TagStore] != s.Store:
		return best, sshforward.ProofElsewhere
	}
	return best, sshforward.ProofValid
}

// laterEnd reports whether a was decided after b: the clock has started, or the
// end was moved on.
func laterEnd(a, b map[string]string) bool {
	if started := a[TagOpened] != ""; started != (b[TagOpened] != "") {
		return started
	}
	ends := [2]time.Time{}
	for i, tags := range []map[string]string{a, b} {
		ends[i], _ = time.Parse(time.RFC3339, tags[TagExpires])
	}
	return ends[0].After(ends[1])
}
