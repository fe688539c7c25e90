//! On what a vault or store lies: a filesystem of a network lets another computer in, whose locks ours may not see.

use super::{Location, Root};
use crate::mounts::Mount;

/// Filesystems that other computers share, as `/proc/self/mountinfo` calls them (`proc_pid_mountinfo(5)`), FUSE with its subtype.
const NETWORK: [&str; 26] = [
    "9p",
    "acfs",
    "afs",
    "beegfs",
    "ceph",
    "cifs",
    "coda",
    "fuse.ceph-fuse",
    "fuse.curlftpfs",
    "fuse.davfs2",
    "fuse.gcsfuse",
    "fuse.glusterfs",
    "fuse.gvfsd-fuse",
    "fuse.juicefs",
    "fuse.rclone",
    "fuse.s3fs",
    "fuse.smbnetfs",
    "fuse.sshfs",
    "gfs2",
    "lustre",
    "nfs",
    "nfs4",
    "ocfs2",
    "orangefs",
    "smb3",
    "smbfs",
];

impl Location {
    /// The type of the network filesystem (`nfs4`, `cifs`, `fuse.sshfs`, ...) that holds a vault, a store or a saved memory filesystem. `None`: it
    /// lies on a disk of this computer, it is none of these, or nobody can tell.
    ///
    /// An advisory lock holds other programs of this computer off. Whether it holds other computers off depends on the network filesystem and how it
    /// is mounted (`flock(2)`, "NFS details", "CIFS details"), and SQLite's log in shared memory is not shared with them (sqlite.org/wal.html): two
    /// computers that write one vault at once destroy it.
    pub fn network_filesystem(&self) -> Option<String> {
        match self.root() {
            Root::Vault(path) | Root::Store(path) | Root::Saved(path) => {
                let mount = Mount::of(path).filter(Mount::is_of_network)?;
                Some(mount.kind)
            }
            _ => None,
        }
    }
}

impl Mount {
    /// Do other computers share it?
    pub(crate) fn is_of_network(&self) -> bool {
        NETWORK.contains(&self.kind.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filesystems_of_a_network_are_told_from_those_of_a_disk() {
        let network = ["ext4", "nfs4", "fuse.sshfs", "cifs", "tmpfs", "fuse.lamina"].map(|kind| {
            let device = (0, 27);
            let kind = kind.to_owned();
            Mount { kind, device }.is_of_network()
        });
        assert_eq!(network, [false, true, true, true, false, false]);
    }

    #[test]
    fn a_folder_of_the_host_is_warned_of_nowhere() {
        assert_eq!(
            Location::new(Root::Host("/".into())).network_filesystem(),
            None
        );
        assert_eq!(
            Location::new(Root::Vault("/proc/x.db".into())).network_filesystem(),
            None
        );
    }
}
