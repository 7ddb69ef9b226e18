package playground

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// Files in the directory.
const (
	configFile     = "sshforward.yaml"
	storeFile      = "leases.db"
	logFile        = "bot.log"
	seedFile       = "seed"
	knownHostsFile = "known_hosts"
	keysDir        = "keys"
)

// makeDir makes the directory, and moves aside what an earlier run left of leases.
func (p *Playground) makeDir() (err error) {
	if p.dir = p.opts.Dir; p.dir == "" {
		if p.dir, err = os.MkdirTemp("", "sshforward-playground-"); err != nil {
			return err
		}
		p.undo = append(p.undo, func() { _ = os.RemoveAll(p.dir) })
	}
	if p.dir, err = filepath.Abs(p.dir); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(p.dir, keysDir), 0o700); err != nil {
		return err
	}
	store := filepath.Join(p.dir, storeFile)
	if _, err := os.Stat(store); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	// Not from under the bot of another playground, which has it locked.
	db, err := bbolt.Open(store, 0o600, &bbolt.Options{Timeout: 100 * time.Millisecond})
	if errors.Is(err, berrors.ErrTimeout) {
		return fmt.Errorf("%s is in use: another playground runs there", p.dir)
	}
	if err == nil { // a damaged one is moved aside like any other
		_ = db.Close()
	}
	return os.Rename(store, store+".previous")
}

// seed makes the ids of instances, by which a client's known_hosts remembers
// them (HostKeyAlias on the card), last exactly as long as their host keys.
func (p *Playground) seed() (uint64, error) {
	file := filepath.Join(p.dir, seedFile)
	text, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		seed := rand.Uint64()
		return seed, os.WriteFile(file, strconv.AppendUint(nil, seed, 10), 0o600)
	}
	if err != nil {
		return 0, err
	}
	return strconv.ParseUint(string(bytes.TrimSpace(text)), 10, 64)
}
