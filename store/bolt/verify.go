package bolt

import (
	"fmt"
	"os"
	"time"
)

// Verify reads every page of a file that nobody writes to, without bbolt, which
// on a damaged file may run for ever or end the process. Open looks only at
// what a bot cannot do without.
//
// Errors: one that wraps [ErrDamaged] if a page is not what it should be.
func Verify(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	r, err := newPageReader(file, info.Size(), time.Time{})
	if err == nil && r.meta.freelist != noFreelist {
		err = r.readFreelist()
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	buckets, err := r.buckets()
	if err == nil {
		err = r.everything(buckets)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
