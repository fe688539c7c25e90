//! Rows of nodes and names, compared with their sums and with what the format allows.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use fs_core::{FileKind, Result};
use rusqlite::Row;
use rusqlite::types::ValueRef;

use super::sql;
use crate::catalog::error::corrupted;
use crate::catalog::names::os_str;
use crate::catalog::record::{file_kind, node_record};
use crate::catalog::sums::{self, Sums};
use crate::virtual_fs::{Inode, NodeRecord};

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
    node_record(ino, numbers, target)
}

/// The kind of a node.
pub(in crate::catalog) fn kind(row: &Row<'_>, column: usize) -> Result<FileKind> {
    file_kind(row.get(column).map_err(sql)?)
}

/// A number that can't be negative.
pub(super) fn unsigned(row: &Row<'_>, column: usize) -> Result<u64> {
    let number: i64 = row.get(column).map_err(sql)?;
    u64::try_from(number).map_err(|_| corrupted("read", "a negative number"))
}
