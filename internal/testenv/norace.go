//go:build !race

package testenv

// Race is whether the race detector looks on, under which everything costs
// about five times as much.
const Race = false
