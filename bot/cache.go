package bot

import lru "github.com/hashicorp/golang-lru/v2"

// newCache keeps the n entries used last until the process ends, so nothing that
// matters may be in it alone. An entry that grows old carries the time itself:
// lru's expirable cache has one lifetime for all its entries, and a goroutine
// that cannot be stopped.
func newCache[K comparable, V any](n int) *lru.Cache[K, V] {
	c, err := lru.New[K, V](n)
	if err != nil {
		panic(err) // n is a constant above zero
	}
	return c
}
