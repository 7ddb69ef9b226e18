package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/sshforward/sshforward/store/bolt"
)

// openCopy copies the file and opens the copy, which goes when it is closed. It
// holds the file no longer than that takes: whoever pages through an export
// must not keep a bot from starting.
func openCopy(ctx context.Context, path string) (*bolt.Store, error) {
	f, err := copyFile(ctx, path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	defer os.Remove(f.Name()) // it stays readable as long as it is open
	return bolt.Open(f.Name(), bolt.Options{ReadOnly: true})
}

// copyFile copies the file of a bot that does not run. Whoever calls it removes
// the copy.
func copyFile(ctx context.Context, path string) (*os.File, error) {
	s, err := bolt.Open(path, bolt.Options{ReadOnly: true})
	if err != nil {
		return nil, err
	}
	f, err := scratch(path)
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if err := errors.Join(copyTo(ctx, f, s), s.Close()); err != nil {
		_ = errors.Join(f.Close(), os.Remove(f.Name())) // the first error is the one to tell
		return nil, err
	}
	return f, nil
}

// scratch makes a file for a copy, mode 0600. It lies beside the store, where
// the user may write and leases may lie, or else with the temporary files.
func scratch(path string) (*os.File, error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".copy-*")
	if err != nil {
		return os.CreateTemp("", "sshforward-copy-*")
	}
	return f, nil
}

// copyTo writes a copy of the store to a file, and goes back to its beginning.
func copyTo(ctx context.Context, f *os.File, s *bolt.Store) error {
	if _, err := s.Backup(ctx, f); err != nil {
		return err
	}
	_, err := f.Seek(0, io.SeekStart)
	return err
}

// neither says why the store can be read in neither way.
func neither(socket, file error) error {
	return fmt.Errorf("the store can be read neither through a running bot (%s) nor from its file (%s)", oneLine(socket), oneLine(file))
}
