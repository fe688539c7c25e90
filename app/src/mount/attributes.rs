//! Metadata, times, device numbers and errors in the words of the kernel.

use std::time::{SystemTime, UNIX_EPOCH};

use fs_core::{Error, FileKind, Metadata, SetTime, Time};
use fuser::{Errno, FileAttr, FileType, INodeNo, TimeOrNow};

/// The preferred size of reads and writes that programs are told (`st_blksize`).
const BLOCK_SIZE_BYTES: u32 = 64 * 1024;

/// What a request failed with, as `errno(3)` numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure(pub i32);

/// The answer to a request.
pub type Answer<T> = Result<T, Failure>;

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        if error.errno() == libc::EIO {
            // No path: this may be kept in clear, and names of an encrypted vault must not be.
            let (operation, kind) = (error.operation(), error.kind().text());
            match error.detail() {
                Some(detail) => tracing::error!("{operation}: {kind} ({detail})"),
                None => tracing::error!("{operation}: {kind}"),
            }
        }
        Self(error.errno())
    }
}

impl From<Failure> for Errno {
    fn from(failure: Failure) -> Self {
        Self::from_i32(failure.0)
    }
}

/// What `stat(2)` shall say of the node the kernel knows as `number`.
pub fn attributes(number: u64, metadata: &Metadata) -> FileAttr {
    FileAttr {
        ino: INodeNo(number),
        size: metadata.size,
        blocks: metadata.allocated.div_ceil(512),
        atime: metadata.atime.into(),
        mtime: metadata.mtime.into(),
        ctime: metadata.ctime.into(),
        crtime: metadata.btime.unwrap_or_default().into(),
        kind: file_type(metadata.kind),
        perm: u16::try_from(metadata.mode & 0o7777).unwrap_or(0),
        nlink: u32::try_from(metadata.nlink).unwrap_or(u32::MAX),
        uid: metadata.uid,
        gid: metadata.gid,
        rdev: encode_device(metadata.rdev),
        blksize: BLOCK_SIZE_BYTES,
        flags: 0,
    }
}

/// The kind of a directory entry.
pub fn file_type(kind: FileKind) -> FileType {
    match kind {
        FileKind::File => FileType::RegularFile,
        FileKind::Directory => FileType::Directory,
        FileKind::Symlink => FileType::Symlink,
        FileKind::Fifo => FileType::NamedPipe,
        FileKind::Socket => FileType::Socket,
        FileKind::CharDevice => FileType::CharDevice,
        FileKind::BlockDevice => FileType::BlockDevice,
    }
}

/// A device number as the kernel sends it (`new_encode_dev`: 12 bits of major number between the two parts of the minor one).
fn encode_device(device: u64) -> u32 {
    let (major, minor) = (libc::major(device), libc::minor(device));
    (minor & 0xff) | (major << 8) | ((minor & !0xff) << 12)
}

/// The inverse of [`encode_device`].
pub fn decode_device(device: u32) -> u64 {
    let major = (device & 0xf_ff00) >> 8;
    let minor = (device & 0xff) | ((device >> 12) & 0xf_ff00);
    libc::makedev(major, minor)
}

/// A time to set.
pub fn set_time(time: TimeOrNow) -> SetTime {
    match time {
        TimeOrNow::Now => SetTime::Now,
        TimeOrNow::SpecificTime(time) => SetTime::To(received_time(time)),
    }
}

/// A time from the kernel. Of a time before 1970, fuser 0.18 takes the nanoseconds away from the seconds instead of adding them.
fn received_time(time: SystemTime) -> Time {
    match UNIX_EPOCH.duration_since(time) {
        Ok(before) if !before.is_zero() => {
            let seconds = i64::try_from(before.as_secs()).unwrap_or(i64::MAX);
            Time::from_parts(-seconds, before.subsec_nanos().into())
        }
        _ => time.into(),
    }
}

/// The mode of a file without the bits that a change of its content or owner takes away: set-user-id, and set-group-id where the group may run it
/// (without that permission the bit has another meaning; `inode(7)`).
pub fn without_set_id(mode: u32) -> u32 {
    let mode = mode & !libc::S_ISUID;
    if mode & libc::S_IXGRP == 0 {
        mode
    } else {
        mode & !libc::S_ISGID
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn device_numbers_round_trip() {
        for (major, minor) in [
            (0, 0),
            (1, 3),
            (8, 255),
            (10, 229),
            (259, 0x1_2345),
            (4095, 256),
        ] {
            let device = libc::makedev(major, minor);
            assert_eq!(
                decode_device(encode_device(device)),
                device,
                "{major}:{minor}"
            );
        }
    }
}
