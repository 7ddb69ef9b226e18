package layers_test

import (
	"bufio"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

// columns is how long a line may be; a longer one does not fit beside its
// change in a review.
const columns = 140

func TestLinesFitIntoAReview(t *testing.T) {
	files := 0
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == ".git" || d.Name() == "node_modules"):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(path, ".go"):
			return nil
		}
		files++
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		lines := bufio.NewScanner(f)
		for n := 1; lines.Scan(); n++ {
			if long := utf8.RuneCount(lines.Bytes()); long > columns {
				t.Errorf("%s:%d has %d columns, and %d is the most", path, n, long, columns)
			}
		}
		return lines.Err()
	})
	if err != nil || files == 0 {
		t.Fatalf("%d files: %v", files, err)
	}
}
