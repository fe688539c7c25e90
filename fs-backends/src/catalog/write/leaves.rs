//! Removing what a directory holds by sets of rows instead of one by one.

use fs_core::{FileKind, Result};
use rusqlite::Connection;
use rusqlite::types::Value;

use crate::catalog::error::from_sql;
use crate::catalog::names::os_str;
use crate::catalog::read::{check_name, kind, node_columns, record};
use crate::catalog::sums::{self, Sums};
use crate::virtual_fs::{Inode, NodeRecord};

/// The entries in SQLite's order, texts before blobs.
const SELECT: &str = concat!(
    "SELECT d.ino, d.name, d.kind, d.sum, c.id, c.refs, c.stored, c.sum, ",
    node_columns!(),
    " FROM dentry d JOIN node n ON n.ino = d.ino LEFT JOIN content c ON c.id = n.content WHERE d.parent = ?1 AND d.kind <> ?2 ORDER BY d.name LIMIT ?3"
);
/// Those entries again, up to the last of them.
macro_rules! rows {
    () => {
        "FROM dentry WHERE parent = ?1 AND kind <> ?2 AND name <= ?3"
    };
}
const DISMISS: &str = concat!(
    "UPDATE content SET refs = 0, sum = sum - 1000003 WHERE id IN (SELECT n.content FROM node n WHERE n.ino IN (SELECT ino ",
    rows!(),
    "))"
);
const XATTRS: &str = concat!("DELETE FROM xattr WHERE ino IN (SELECT ino ", rows!(), ")");
const NODES: &str = concat!("DELETE FROM node WHERE ino IN (SELECT ino ", rows!(), ")");
const ENTRIES: &str = concat!("DELETE ", rows!());

/// See [`NodeWrite::remove_leaves`](crate::virtual_fs::NodeWrite::remove_leaves). Answers the exclusive or of the sums of the names too.
pub(super) fn remove(
    db: &Connection,
    dir: Inode,
    limit: usize,
    sums: &Sums,
) -> Result<(Vec<(Inode, NodeRecord)>, i64)> {
    let sql = |error| from_sql(error, "remove");
    let directory = FileKind::Directory as u8;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut gone = Vec::new();
    let (mut last, mut names) = (Value::Null, 0);
    let mut select = db.prepare_cached(SELECT).map_err(sql)?;
    let mut rows = select
        .query((dir.cast_signed(), directory, limit))
        .map_err(sql)?;
    while let Some(row) = rows.next().map_err(sql)? {
        let ino = row.get::<_, i64>(0).map_err(sql)?.cast_unsigned();
        let sum: i64 = row.get(3).map_err(sql)?;
        let name = os_str(row.get_ref(1).map_err(sql)?)?;
        check_name(sums, dir, name, ino, kind(row, 2)?, sum)?;
        let node = record(row, 8, ino, sums)?;
        let content: Option<i64> = row.get(4).map_err(sql)?;
        let refs = match content {
            Some(id) => {
                let (refs, stored): (i64, i64) =
                    (row.get(5).map_err(sql)?, row.get(6).map_err(sql)?);
                let what = || format!("the record of content {id}");
                let known = row.get(7).map_err(sql)?;
                sums.check(known, || sums::content(id, refs, stored), what)?;
                refs
            }
            None => 1,
        };
        if node.kind == FileKind::Directory || node.nlink != 1 || refs != 1 {
            return Ok((Vec::new(), 0));
        }
        names ^= sum;
        gone.push((ino, node));
        last = row.get(1).map_err(sql)?;
    }
    drop(rows);
    if gone.is_empty() {
        return Ok((gone, 0));
    }
    for statement in [DISMISS, XATTRS, NODES, ENTRIES] {
        db.prepare_cached(statement)
            .and_then(|mut prepared| prepared.execute((dir.cast_signed(), directory, &last)))
            .map_err(sql)?;
    }
    Ok((gone, names))
}
