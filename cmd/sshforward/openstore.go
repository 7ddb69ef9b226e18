package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/sshforward/sshforward/store/bolt"
)

// openStore opens the store. A damaged file is moved aside, never overwritten,
// and a new one takes its place, which the first sweep fills from the tags in
// AWS: leases must end also when their records cannot be read. moved is where
// the damaged file is now; empty if there was none.
func openStore(path string, now time.Time, log *slog.Logger) (s *bolt.Store, moved string, err error) {
	s, err = bolt.Open(path, bolt.Options{})
	if !errors.Is(err, bolt.ErrDamaged) {
		return s, "", err
	}
	moved = path + ".damaged-" + now.UTC().Format("20060102T150405.000Z")
	if _, statErr := os.Lstat(moved); statErr == nil {
		return nil, "", fmt.Errorf("%w (and %s, where it would go, is taken)", err, moved)
	}
	if renameErr := os.Rename(path, moved); renameErr != nil {
		return nil, "", fmt.Errorf("%w (and it cannot be moved aside: %w)", err, renameErr)
	}
	log.Error("THE LEASE STORE IS DAMAGED; it was moved aside, and leases are rebuilt from their tags in AWS", "file", moved, "err", err)
	s, err = bolt.Open(path, bolt.Options{})
	return s, moved, err
}
