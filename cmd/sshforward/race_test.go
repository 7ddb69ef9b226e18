//go:build race

package main

// The detector makes everything cost five times as much.
func init() { defaultStorms, defaultSoak = 30, 15 }
