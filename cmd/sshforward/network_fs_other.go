//go:build !darwin && !linux

package main

// networkFileSystem cannot tell here.
func networkFileSystem(string) string { return "" }
