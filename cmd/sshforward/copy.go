package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

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
	if err := errors.Join(defaultLimits.copyTo(ctx, f, s), s.Close()); err != nil {
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

// copyLimits keep copies from filling the disk that leases are on.
type copyLimits struct {
	free func(dir string) (int64, error) // bytes that there is room for
	// A copy is kept for so long, and a second more for each of so many bytes,
	// until whoever asked for it has to have read it.
	grace time.Duration
	rate  int64
}

var defaultLimits = copyLimits{free: freeSpace, grace: time.Minute, rate: 1 << 20}

// within is how long the reader of a copy has.
func (c copyLimits) within(size int64) time.Duration {
	return c.grace + time.Duration(size/c.rate)*time.Second
}

// copyTo writes a copy of the store to a file, and goes back to its beginning.
// There has to be room for two, since the store may grow as well meanwhile.
func (c copyLimits) copyTo(ctx context.Context, f *os.File, s *bolt.Store) error {
	size, err := s.Size(ctx)
	if err != nil {
		return err
	}
	dir := filepath.Dir(f.Name())
	switch free, err := c.free(dir); {
	case err != nil:
		return fmt.Errorf("how much room there is in %s: %w", dir, err)
	case free < 2*size:
		return fmt.Errorf("a copy has %d bytes, and in %s is room for %d; there has to be room for two copies", size, dir, free)
	}
	if _, err := s.Backup(ctx, f); err != nil {
		return err
	}
	_, err = f.Seek(0, io.SeekStart)
	return err
}

// copyHandler answers with a copy of the store. The file is copied beside it
// first: while the copy is made a write may have to wait, and it must not wait
// for whoever reads the answer.
type copyHandler struct {
	store *bolt.Store
	path  string
	log   *slog.Logger
	copyLimits

	busy sync.Mutex // one copy at a time
}

// ServeHTTP implements http.Handler.
func (h *copyHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !h.busy.TryLock() {
		http.Error(w, "another copy is being made; try again when it has been read", http.StatusServiceUnavailable)
		return
	}
	defer h.busy.Unlock()
	f, err := scratch(h.path)
	if err == nil {
		defer f.Close()
		// Without a name it is gone with the process, however that ends: what
		// a crash leaves behind must not fill the disk that leases are on.
		_ = os.Remove(f.Name())
		err = h.copyTo(r.Context(), f, h.store)
	}
	var info os.FileInfo
	if err == nil {
		info, err = f.Stat()
	}
	if err != nil {
		h.log.Error("the store cannot be copied", "err", err)
		http.Error(w, oneLine(err), http.StatusInternalServerError)
		return
	}
	within := h.within(info.Size())
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(within)) // a socket has deadlines
	out := &failing{ResponseWriter: w}
	http.ServeContent(out, r, "", time.Time{}, f)
	if out.err != nil && r.Context().Err() == nil {
		h.log.Warn("a copy of the store was not read to its end", "bytes", info.Size(), "within", within, "err", out.err)
	}
}

// failing remembers why an answer could not be written.
type failing struct {
	http.ResponseWriter
	err error
}

func (f *failing) Write(p []byte) (int, error) {
	n, err := f.ResponseWriter.Write(p)
	if err != nil {
		f.err = err
	}
	return n, err
}

// neither says why the store can be read in neither way.
func neither(socket, file error) error {
	return fmt.Errorf("the store can be read neither through a running bot (%s) nor from its file (%s)", oneLine(socket), oneLine(file))
}
