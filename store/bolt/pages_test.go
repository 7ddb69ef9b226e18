package bolt

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/sshforward/sshforward/internal/testenv"
)

// abandonFreelist does to the bytes of a file what `bbolt surgery freelist
// abandon` does: whoever opens it has to walk all pages for a new list.
func abandonFreelist(t *testing.T, content []byte) []byte {
	t.Helper()
	content = bytes.Clone(content)
	for _, p := range [][]byte{content, content[os.Getpagesize():]} {
		m := p[headerSize : headerSize+metaSize]
		binary.NativeEndian.PutUint64(m[32:], noFreelist)
		sum := fnv.New64a()
		sum.Write(m[:56])
		binary.NativeEndian.PutUint64(m[56:], sum.Sum64())
	}
	return content
}

// TestASpoiledPageWithoutAFreelistNeverEndsTheProcess: bbolt goes through all
// pages of such a file in a goroutine of its own, and a panic there ends the
// process, at every start anew.
func TestASpoiledPageWithoutAFreelistNeverEndsTheProcess(t *testing.T) {
	t.Parallel()
	content, path := sample(t)
	content = abandonFreelist(t, content)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := openElsewhere(t, path); err != nil {
		t.Fatalf("with all its pages it is not opened: %v\n%s", err, out)
	}
	page := os.Getpagesize()
	noticed := 0
	for kind, spoil := range testenv.ThinnedRows(map[string]func([]byte){
		"zeros":  func(p []byte) { clear(p) },
		"header": func(p []byte) { binary.NativeEndian.PutUint16(p[8:], 0x40) },
		"count":  func(p []byte) { binary.NativeEndian.PutUint16(p[10:], 0xfff) },
		"circle": func(p []byte) { binary.NativeEndian.PutUint64(p[headerSize+8:], 4) },
	}, 3) {
		for i := 2; i < len(content)/page; i++ {
			spoiled := bytes.Clone(content)
			spoil(spoiled[i*page : (i+1)*page])
			if err := os.WriteFile(path, spoiled, 0o600); err != nil {
				t.Fatal(err)
			}
			out, err := openElsewhere(t, path)
			if err != nil {
				noticed++
				if !strings.Contains(out, ErrDamaged.Error()) || strings.Contains(out, "goroutine ") {
					t.Fatalf("page %d, %s: it ends with %v\n%.2000s", i, kind, err, out)
				}
			}
		}
	}
	if noticed == 0 {
		t.Error("nothing was noticed")
	}
}

// openEnv makes this test binary open the store that is its value, and say so.
const openEnv = "SSHFORWARD_TEST_OPEN"

func openAndSay(path string) {
	s, err := Open(path, Options{})
	if err == nil {
		err = s.Close()
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

// openElsewhere opens the store in another process, which may not take more
// than a few seconds.
func openElsewhere(t *testing.T, path string) (out string, err error) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, exe)
	cmd.Env = append(os.Environ(), openEnv+"="+path)
	b, err := cmd.CombinedOutput()
	return string(b), err
}

// TestLookFindsWhatIsSpoiled compares what is read without bbolt with a file
// that is good, page for page.
func TestLookFindsWhatIsSpoiled(t *testing.T) {
	content, path := sample(t)
	lookAt := func(b []byte) error {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		return look(f, time.Time{})
	}
	if err := lookAt(content); err != nil {
		t.Fatalf("a good file: %v", err)
	}
	page := os.Getpagesize()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := newPageReader(f, int64(len(content)), time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.readFreelist(); err != nil {
		t.Fatal(err)
	}
	for id := uint64(2); id < r.meta.pages; id++ {
		spoiled := bytes.Clone(content)
		clear(spoiled[int(id)*page : int(id+1)*page])
		if err := lookAt(spoiled); errors.Is(err, ErrDamaged) == r.free.has(id) {
			t.Errorf("page %d, which is free: %t, is nothing but zeros: %v", id, r.free.has(id), err)
		}
	}
	misplaced := bytes.Clone(content)
	binary.NativeEndian.PutUint64(misplaced[int(r.meta.root)*page:], r.meta.root+1)
	if err := lookAt(misplaced); !errors.Is(err, ErrDamaged) {
		t.Errorf("a page in another's place: %v", err)
	}
}

// TestLookGivesUp: a file that takes too long to look at is opened.
func TestLookGivesUp(t *testing.T) {
	_, path := sample(t)
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := look(f, time.Now().Add(-time.Second)); err != nil {
		t.Error(err)
	}
}
