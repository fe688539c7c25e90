//! A node as a row has it, and the rules every such row keeps.

use std::ffi::OsStr;

use fs_core::{FileKind, Result, Time};

use super::error::corrupted;
use crate::virtual_fs::{ContentId, Inode, NodeRecord};

/// The node `ino` from the numbers of its row, in the order of the columns, and its target. `Corrupted`: the format forbids it.
pub(super) fn node_record(
    ino: Inode,
    numbers: [i64; 14],
    target: Option<&OsStr>,
) -> Result<NodeRecord> {
    let [
        kind,
        mode,
        uid,
        gid,
        nlink,
        size,
        allocated,
        rdev,
        mtime,
        ctime,
        atime,
        btime,
        content,
        parent,
    ] = numbers;
    let impossible = |_| corrupted("read", format!("node {ino} has an impossible number"));
    let small = |number: i64| u32::try_from(number).map_err(impossible);
    let large = |number: i64| u64::try_from(number).map_err(impossible);
    let record = NodeRecord {
        kind: file_kind(kind)?,
        mode: small(mode)?,
        uid: small(uid)?,
        gid: small(gid)?,
        nlink: large(nlink)?,
        size: large(size)?,
        allocated: large(allocated)?,
        rdev: rdev.cast_unsigned(),
        mtime: Time::from_nanos(mtime),
        ctime: Time::from_nanos(ctime),
        atime: Time::from_nanos(atime),
        btime: Time::from_nanos(btime),
        content: ContentId(large(content)?),
        parent: large(parent)?,
        target: target.map(OsStr::to_os_string),
    };
    if record.mode > 0o7777 || (record.kind == FileKind::Symlink) != record.target.is_some() {
        return Err(corrupted("read", format!("node {ino} is impossible")));
    }
    Ok(record)
}

/// The kind that a row has as a number.
pub(super) fn file_kind(number: i64) -> Result<FileKind> {
    u8::try_from(number)
        .ok()
        .and_then(FileKind::from_number)
        .ok_or_else(|| corrupted("read", format!("a node of unknown kind {number}")))
}
