package bolt

import (
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sshforward/sshforward"
)

// writeFixture has TestWriteFixture keep a file of the schema as it is now.
// Whoever raises the schema version runs it once before, with
//
//	go test ./store/bolt -run TestWriteFixture -write-fixture
var writeFixture = flag.Bool("write-fixture", false, "write testdata/schema-N.db for the schema of this code")

// fixtureLease is the lease of a state in the fixtures.
func fixtureLease(s sshforward.State) *sshforward.Lease {
	l := newLease("lease-" + string(s))
	l.State, l.Owner = s, "U0ANN"
	l.RequestedAt = noon.Add(time.Duration(slices.Index(sshforward.States, s)) * time.Minute)
	l.DueAt = l.RequestedAt.Add(time.Hour)
	l.Sources = []netip.Prefix{netip.MustParsePrefix("203.0.113.7/32")}
	return l
}

// TestWriteFixture writes a file with a lease in each state, three events of
// each, a saved source and an account.
func TestWriteFixture(t *testing.T) {
	if !*writeFixture {
		t.Skip("only with -write-fixture")
	}
	s := newStore(t)
	for _, state := range sshforward.States {
		l := fixtureLease(state)
		if err := s.Put(t.Context(), l, over("U0ANN", l.ID, l.RequestedAt)); err != nil {
			t.Fatal(err)
		}
		mustAppend(t, s, over("U0BOB", l.ID, l.RequestedAt), sshforward.Event{At: l.RequestedAt, Act: sshforward.ActLook, Result: sshforward.EFORBIDDEN, Lease: l.ID})
	}
	if err := s.SetSource(t.Context(), "U0ANN", []netip.Prefix{netip.MustParsePrefix("203.0.113.7/32")}); err != nil {
		t.Fatal(err)
	}
	if err := s.SetRebuilt(t.Context(), "main"); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(filepath.Join("testdata", fmt.Sprintf("schema-%d.db", version)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Backup(t.Context(), f); err != nil { // no more than is in use
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestFilesOfEverySchema opens a file that each schema before this one has
// written, and goes on with it.
func TestFilesOfEverySchema(t *testing.T) {
	files, err := filepath.Glob("testdata/schema-*.db")
	if err != nil || len(files) < version {
		t.Fatalf("%d schemas, and files of %v (%v)", version, files, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(t.TempDir(), "leases.db")
			if err := os.WriteFile(path, content, 0o600); err != nil {
				t.Fatal(err)
			}
			s := mustOpen(t, path)
			wantFixture(t, s, !strings.Contains(file, "no-events"))
			closing := fixtureLease(sshforward.Closing)
			closing.Revision, closing.State = 1, sshforward.Closed
			if err := s.Put(t.Context(), closing, over("U0ANN", closing.ID, noon.Add(time.Hour))); err != nil {
				t.Fatal(err)
			}
			mustClose(t, s)
			s = mustOpen(t, path)
			if past, err := s.Past(t.Context(), "U0ANN", noon, 1); err != nil || len(past) != 1 || past[0].Lease != closing.ID {
				t.Errorf("the newest of the past: %+v, %v", past, err)
			}
		})
	}
}

// wantFixture fails unless all that TestWriteFixture wrote is there. The first
// files had no audit record.
func wantFixture(t *testing.T, s *Store, events bool) {
	t.Helper()
	active, err := s.Active(t.Context())
	if err != nil || len(active) != len(sshforward.States)-1 {
		t.Errorf("%d leases are active, %v", len(active), err)
	}
	for i, state := range sshforward.States {
		want := fixtureLease(state)
		l, err := s.Lease(t.Context(), want.ID)
		if err != nil {
			t.Fatal(err)
		}
		if l.State != state || l.Owner != want.Owner || !l.DueAt.Equal(want.DueAt) || !slices.Equal(l.Sources, want.Sources) {
			t.Errorf("lease %s is %+v", l.ID, l)
		}
		if state != sshforward.Closed && (len(active) <= i || active[i].ID != want.ID) {
			t.Errorf("lease %s is not the %dth that is active", want.ID, i)
		}
	}
	if due, err := s.Due(t.Context(), noon.Add(time.Hour), 10); err != nil || len(due) != 1 || due[0] != "lease-requested" {
		t.Errorf("due: %v, %v", due, err)
	}
	if source, err := s.Source(t.Context(), "U0ANN"); err != nil || len(source) != 1 {
		t.Errorf("the saved source: %v, %v", source, err)
	}
	if rebuilt, err := s.Rebuilt(t.Context(), "main"); err != nil || !rebuilt {
		t.Errorf("the account is rebuilt: %t, %v", rebuilt, err)
	}
	if !events {
		return
	}
	var want []string
	for _, state := range sshforward.States {
		id := fixtureLease(state).ID
		want = append(want, id, id, id)
	}
	if got, err := read(t.Context(), s, time.Time{}); err != nil || !slices.Equal(got, want) {
		t.Errorf("events of %v, %v", got, err)
	}
	if past, err := s.Past(t.Context(), "U0BOB", time.Time{}, 10); err != nil || len(past) != len(sshforward.States) {
		t.Errorf("%d past leases, %v", len(past), err)
	}
}
