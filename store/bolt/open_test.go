package bolt

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/internal/testenv"
)

func TestANewFileIsForItsOwnerAlone(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "leases.db")
	mustOpen(t, path)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if mode := info.Mode().Perm(); mode != 0o600 {
		t.Errorf("mode %v, want 0600", mode)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("the folder holds %v, want the one file (%v)", entries, err)
	}
}

func TestASecondOpenIsRefusedWithinASecond(t *testing.T) {
	path := filepath.Join(t.TempDir(), "leases.db")
	mustOpen(t, path)
	began := time.Now()
	_, err := Open(path, Options{})
	wantCode(t, err, sshforward.EUNAVAILABLE)
	if took := time.Since(began); took > time.Second {
		t.Errorf("it took %v", took)
	}
	if m := sshforward.ErrorMessage(err).String(); !strings.Contains(m, "in use by another process") {
		t.Errorf("it says %q", m)
	}
}

func TestProcessesThatStartTogetherOnANewPathShareOneFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "leases.db")
	var all sync.WaitGroup
	stores, errs := make([]*Store, 8), make([]error, 8)
	for i := range stores {
		all.Go(func() { stores[i], errs[i] = Open(path, Options{Timeout: 100 * time.Millisecond}) })
	}
	all.Wait()
	var opened []*Store
	for i, err := range errs {
		if err == nil {
			opened = append(opened, stores[i])
			continue
		}
		wantCode(t, err, sshforward.EUNAVAILABLE)
	}
	if len(opened) != 1 {
		t.Fatalf("%d opened the store, want 1", len(opened))
	}
	mustPut(t, opened[0], newLease("aaaaaaa"))
	mustClose(t, opened[0])
	if _, err := mustOpen(t, path).Lease(t.Context(), "aaaaaaa"); err != nil {
		t.Error(err)
	}
}

func TestPathsThatCannotBeUsed(t *testing.T) {
	dir := t.TempDir()
	foreign := filepath.Join(dir, "foreign.db")
	db, err := bbolt.Open(foreign, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bbolt.Tx) error { _, err := tx.CreateBucket([]byte("theirs")); return err })
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, path, says string }{
		{"no folder", filepath.Join(dir, "none", "leases.db"), "folder does not exist"},
		{"a folder", dir, "is not a file"},
		{"another program's file", foreign, "belongs to another program"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Open(c.path, Options{})
			wantCode(t, err, sshforward.EINVALID)
			if m := sshforward.ErrorMessage(err).String(); !strings.Contains(m, c.says) || !strings.Contains(m, c.path) {
				t.Errorf("it says %q", m)
			}
			if errors.Is(err, ErrDamaged) {
				t.Error("it counts as damaged, so it might be moved")
			}
		})
	}
	if _, err := os.Stat(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the missing folder was made (%v)", err)
	}
}

func TestAFolderThatMayNotBeWritten(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may write everywhere")
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	_, err := Open(filepath.Join(dir, "leases.db"), Options{})
	wantCode(t, err, sshforward.EFORBIDDEN)
}

func TestANewerSchemaIsRefusedAndLeftAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "leases.db")
	s := mustOpen(t, path)
	replace(t, s, bucketMeta, "version", []byte(strconv.Itoa(version+1)), nil)
	mustClose(t, s)
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = Open(path, Options{})
	wantCode(t, err, sshforward.EINVALID)
	if m := sshforward.ErrorMessage(err).String(); !strings.Contains(m, "newer sshforward") || errors.Is(err, ErrDamaged) {
		t.Errorf("it says %q", m)
	}
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the file was changed (%v)", err)
	}
}

// sample returns the bytes of a store with some leases, no more than are in
// use, and a path for a copy.
func sample(t *testing.T) (content []byte, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "leases.db")
	s := mustOpen(t, path)
	for i := range 30 {
		l := newLease(fmt.Sprintf("aaaaa%02d", i))
		l.Because = strings.Repeat("because ", 20)
		mustPut(t, s, l)
	}
	var b bytes.Buffer
	if err := s.db.View(func(tx *bbolt.Tx) error { _, err := tx.WriteTo(&b); return err }); err != nil {
		t.Fatal(err)
	}
	mustClose(t, s)
	return b.Bytes(), path
}

// wantDamaged opens the file, which must fail in the way that lets the caller
// move the file aside and go on.
func wantDamaged(t *testing.T, path string) {
	t.Helper()
	for range 2 { // the first must not leave it locked
		_, err := Open(path, Options{Timeout: 100 * time.Millisecond})
		if !errors.Is(err, ErrDamaged) {
			t.Fatalf("Open: %v", err)
		}
		wantCode(t, err, sshforward.EINTERNAL)
		if m := sshforward.ErrorMessage(err).String(); !strings.Contains(m, "is damaged") {
			t.Errorf("it says %q", m)
		}
	}
	if err := os.Rename(path, path+".damaged"); err != nil {
		t.Fatal(err)
	}
	mustClose(t, mustOpen(t, path))
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

func TestDamagedFiles(t *testing.T) {
	content, path := sample(t)
	page := os.Getpagesize()
	noise := make([]byte, 64<<10)
	for i := range noise {
		noise[i] = byte(rand.Uint32())
	}
	cases := map[string][]byte{
		"empty":          {},
		"one byte":       {0},
		"random":         noise,
		"few random":     noise[:100],
		"zeros":          make([]byte, 64<<10),
		"text":           []byte(strings.Repeat("store: leases.db\n", 1000)),
		"one byte short": content[:len(content)-1],
		"both metas bad": slices.Concat(noise[:2*page], content[2*page:]),
	}
	for n := range 6 {
		size := n*page + 1 + n*page/2
		cases[fmt.Sprintf("cut off after %d", size)] = content[:size]
	}
	for name, damaged := range cases {
		t.Run(name, func(t *testing.T) {
			if err := os.WriteFile(path, damaged, 0o600); err != nil {
				t.Fatal(err)
			}
			wantDamaged(t, path)
		})
	}
}

// TestASpoiledPageNeverEndsTheProcess spoils each page in turn. Open may not
// notice, but then every call must end with a result or an error.
func TestASpoiledPageNeverEndsTheProcess(t *testing.T) {
	content, path := sample(t)
	page := os.Getpagesize()
	noise := make([]byte, page)
	for i := range noise {
		noise[i] = byte(rand.Uint32())
	}
	spoil := map[string]func([]byte){
		"zeros":  func(p []byte) { clear(p) },
		"ones":   func(p []byte) { copy(p, bytes.Repeat([]byte{0xff}, len(p))) },
		"random": func(p []byte) { copy(p, noise) },
		"body":   func(p []byte) { copy(p[16:], noise) }, // bbolt's page header stays
		"half":   func(p []byte) { clear(p[len(p)/2:]) },
	}
	noticed, tried := 0, 0
	for kind, f := range testenv.ThinnedRows(spoil, 3) {
		for i := range len(content) / page {
			spoiled := bytes.Clone(content)
			f(spoiled[i*page : (i+1)*page])
			if bytes.Equal(spoiled, content) {
				continue
			}
			if err := os.WriteFile(path, spoiled, 0o600); err != nil {
				t.Fatal(err)
			}
			tried++
			s, err := Open(path, Options{})
			if err != nil {
				noticed++
				if !errors.Is(err, ErrDamaged) && sshforward.ErrorCode(err) != sshforward.EINVALID {
					t.Errorf("page %d %s: %v", i, kind, err)
				}
				continue
			}
			useAll(t, s)
		}
	}
	t.Logf("%d spoiled files, %d noticed by Open", tried, noticed)
}

// useAll calls everything; only that it returns matters.
func useAll(t *testing.T, s *Store) {
	t.Helper()
	ctx := t.Context()
	s.db.NoSync = true // there are many files to try
	for i := range 30 {
		l, err := s.Lease(ctx, fmt.Sprintf("aaaaa%02d", i))
		if err != nil {
			continue
		}
		l.DueAt = l.DueAt.Add(time.Hour)
		s.Put(ctx, l)
		if i%3 == 0 {
			s.Delete(ctx, l.ID, l.Revision)
		}
	}
	s.Due(ctx, time.Now(), 100)
	s.Active(ctx)
	s.Source(ctx, "U1")
	s.SetSource(ctx, "U1", nil)
	s.Close()
}
