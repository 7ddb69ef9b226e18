package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"

	"github.com/spf13/cobra"
)

type backupOptions struct {
	config string
	dest   string // - is stdout
}

func newBackup(con console) *cobra.Command {
	var o backupOptions
	c := &cobra.Command{
		Use:     "backup DEST",
		Short:   "Copy the store to a file; - for stdout",
		GroupID: groupStore,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return fmt.Errorf("say where to write the copy, in one argument; - for stdout")
			}
			o.dest = args[0]
			return nil
		},
		RunE: func(c *cobra.Command, _ []string) error { return o.run(c.Context(), con) },
	}
	configFlag(c, &o.config)
	return c
}

// run copies the store.
func (o *backupOptions) run(ctx context.Context, con console) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt)
	defer stop()
	c, err := readConfig(o.config)
	if err != nil {
		return err
	}
	body, err := o.read(ctx, c.Store)
	if err != nil {
		return err
	}
	if o.dest == "-" {
		_, err = io.Copy(con.stdout, body)
		return errors.Join(err, body.Close())
	}
	n, err := writeFile(o.dest, body)
	if err := errors.Join(err, body.Close()); err != nil {
		return err
	}
	_, err = fmt.Fprintf(con.stderr, "%s: %d bytes\n", o.dest, n)
	return err
}

// read makes the copy, through the bot if one has the file.
func (o *backupOptions) read(ctx context.Context, c storeConfig) (io.ReadCloser, error) {
	if c.DynamoDB != nil {
		dir := "" // where temporary files are
		if o.dest != "-" {
			dir = filepath.Dir(o.dest)
		}
		return fileOfTable(ctx, c.DynamoDB, dir)
	}
	body, socketErr := askSocket(ctx, c.Bolt, "/backup")
	if socketErr == nil {
		return body, nil
	}
	f, err := copyFile(ctx, c.Bolt)
	if err != nil {
		return nil, neither(socketErr, err)
	}
	_ = os.Remove(f.Name()) // it stays readable as long as it is open
	return f, nil
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
