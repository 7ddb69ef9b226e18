package bolt

import (
	"bytes"
	"flag"
	"fmt"
	"log/slog"
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
		mustAppend(t, s, over("U0BOB", l.ID, l.RequestedAt),
			sshforward.Event{At: l.RequestedAt, Act: sshforward.ActLook, Result: sshforward.EFORBIDDEN, Lease: l.ID})
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
			events := !strings.Contains(file, "no-events")
			wantFixture(t, s, events)
			mustAppend(t, s, over("U0BOB", "late", noon.Add(-time.Hour)))
			wantInOrder(t, s, events)
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

// wantInOrder fails unless the events come in the order in which they were
// written, those of the fixture before the one that was added.
func wantInOrder(t *testing.T, s *Store, events bool) {
	t.Helper()
	var want, got []string
	for _, state := range sshforward.States {
		if id := fixtureLease(state).ID; events {
			want = append(want, id, id, id)
		}
	}
	want = append(want, "late")
	var seq, second uint64
	for e, err := range s.EventsAfter(t.Context(), 0) {
		if err != nil || e.Seq <= seq {
			t.Fatalf("event %d after %d: %v", e.Seq, seq, err)
		}
		if got, seq = append(got, e.Lease), e.Seq; len(got) == 2 {
			second = seq
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("in order: %v\nwant %v", got, want)
	}
	var rest []string
	for e := range s.EventsAfter(t.Context(), second) { // in the first schema, in the middle of what has no index
		rest = append(rest, e.Lease)
	}
	if events && !slices.Equal(rest, want[2:]) {
		t.Errorf("after the second: %v", rest)
	}
}

// oldFile copies a fixture of an older schema.
func oldFile(t *testing.T, name string) (path string) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "leases.db")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// schemaIn returns what the file says, without migrating it.
func schemaIn(t *testing.T, path string) int {
	t.Helper()
	s, err := Open(path, Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer mustClose(t, s)
	return s.schema
}

func TestAnOlderFileIsMigratedAfterACopyWasMade(t *testing.T) {
	path := oldFile(t, "schema-1.db")
	mustClose(t, mustOpen(t, path))
	if v := schemaIn(t, path); v != version {
		t.Errorf("the file has schema %d", v)
	}
	copied := path + ".schema-1"
	if v := schemaIn(t, copied); v != 1 {
		t.Errorf("the copy has schema %d", v)
	}
	info, err := os.Stat(copied)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the copy: %v, %v", info, err)
	}
	s, err := Open(copied, Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer mustClose(t, s)
	wantFixture(t, s, true)
}

// Access has to end also where there is no room for a copy or a migration.
func TestAnOlderFileThatCannotBeMigratedIsWorkedWith(t *testing.T) {
	for _, name := range []string{"schema-1.db", "schema-1-no-events.db"} {
		t.Run(name, func(t *testing.T) {
			path := oldFile(t, name)
			inTheWay := path + ".schema-1"
			if err := os.Mkdir(inTheWay, 0o700); err != nil {
				t.Fatal(err)
			}
			var log bytes.Buffer
			s, err := Open(path, Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(log.String(), "level=WARN") || !strings.Contains(log.String(), inTheWay) {
				t.Errorf("it says %s", &log)
			}
			events := name == "schema-1.db"
			wantFixture(t, s, events)
			l := newLease("aaaaaaa")
			if err := s.Put(t.Context(), l, over("U0BOB", "late", noon.Add(-time.Hour))); err != nil {
				t.Fatal(err)
			}
			wantInOrder(t, s, events)
			wantConsistent(t, s)
			mustClose(t, s)
			if v := schemaIn(t, path); v != 1 {
				t.Errorf("the file has schema %d", v)
			}
			if left, err := filepath.Glob(path + "*"); err != nil || len(left) != 2 {
				t.Errorf("there is %v (%v)", left, err)
			}

			if err := os.Remove(inTheWay); err != nil {
				t.Fatal(err)
			}
			s = mustOpen(t, path)
			wantInOrder(t, s, events)
			mustAppend(t, s, over("U0BOB", "later", noon))
			if v := schemaIn(t, inTheWay); v != 1 || s.schema != version {
				t.Errorf("at the next start the file has schema %d, the copy %d", s.schema, v)
			}
		})
	}
}

func TestWhoOnlyLooksMigratesNothing(t *testing.T) {
	for _, opts := range []Options{{ReadOnly: true}, {AsIs: true}} {
		path := oldFile(t, "schema-1.db")
		before, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		s, err := Open(path, opts)
		if err != nil {
			t.Fatal(err)
		}
		wantFixture(t, s, true)
		mustClose(t, s)
		if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
			t.Errorf("it was written (%v)", err)
		}
	}
}

// Numbers grow also where a backup was put back: whoever goes on after the last
// one that was seen misses nothing.
func TestNumbersGrowOverARestoredBackup(t *testing.T) {
	dir := t.TempDir()
	path, backup := filepath.Join(dir, "leases.db"), filepath.Join(dir, "backup.db")
	s := mustOpen(t, path)
	mustAppend(t, s, over("U1", "before", noon))
	if err := s.copyBeside(backup); err != nil {
		t.Fatal(err)
	}
	mustAppend(t, s, over("U1", "lost", noon))
	var seen uint64
	for e := range s.EventsAfter(t.Context(), 0) {
		seen = e.Seq
	}
	mustClose(t, s)
	s = mustOpen(t, backup)
	s.first = firstSeq(time.Now().Add(time.Second)) // it takes longer to put one back
	mustAppend(t, s, over("U1", "after", noon))
	var got []string
	for e := range s.EventsAfter(t.Context(), seen) {
		got = append(got, e.Lease)
	}
	if !slices.Equal(got, []string{"after"}) {
		t.Errorf("after %d come %v", seen, got)
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
