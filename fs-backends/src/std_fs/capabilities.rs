//! What the host can do at a place: by the type of the mounted filesystem and whether it is mounted read-only; and how full it is.

use std::os::fd::{AsFd, OwnedFd};

use fs_core::extensions::{Space, SpaceInfo};
use fs_core::{At, Capabilities, Result};
use rustix::fs::{Mode, OFlags, StatVfsMountFlags};

use super::HostFs;
use super::reach::{Doing as _, Reach, failed};

/// `f_type` of filesystems that lack something (`statfs(2)`).
mod magic {
    pub const MSDOS: i64 = 0x4d44;
    pub const EXFAT: i64 = 0x2011_bab0;
    pub const CIFS: i64 = 0xff53_4d42;
    pub const SMB2: i64 = 0xfe53_4d42;
    pub const NFS: i64 = 0x6969;
    pub const FUSE: i64 = 0x6573_5546;
}

/// What can be done at `at`, or in the nearest folder above it that exists.
pub fn of(reach: &impl Reach, at: At<'_>) -> Capabilities {
    let mut all = Capabilities::all()
        - Capabilities::ATOMIC_KEEPS_INODE
        - Capabilities::SORTED_LISTING
        - Capabilities::VOLATILE
        - Capabilities::SET_BTIME
        - Capabilities::SNAPSHOTS
        - Capabilities::ENCRYPTED;
    if reach.root().is_none() {
        all -= Capabilities::CONFINED;
    }
    if !reach.refuses_links() {
        all -= Capabilities::REFUSES_LINKS;
    }
    if !rustix::process::geteuid().is_root() {
        all -= Capabilities::OWNER;
    }
    let Some(fd) = nearest(reach, at) else {
        return all;
    };
    let flags = rustix::fs::fstatvfs(&fd).map(|s| s.f_flag);
    if flags.is_ok_and(|flags| flags.contains(StatVfsMountFlags::RDONLY)) {
        all -= Capabilities::WRITE;
    }
    let renames = Capabilities::RENAME_EXCHANGE | Capabilities::RENAME_WHITEOUT;
    all - match rustix::fs::fstatfs(&fd).map(|s| s.f_type) {
        Ok(magic::MSDOS | magic::EXFAT) => {
            renames
                | Capabilities::SYMLINKS
                | Capabilities::HARD_LINKS
                | Capabilities::SPECIAL_FILES
                | Capabilities::MODE
                | Capabilities::OWNER
                | Capabilities::XATTRS
                | Capabilities::SPARSE
                | Capabilities::CASE_SENSITIVE
                | Capabilities::RAW_NAMES
        }
        Ok(magic::CIFS | magic::SMB2) => {
            renames
                | Capabilities::SPECIAL_FILES
                | Capabilities::MODE
                | Capabilities::OWNER
                | Capabilities::CASE_SENSITIVE
                | Capabilities::RAW_NAMES
        }
        Ok(magic::NFS | magic::FUSE) => renames,
        _ => Capabilities::empty(),
    }
}

/// Can other machines write to the filesystem of `fd`? Of what a program serves (FUSE) nobody knows.
pub fn is_shared(fd: impl AsFd) -> bool {
    let shared = [magic::CIFS, magic::SMB2, magic::NFS, magic::FUSE];
    rustix::fs::fstatfs(fd).map_or(true, |s| shared.contains(&s.f_type))
}

fn nearest(reach: &impl Reach, at: At<'_>) -> Option<OwnedFd> {
    let mut path = at.path.clone();
    loop {
        let place = At {
            path: &path,
            follow: at.follow.on_the_way(),
            ..at
        };
        match reach.open(place, OFlags::PATH, Mode::empty()) {
            Ok(fd) => return Some(fd),
            Err(_) => path = path.parent()?,
        }
    }
}

impl<R: Reach> SpaceInfo for HostFs<R> {
    fn space(&self, at: At<'_>) -> Result<Space> {
        let fd = self
            .reach()
            .and_then(|reach| reach.open(at, OFlags::PATH, Mode::empty()))
            .doing("space", at.path)?;
        let s = rustix::fs::fstatvfs(fd)
            .map_err(|e| failed(e, "space"))
            .doing("space", at.path)?;
        let bytes = |blocks: u64| blocks.saturating_mul(s.f_frsize);
        Ok(Space {
            total_bytes: Some(bytes(s.f_blocks)),
            available_bytes: Some(bytes(s.f_bavail)),
            used_bytes: bytes(s.f_blocks.saturating_sub(s.f_bfree)),
            // Some filesystems (btrfs) make inodes as they need them and count none.
            used_inodes: (s.f_files > 0).then(|| s.f_files.saturating_sub(s.f_ffree)),
            block_size_bytes: u32::try_from(s.f_bsize).unwrap_or(4096),
            name_max_bytes: u32::try_from(s.f_namemax).unwrap_or(255),
        })
    }
}
