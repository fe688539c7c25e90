//! On what a vault or store lies: a filesystem of a network lets another computer in, whose locks ours may not see.

use std::path::Path;

use super::{Location, Root};

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
                type_of(path).filter(|kind| NETWORK.contains(&kind.as_str()))
            }
            _ => None,
        }
    }
}

/// The type of the filesystem that holds `path`, or the folder it would be made in.
fn type_of(path: &Path) -> Option<String> {
    use rustix::fs::{AtFlags, CWD, StatxFlags, statx};
    let flags = AtFlags::NO_AUTOMOUNT;
    let found = path
        .ancestors()
        .find_map(|path| statx(CWD, path, flags, StatxFlags::MNT_ID).ok())?;
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").ok()?;
    mount_type(&mounts, found.stx_mnt_id).map(str::to_owned)
}

/// The type in the line of mount `id`. A line is `id parent major:minor root place options [tag...] - type source options`.
fn mount_type(mounts: &str, id: u64) -> Option<&str> {
    let line = mounts.lines().find(|line| {
        let first = line.split(' ').next();
        first.and_then(|first| first.parse().ok()) == Some(id)
    })?;
    line.split_once(" - ")?.1.split(' ').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/root rw
31 22 0:27 / /home/ann/nas rw,relatime shared:12 master:3 - nfs4 nas:/ann rw,vers=4.2
32 22 0:28 / /home/ann/a\\040-\\040b rw,nosuid - fuse.sshfs ann@host: rw,user_id=1000
33 22 0:29 / /mnt rw - cifs //nas/films rw
";

    #[test]
    fn the_type_of_a_mount_is_read_from_its_line() {
        let found = [22, 31, 32, 33, 2].map(|id| mount_type(MOUNTS, id));
        assert_eq!(
            found,
            [
                Some("ext4"),
                Some("nfs4"),
                Some("fuse.sshfs"),
                Some("cifs"),
                None
            ]
        );
        let network = found.map(|kind| kind.is_some_and(|kind| NETWORK.contains(&kind)));
        assert_eq!(network, [false, true, true, true, false]);
    }

    #[test]
    fn what_holds_a_file_is_known_and_so_is_what_would_hold_a_missing_one() {
        assert_eq!(
            type_of(Path::new("/proc/self/stat")).as_deref(),
            Some("proc")
        );
        assert_eq!(
            type_of(Path::new("/proc/nothing/x.db")).as_deref(),
            Some("proc")
        );
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
