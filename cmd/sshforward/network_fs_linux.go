package main

import "golang.org/x/sys/unix"

// networkFileSystems are the types, as statfs has them, of file systems that
// other machines have a part in. The store is one file that is mapped into
// memory and locked: there a lock may hold for one machine only, and what is
// mapped may be old.
var networkFileSystems = map[uint32]string{
	unix.NFS_SUPER_MAGIC:   "NFS",
	unix.SMB_SUPER_MAGIC:   "SMB",
	unix.CIFS_SUPER_MAGIC:  "SMB",
	unix.SMB2_SUPER_MAGIC:  "SMB",
	unix.AFS_SUPER_MAGIC:   "AFS",
	unix.AFS_FS_MAGIC:      "AFS",
	unix.CODA_SUPER_MAGIC:  "Coda",
	unix.NCP_SUPER_MAGIC:   "NCP",
	unix.V9FS_MAGIC:        "9P",
	unix.CEPH_SUPER_MAGIC:  "Ceph",
	unix.FUSE_SUPER_MAGIC:  "FUSE", // sshfs, s3fs, GlusterFS
	unix.OCFS2_SUPER_MAGIC: "OCFS2",
	0x01161970:             "GFS2",
	0x0BD00BD0:             "Lustre",
	0x47504653:             "GPFS",
	0x786F4256:             "VirtualBox's shared folders",
	0x2BAD1DEA:             "VMware's shared folders",
}

// networkFileSystem says which of them a folder is on; empty if it is on none,
// or that cannot be told.
func networkFileSystem(dir string) string {
	var s unix.Statfs_t
	if unix.Statfs(dir, &s) != nil {
		return ""
	}
	return networkFileSystems[uint32(s.Type)]
}
