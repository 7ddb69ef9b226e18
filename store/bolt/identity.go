package bolt

import (
	"crypto/rand"

	"go.etcd.io/bbolt"
)

var keyStore = []byte("store")

// ID is the store's own random id, made with the store and kept in it, copies
// included: 26 characters of base32. What is signed for one store is not taken
// for another's.
func (s *Store) ID() string { return s.id }

// identify reads the id, or gives one to a store that was made before there were
// any. Where that cannot be written, it is good for this process: access has to
// end also on a full disk.
func (s *Store) identify(readOnly bool) error {
	err := guard(func() error {
		return s.db.View(func(tx *bbolt.Tx) error {
			s.id = string(tx.Bucket(bucketMeta).Get(keyStore))
			return nil
		})
	})
	if err != nil || s.id != "" || readOnly {
		return err
	}
	s.id = rand.Text()
	_ = guard(func() error { return s.db.Update(func(tx *bbolt.Tx) error { return setID(tx, s.id) }) })
	return nil
}

func setID(tx *bbolt.Tx, id string) error { return tx.Bucket(bucketMeta).Put(keyStore, []byte(id)) }
