package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/store/bolt"
)

// The commands in this file read the store: through the bot's socket if it
// runs, since it has the file to itself then, and from the file if it does not.

type auditCmd struct {
	shellCmd
	Since  string `placeholder:"WHEN" help:"Only from then on: 24h, 2026-11-01 (UTC) or 2026-11-01T09:00:00Z. All if not given."`
	Format string `enum:"jsonl,csv" default:"jsonl" help:"${enum}."`

	since time.Time
}

type backupCmd struct {
	shellCmd
	Dest string `arg:"" name:"dest" placeholder:"DEST" help:"Where to write the copy; - for stdout."`
}

// Validate is asked by kong; what it refuses is wrong usage.
func (cmd *auditCmd) Validate() (err error) {
	cmd.since, err = parseSince(cmd.Since, time.Now())
	return err
}

// Run exports the audit record.
func (cmd *auditCmd) Run(ctx context.Context, con console) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt)
	defer stop()
	c, err := readConfig(cmd.Config)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(con.stdout)
	events, done, err := readTrail(ctx, c.Store.Bolt, cmd.since)
	if err != nil {
		return err
	}
	err = writeEvents(out, cmd.Format, events)
	return errors.Join(err, out.Flush(), done())
}

// readTrail finds the audit record, wherever it can be read now. done gives
// back what was taken for it.
func readTrail(ctx context.Context, path string, since time.Time) (events iter.Seq2[sshforward.Event, error], done func() error, err error) {
	body, asked := askSocket(ctx, path, auditPath(since))
	if asked == nil {
		return decodeEvents(body), body.Close, nil
	}
	s, err := openCopy(ctx, path)
	if err != nil {
		return nil, nil, neither(asked, err)
	}
	return s.Events(ctx, since), s.Close, nil
}

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

// Run copies the store.
func (cmd *backupCmd) Run(ctx context.Context, con console) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt)
	defer stop()
	c, err := readConfig(cmd.Config)
	if err != nil {
		return err
	}
	body, asked := askSocket(ctx, c.Store.Bolt, "/backup")
	if asked != nil {
		f, err := copyFile(ctx, c.Store.Bolt)
		if err != nil {
			return neither(asked, err)
		}
		_ = os.Remove(f.Name()) // it stays readable as long as it is open
		body = f
	}
	if cmd.Dest == "-" {
		_, err = io.Copy(con.stdout, body)
		return errors.Join(err, body.Close())
	}
	n, err := writeFile(cmd.Dest, body)
	if err := errors.Join(err, body.Close()); err != nil {
		return err
	}
	_, err = fmt.Fprintf(con.stderr, "%s: %d bytes\n", cmd.Dest, n)
	return err
}

// writeFile puts a file at dest in one step, mode 0600: either all of it is
// there, on the disk, or what was there before.
func writeFile(dest string, from io.Reader) (n int64, err error) {
	tmp, err := os.CreateTemp(filepath.Dir(dest), "."+filepath.Base(dest)+".new-*")
	if err != nil {
		return 0, err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(tmp.Name())
		}
	}()
	n, err = io.Copy(tmp, from)
	if err == nil {
		err = tmp.Sync()
	}
	if err := errors.Join(err, tmp.Close()); err != nil {
		return n, err
	}
	return n, os.Rename(tmp.Name(), dest)
}

// neither says why the store can be read in neither way.
func neither(socket, file error) error {
	return fmt.Errorf("the store can be read neither through a running bot (%s) nor from its file (%s)", oneLine(socket), oneLine(file))
}
