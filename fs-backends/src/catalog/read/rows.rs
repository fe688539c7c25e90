//! Rows of nodes and names, compared with their sums and with what the format allows.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use fs_core::{FileKind, Result, Time};
use rusqlite::Row;
use rusqlite::types::ValueRef;

use super::sql;
use crate::catalog::error::corrupted;
use crate::catalog::names::os_str;
use crate::catalog::sums::{self, Sums};
use crate::virtual_fs::{ContentId, Inode, NodeRecord};

/// The columns of a node, in the order [`record`] reads them.
macro_rules! node_columns {
    () => {
        "n.kind, n.mode, n.uid, n.gid, n.nlink, n.size, n.allocated, n.rdev, n.mtime, n.ctime, n.atime, n.btime, n.content, n.parent, n.target, n.sum"
    };
}
pub(in crate::catalog) use node_columns;

/// See [`node_columns`].
const SUM_OF_NODE: usize = 15;

/// Compares a name with its sum.
pub(in crate::catalog) fn check_name(
    sums: &Sums,
    dir: Inode,
    name: &OsStr,
    ino: Inode,
    kind: FileKind,
    sum: i64,
) -> Result<()> {
    sums.check(
        sum,
        || sums::dentry(dir.cast_signed(), name.as_bytes(), ino.cast_signed(), kind),
        || format!("name {name:?} in folder {dir}"),
    )
}

/// The node `ino` from the columns of a row from `at` on. What the format forbids, or was not written, is `Corrupted`.
pub(in crate::catalog) fn record(
    row: &Row<'_>,
    at: usize,
    ino: Inode,
    sums: &Sums,
) -> Result<NodeRecord> {
    let mut numbers = [0; 14];
    for (column, number) in numbers.iter_mut().enumerate() {
        *number = row.get(at + column).map_err(sql)?;
    }
    let target = match row.get_ref(at + 14).map_err(sql)? {
        ValueRef::Null => None,
        value => Some(os_str(value)?),
    };
    sums.check(
        row.get(at + SUM_OF_NODE).map_err(sql)?,
        || sums::node(ino.cast_signed(), &numbers, target.map(OsStr::as_bytes)),
        || format!("node {ino}"),
    )?;
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

/// The kind of a node.
pub(in crate::catalog) fn kind(row: &Row<'_>, column: usize) -> Result<FileKind> {
    file_kind(row.get(column).map_err(sql)?)
}

fn file_kind(number: i64) -> Result<FileKind> {
    u8::try_from(number)
        .ok()
        .and_then(FileKind::from_number)
        .ok_or_else(|| corrupted("read", format!("a node of unknown kind {number}")))
}

/// A number that can't be negative.
pub(super) fn unsigned(row: &Row<'_>, column: usize) -> Result<u64> {
    let number: i64 = row.get(column).map_err(sql)?;
    u64::try_from(number).map_err(|_| corrupted("read", "a negative number"))
}
