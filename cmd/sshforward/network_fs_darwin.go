package main

import "golang.org/x/sys/unix"

// networkFileSystem says which file system that other machines have a part in a
// folder is on; empty if it is on none, or that cannot be told.
func networkFileSystem(dir string) string {
	var s unix.Statfs_t
	if unix.Statfs(dir, &s) != nil || s.Flags&unix.MNT_LOCAL != 0 {
		return ""
	}
	return unix.ByteSliceToString(s.Fstypename[:])
}
