//go:build race

package sim

// The detector makes everything cost five times as much.
func init() { defaultStorms, defaultSoak = 30, 15 }
