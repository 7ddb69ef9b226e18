package fakeaws

import (
	"cmp"
	"maps"
	"slices"
)

func contains[T comparable](s []T, v T) bool { return slices.Contains(s, v) }

func filterSlice[T any](s []T, keep func(T) bool) []T {
	var out []T
	for _, v := range s {
		if keep(v) {
			out = append(out, v)
		}
	}
	return out
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

// sameSet tells whether two lists hold the same strings in whatever order.
func sameSet(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}
