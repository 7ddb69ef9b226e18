package bot

import lru "github.com/hashicorp/golang-lru/v2"

// newCache remembers the entries used last, n of them, until the process ends:
// nothing that matters may be in it alone. What grows old has its own end in
// the entry: lru's expirable cache has one for all entries, and a goroutine
// that never ends.
func newCache[K comparable, V any](n int) *lru.Cache[K, V] {
	c, err := lru.New[K, V](n)
	if err != nil {
		panic(err) // n is a constant above zero
	}
	return c
}
