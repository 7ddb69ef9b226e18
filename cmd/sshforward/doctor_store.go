package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	berrors "go.etcd.io/bbolt/errors"

	"github.com/sshforward/sshforward/store/bolt"
)

// lookAtStore looks at the store, wherever it is.
func lookAtStore(ctx context.Context, c storeConfig, offline bool) []finding {
	if c.DynamoDB != nil {
		return lookAtTable(ctx, c.DynamoDB, offline)
	}
	return lookAtFile(c.Bolt, offline)
}

// lookAtFile opens the database as the bot would, unless the bot has it. It
// makes none: made by root, the bot could not open it. Offline the machine may be
// another than the bot's, and lack the folder.
func lookAtFile(path string, offline bool) []finding {
	a := &about{what: "store"}
	if kind := networkFileSystem(filepath.Dir(path)); kind != "" {
		a.mend("%s", storeElsewhere(path, kind))
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		if info, err := os.Stat(filepath.Dir(path)); err != nil || !info.IsDir() {
			if offline {
				a.ok("the folder of %s does not exist on this machine; the bot's has to have it", path)
				return a.found
			}
			a.mend("the folder of %s does not exist", path)
		} else {
			a.ok("%s does not exist yet; the first start makes it", path)
		}
		return a.found
	}
	store, err := bolt.Open(path, bolt.Options{AsIs: true})
	switch {
	case errors.Is(err, berrors.ErrTimeout):
		a.ok("%s is in use by a running bot", path)
		return a.found
	case err != nil:
		a.mend("%s", oneLine(err))
		return a.found
	}
	defer func() { _ = store.Close() }() // nothing was written
	active, err := store.Active(context.Background())
	if err != nil {
		a.mend("%s", oneLine(err))
		return a.found
	}
	a.ok("%s can be written, %d leases are not closed", path, len(active))
	return a.found
}

// storeElsewhere says why the store should be on a disk of this machine.
func storeElsewhere(path, kind string) string {
	return fmt.Sprintf("%s is on %s: the store is mapped into memory and locked, which holds only on a disk of this machine; "+
		"put it on a local file system, such as one on an EBS volume", path, kind)
}
