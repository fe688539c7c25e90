//! On what a file lies: its line in `/proc/self/mountinfo` (`proc_pid_mountinfo(5)`).

use std::path::Path;

/// The filesystem that is mounted where a file lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mount {
    /// Its type: `ext4`, `nfs4`, `fuse.sshfs`.
    pub(crate) kind: String,
    /// Major and minor number of its device, as the kernel itself names it; `stat(2)` gives another one for a subvolume of btrfs.
    pub(crate) device: (u32, u32),
}

impl Mount {
    /// The mount that holds `path`, or the folder it would be made in; `None`: nobody can tell.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        use rustix::fs::{AtFlags, CWD, StatxFlags, statx};
        let flags = AtFlags::NO_AUTOMOUNT;
        let found = path
            .ancestors()
            .find_map(|path| statx(CWD, path, flags, StatxFlags::MNT_ID).ok())?;
        let mounts = "/proc/self/mountinfo";
        crate::kernel_tables::find(mounts, |mounts| Self::in_table(mounts, found.stx_mnt_id))
    }

    /// The mount with a number. A line is `id parent major:minor root place options [tag...] - type source options`.
    fn in_table(mounts: &str, id: u64) -> Option<Self> {
        let line = mounts.lines().find(|line| {
            let first = line.split(' ').next();
            first.and_then(|first| first.parse().ok()) == Some(id)
        })?;
        let (major, minor) = line.split(' ').nth(2)?.split_once(':')?;
        Some(Self {
            kind: line.split_once(" - ")?.1.split(' ').next()?.to_owned(),
            device: (major.parse().ok()?, minor.parse().ok()?),
        })
    }
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
    fn a_mount_is_read_from_its_line() {
        let found = |id| {
            let mount = Mount::in_table(MOUNTS, id)?;
            Some((mount.kind, mount.device))
        };
        let is = |kind: &str, device| Some((kind.to_owned(), device));
        assert_eq!(found(22), is("ext4", (254, 0)));
        assert_eq!(found(31), is("nfs4", (0, 27)));
        assert_eq!(found(32), is("fuse.sshfs", (0, 28)));
        assert_eq!(found(33), is("cifs", (0, 29)));
        assert_eq!(found(2), None);
    }

    #[test]
    fn what_holds_a_file_is_known_and_so_is_what_would_hold_a_missing_one() {
        for path in ["/proc/self/stat", "/proc/nothing/x.db"] {
            assert_eq!(Mount::of(Path::new(path)).unwrap().kind, "proc");
        }
    }
}
