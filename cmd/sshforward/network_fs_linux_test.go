package main

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// The types are what mount(2) and statfs(2) have for what people keep volumes on:
// EFS is NFS, FSx is SMB or Lustre.
func TestStoreOnANetworkIsSaid(t *testing.T) {
	for kind, want := range map[int64]string{
		unix.NFS_SUPER_MAGIC: "NFS", 0x0BD00BD0: "Lustre", unix.SMB2_SUPER_MAGIC: "SMB", unix.FUSE_SUPER_MAGIC: "FUSE",
		unix.EXT4_SUPER_MAGIC: "", unix.XFS_SUPER_MAGIC: "", unix.BTRFS_SUPER_MAGIC: "", unix.TMPFS_MAGIC: "", unix.OVERLAYFS_SUPER_MAGIC: "",
	} {
		if got := networkFileSystems[uint32(kind)]; got != want {
			t.Errorf("0x%x is %q, want %q", kind, got, want)
		}
	}
	if kind := networkFileSystem(os.TempDir()); kind != "" {
		t.Errorf("%s is on %s; is it?", os.TempDir(), kind)
	}
	var log bytes.Buffer
	warnIfElsewhere("/efs/leases.db", func(dir string) string {
		if dir != "/efs" {
			t.Errorf("looked at %s", dir)
		}
		return "NFS"
	}, newLogger(&log, "text", "info"))
	if says := log.String(); !strings.Contains(says, "level=WARN") || !strings.Contains(says, "/efs/leases.db is on NFS") {
		t.Errorf("the log says %q", says)
	}
}
