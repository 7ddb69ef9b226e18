package sshforward

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What version 1 of the store wrote, a lease in each state with every field
// filled in, is read whole and written the same again: a newer version reads
// what an older one left, and the older one reads it after a step back.
func TestStoredRecords(t *testing.T) {
	for pattern, empty := range map[string]func() any{
		"testdata/lease-*.json": func() any { return new(Lease) },
		"testdata/event-*.json": func() any { return new(Event) },
	} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) < 2 {
			t.Fatalf("%s: %v, %v", pattern, files, err)
		}
		for _, file := range files {
			t.Run(filepath.Base(file), func(t *testing.T) {
				stored, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				record := empty()
				d := json.NewDecoder(bytes.NewReader(stored))
				d.DisallowUnknownFields()
				if err := d.Decode(record); err != nil {
					t.Fatal(err)
				}
				again, err := json.Marshal(record)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(decoded(t, stored), decoded(t, again)); diff != "" {
					t.Errorf("stored and written again (-stored +again):\n%s", diff)
				}
			})
		}
	}
}

func decoded(t *testing.T, b []byte) (v any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}
