package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/store/bolt"
)

// openStore opens the store. A damaged file is moved aside, never overwritten,
// and a new one takes its place, which the first sweep fills from the tags in
// AWS: leases must end also when their records cannot be read. moved is where
// the damaged file is now; empty if there was none.
func openStore(path string, now time.Time, log *slog.Logger) (s *bolt.Store, moved string, err error) {
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		moved = movedAside(path, now) // by a process that lost it while it ran
	}
	mendMode(path, os.Chmod, log)
	warnIfElsewhere(path, networkFileSystem, log)
	s, err = bolt.Open(path, bolt.Options{Logger: log})
	if !errors.Is(err, bolt.ErrDamaged) {
		return s, moved, err
	}
	moved, moveErr := moveAside(path, now)
	if moveErr != nil {
		return nil, "", fmt.Errorf("%w (and it cannot be moved aside: %w)", err, moveErr)
	}
	log.Error("THE LEASE STORE IS DAMAGED; it was moved aside, and leases are rebuilt from their tags in AWS", "file", moved, "err", err)
	s, err = bolt.Open(path, bolt.Options{Logger: log})
	return s, moved, err
}

// mendMode takes from others the right to write the file: who can write it
// decides who gets in where. Where that cannot be done access has to end all the
// same, so it is no reason not to start.
func mendMode(path string, chmod func(string, os.FileMode) error, log *slog.Logger) {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() || info.Mode().Perm()&0o022 == 0 {
		return // what cannot be looked at is for Open to say
	}
	if err := chmod(path, 0o600); err != nil {
		log.Warn("others can write the lease store, and with it decide who gets in where; its mode should be 0600, and I may not change it",
			"file", path, "mode", info.Mode().Perm(), "err", err)
		return
	}
	log.Warn("others could write the lease store, and with it decide who gets in where; its mode is 0600 now",
		"file", path, "was", info.Mode().Perm())
}

// warnIfElsewhere says so where other machines have a part in the file system:
// two bots may both have the lock there. It is no reason not to start either.
func warnIfElsewhere(path string, kind func(dir string) string, log *slog.Logger) {
	if kind := kind(filepath.Dir(path)); kind != "" {
		log.Warn(storeElsewhere(path, kind), "file", path)
	}
}

// asideFormat is the time in the name of a file that was moved aside.
const asideFormat = "20060102T150405.000Z"

// moveAside gives a file that is no store any more another name.
func moveAside(path string, now time.Time) (moved string, err error) {
	moved = path + ".damaged-" + now.UTC().Format(asideFormat)
	if _, err := os.Lstat(moved); err == nil {
		return "", fmt.Errorf("%s, where it would go, is taken", moved)
	}
	return moved, os.Rename(path, moved)
}

// movedAside finds what moveAside made of the file within the last day.
func movedAside(path string, now time.Time) (latest string) {
	found, _ := filepath.Glob(path + ".damaged-*") // a pattern that cannot be one finds nothing
	for _, file := range found {
		at, err := time.Parse(asideFormat, strings.TrimPrefix(file, path+".damaged-"))
		if err == nil && now.Sub(at) < 24*time.Hour && file > latest {
			latest = file
		}
	}
	return latest
}

const (
	// closesWithin is how long a process whose store is lost goes on with what
	// is due, before it makes way for one that can write again.
	closesWithin = 5 * time.Second
	// lostStopsWithin is how long its other steps may go on then.
	lostStopsWithin = time.Second
)

// whenLost waits until the store is lost or ctx ends. Access that is due ends
// all the same, from what the store knows by heart; then the error ends the
// process. The file gets another name at once if it is damaged, so that the
// next start makes a new one, however this one ends.
func whenLost(ctx context.Context, store *bolt.Store, keeper *sshforward.Keeper, path string, log *slog.Logger) error {
	select {
	case <-ctx.Done():
		return nil
	case <-store.Lost():
	}
	cause := store.Cause()
	log.Error("THE LEASE STORE IS LOST; I close what is due and end, and the next start rebuilds the leases from their tags in AWS",
		"err", cause)
	if errors.Is(cause, bolt.ErrDamaged) {
		if moved, err := moveAside(path, time.Now()); err != nil {
			log.Error("the lease store cannot be moved aside", "err", err)
		} else {
			log.Error("the lease store was moved aside", "file", moved)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, closesWithin)
	defer cancel()
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	for {
		leases, err := keeper.Active(ctx)
		if err != nil || !slices.ContainsFunc(leases, mustEnd) {
			return cause
		}
		select {
		case <-ctx.Done():
			return cause
		case <-again.C:
		}
	}
}

// mustEnd reports whether the lease's access should have ended already.
func mustEnd(l *sshforward.Lease) bool {
	return l.State == sshforward.Closing || l.State == sshforward.Open && !time.Now().Before(l.ExpiresAt)
}
