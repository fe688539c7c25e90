//! Metadata from the host and attributes to it.

use std::os::fd::{AsFd, BorrowedFd};

use fs_core::{FileId, FileKind, Metadata, SetAttr, SetTime, Time};
use rustix::fs::{
    AtFlags, Gid, Mode, Nsecs, Statx, StatxFlags, StatxTimestamp, Timespec, Timestamps, UTIME_NOW,
    UTIME_OMIT, Uid, makedev,
};
use rustix::io::{Errno, Result};

use super::reach::{Target, proc_path};

/// `statx(2)` of a target.
pub fn stat(target: &Target<'_>) -> Result<Metadata> {
    stat_at(target.dir.as_fd(), target.path, target.flags)
}

/// `statx(2)` of an open file.
pub fn stat_fd(fd: impl AsFd) -> Result<Metadata> {
    stat_at(fd.as_fd(), "", AtFlags::EMPTY_PATH)
}

/// `statx(2)` of a path from a descriptor. Automounts are left alone.
pub fn stat_at<P: rustix::path::Arg>(
    dir: BorrowedFd<'_>,
    path: P,
    flags: AtFlags,
) -> Result<Metadata> {
    let wanted = StatxFlags::BASIC_STATS | StatxFlags::BTIME;
    rustix::fs::statx(dir, path, flags | AtFlags::NO_AUTOMOUNT, wanted).map(|s| metadata(&s))
}

fn metadata(s: &Statx) -> Metadata {
    let time = |t: StatxTimestamp| Time::from_parts(t.tv_sec, i64::from(t.tv_nsec));
    let mode = u32::from(s.stx_mode);
    let has_btime = s.stx_mask & StatxFlags::BTIME.bits() != 0;
    Metadata {
        id: FileId {
            fs: makedev(s.stx_dev_major, s.stx_dev_minor),
            ino: s.stx_ino,
        },
        // Linux knows no other types than these seven.
        kind: FileKind::from_mode(mode).unwrap_or(FileKind::File),
        mode: mode & 0o7777,
        uid: s.stx_uid,
        gid: s.stx_gid,
        nlink: u64::from(s.stx_nlink),
        size: s.stx_size,
        allocated: s.stx_blocks.saturating_mul(512),
        rdev: makedev(s.stx_rdev_major, s.stx_rdev_minor),
        mtime: time(s.stx_mtime),
        ctime: time(s.stx_ctime),
        atime: time(s.stx_atime),
        btime: has_btime.then(|| time(s.stx_btime)),
    }
}

/// Sets owner, then mode, then times of the node behind a descriptor, which may be `O_PATH`; size is the caller's.
///
/// In this order because a change of owner clears the set-id bits (`chown(2)`). A symbolic link has no mode of its own, so none is set.
pub fn set(fd: BorrowedFd<'_>, attr: &SetAttr) -> Result<()> {
    set_owner(fd, attr.uid, attr.gid)?;
    if let Some(mode) = attr.mode {
        match set_mode(fd, mode) {
            // Since Linux 6.6; before, some filesystems let it be.
            Err(Errno::OPNOTSUPP) if stat_fd(fd)?.is_symlink() => {}
            other => other?,
        }
    }
    set_times(fd, attr)
}

/// Sets mode, then times of an open file.
pub fn set_open(fd: BorrowedFd<'_>, attr: &SetAttr) -> Result<()> {
    if let Some(mode) = attr.mode {
        rustix::fs::fchmod(fd, Mode::from_raw_mode(mode & 0o7777))?;
    }
    set_times(fd, attr)
}

/// `chown(2)` of the node itself.
pub fn set_owner(fd: BorrowedFd<'_>, uid: Option<u32>, gid: Option<u32>) -> Result<()> {
    if uid.is_none() && gid.is_none() {
        return Ok(());
    }
    let (uid, gid) = (uid.map(Uid::from_raw), gid.map(Gid::from_raw));
    rustix::fs::chownat(fd, "", uid, gid, AtFlags::EMPTY_PATH)
}

/// `chmod(2)` of the node itself, through `/proc` because `fchmod` refuses `O_PATH`.
pub fn set_mode(fd: BorrowedFd<'_>, mode: u32) -> Result<()> {
    rustix::fs::chmod(proc_path(fd), Mode::from_raw_mode(mode & 0o7777))
}

/// `utimensat(2)` of the node itself.
pub fn set_times(fd: BorrowedFd<'_>, attr: &SetAttr) -> Result<()> {
    if attr.mtime.is_none() && attr.atime.is_none() {
        return Ok(());
    }
    let spec = |time: Option<SetTime>| {
        let (tv_sec, tv_nsec) = match time {
            None => (0, UTIME_OMIT),
            Some(SetTime::Now) => (0, UTIME_NOW),
            Some(SetTime::To(time)) => {
                let (seconds, nanos) = time.parts();
                (seconds, Nsecs::from(nanos))
            }
        };
        Timespec { tv_sec, tv_nsec }
    };
    let times = Timestamps {
        last_access: spec(attr.atime),
        last_modification: spec(attr.mtime),
    };
    rustix::fs::utimensat(fd, "", &times, AtFlags::EMPTY_PATH)
}
