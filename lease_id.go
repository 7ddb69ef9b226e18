package sshforward

import (
	"crypto/rand"
	"strings"
)

// idAlphabet is Crockford's base32: no letter that is read as a digit.
const idAlphabet = "0123456789abcdefghjkmnpqrstvwxyz"

// idLength gives 35 bits; a collision is refused by Leases.Put and drawn again.
const idLength = 7

// NewID draws a lease id: 7 characters of lower-case Crockford base32.
func NewID() string {
	var b [idLength]byte
	rand.Read(b[:]) // never fails, see crypto/rand
	return idFrom(b)
}

func idFrom(b [idLength]byte) string {
	for i := range b {
		b[i] = idAlphabet[b[i]%32]
	}
	return string(b[:])
}

// ParseID reads a lease id as people type it: upper case, and o, i and l for
// the digits they look like. It reports false if it cannot be a lease id.
func ParseID(s string) (string, bool) {
	s = strings.NewReplacer("o", "0", "i", "1", "l", "1").Replace(strings.ToLower(s))
	if len(s) < 6 || len(s) > 8 {
		return "", false
	}
	for _, r := range s {
		if !strings.ContainsRune(idAlphabet, r) {
			return "", false
		}
	}
	return s, true
}

// Name is the name of the lease's security group and load balancer:
// sshforward-<deployment>-<id>, which with 12 and 8 characters just fits the
// 32 that a Classic Load Balancer's name may have.
func Name(deployment, id string) string {
	return "sshforward-" + deployment + "-" + id
}
