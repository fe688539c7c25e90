//! Reading nodes and names in one transaction.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;

use fs_core::{FileKind, Result, Time, VPath};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension as _, Row};

use super::error::{corrupted, from_sql};
use super::names::{SqlName, entry_name, os_str, os_string, text_bound};
use crate::virtual_fs::{ContentId, EntryRow, Inode, NodeRead, NodeRecord, TrashRecord};

/// The columns of a node, in the order [`record`] reads them.
macro_rules! node_columns {
    () => {
        "n.kind, n.mode, n.uid, n.gid, n.nlink, n.size, n.allocated, n.rdev, n.mtime, n.ctime, n.atime, n.btime, n.content, n.parent, n.target"
    };
}
pub(super) use node_columns;

const NODE: &str = concat!("SELECT ", node_columns!(), " FROM node n WHERE n.ino = ?1");
// SQLite sorts all TEXT before all BLOB, so each is a range of its own: `x''` is the least BLOB.
const TEXT_ROWS: &str = "SELECT d.name, d.ino, d.kind FROM dentry d WHERE d.parent = ?1 AND d.name >= ?2 AND d.name < x'' ORDER BY d.name";
const BLOB_ROWS: &str = "SELECT d.name, d.ino, d.kind FROM dentry d WHERE d.parent = ?1 AND d.name >= CAST(?2 AS BLOB) ORDER BY d.name LIMIT ?3";
const TEXT_NODES: &str = concat!(
    "SELECT d.name, d.ino, d.kind, ",
    node_columns!(),
    " FROM dentry d LEFT JOIN node n ON n.ino = d.ino WHERE d.parent = ?1 AND d.name >= ?2 AND d.name < x'' ORDER BY d.name"
);
const BLOB_NODES: &str = concat!(
    "SELECT d.name, d.ino, d.kind, ",
    node_columns!(),
    " FROM dentry d LEFT JOIN node n ON n.ino = d.ino WHERE d.parent = ?1 AND d.name >= CAST(?2 AS BLOB) ORDER BY d.name LIMIT ?3"
);

/// One moment of a catalog.
pub(super) struct CatalogRead<'a>(pub(super) &'a Connection);

fn sql(error: rusqlite::Error) -> fs_core::Error {
    from_sql(error, "read")
}

impl NodeRead for CatalogRead<'_> {
    fn node(&self, ino: Inode) -> Result<Option<NodeRecord>> {
        let mut select = self.0.prepare_cached(NODE).map_err(sql)?;
        let mut rows = select.query([ino.cast_signed()]).map_err(sql)?;
        rows.next()
            .map_err(sql)?
            .map(|row| record(row, 0))
            .transpose()
    }

    fn lookup(&self, dir: Inode, name: &OsStr) -> Result<Option<Inode>> {
        self.0
            .prepare_cached("SELECT ino FROM dentry WHERE parent = ?1 AND name = ?2")
            .map_err(sql)?
            .query_row((dir.cast_signed(), SqlName(name)), |row| row.get(0))
            .optional()
            .map(|ino| ino.map(i64::cast_unsigned))
            .map_err(sql)
    }

    fn entries(
        &self,
        dir: Inode,
        after: Option<&OsStr>,
        limit: usize,
        with_nodes: bool,
        each: &mut dyn FnMut(EntryRow<'_>),
    ) -> Result<bool> {
        let (texts, blobs) = if with_nodes {
            (TEXT_NODES, BLOB_NODES)
        } else {
            (TEXT_ROWS, BLOB_ROWS)
        };
        let after = after.unwrap_or_default();
        let mut blobs = self
            .blob_entries(blobs, dir, after, limit, with_nodes)?
            .into_iter()
            .peekable();
        let mut left = limit;
        let mut give = |entry: &Entry<'_>| {
            if left == 0 {
                return false;
            }
            left -= 1;
            each(EntryRow {
                name: entry.name,
                ino: entry.ino,
                kind: entry.kind,
                node: entry.node.as_ref(),
            });
            true
        };
        let mut select = self.0.prepare_cached(texts).map_err(sql)?;
        let mut rows = select
            .query((dir.cast_signed(), text_bound(after)))
            .map_err(sql)?;
        while let Some(row) = rows.next().map_err(sql)? {
            let entry = entry(row, with_nodes)?;
            if entry.name.as_bytes() <= after.as_bytes() {
                continue;
            }
            while let Some(blob) =
                blobs.next_if(|blob| blob.name.as_bytes() < entry.name.as_bytes())
            {
                if !give(&blob.borrow()) {
                    return Ok(true);
                }
            }
            if !give(&entry) {
                return Ok(true);
            }
        }
        for blob in blobs {
            if !give(&blob.borrow()) {
                return Ok(true);
            }
        }
        // With the limit reached exactly there may be names that are not UTF-8 beyond those fetched.
        Ok(left == 0)
    }

    fn xattr(&self, ino: Inode, name: &OsStr) -> Result<Option<Vec<u8>>> {
        self.0
            .prepare_cached("SELECT value FROM xattr WHERE ino = ?1 AND name = ?2")
            .map_err(sql)?
            .query_row((ino.cast_signed(), SqlName(name)), |row| row.get(0))
            .optional()
            .map_err(sql)
    }

    fn xattrs(&self, ino: Inode) -> Result<Vec<OsString>> {
        let mut select = self
            .0
            .prepare_cached("SELECT name FROM xattr WHERE ino = ?1")
            .map_err(sql)?;
        let mut rows = select.query([ino.cast_signed()]).map_err(sql)?;
        let mut names = Vec::new();
        while let Some(row) = rows.next().map_err(sql)? {
            names.push(os_string(row.get_ref(0).map_err(sql)?)?);
        }
        names.sort_unstable_by(|a, b| a.as_bytes().cmp(b.as_bytes()));
        Ok(names)
    }

    fn references(&self, content: ContentId) -> Result<u64> {
        self.0
            .prepare_cached("SELECT refs FROM content WHERE id = ?1")
            .map_err(sql)?
            .query_row([content.0.cast_signed()], |row| row.get::<_, i64>(0))
            .optional()
            .map(|refs| refs.map_or(0, i64::cast_unsigned))
            .map_err(sql)
    }

    fn trash(&self) -> Result<Vec<TrashRecord>> {
        let mut select = self
            .0
            .prepare_cached("SELECT id, ino, original, deleted FROM trash ORDER BY id")
            .map_err(sql)?;
        let mut rows = select.query([]).map_err(sql)?;
        let mut items = Vec::new();
        while let Some(row) = rows.next().map_err(sql)? {
            let original = os_str(row.get_ref(2).map_err(sql)?)?;
            items.push(TrashRecord {
                id: unsigned(row, 0)?,
                ino: unsigned(row, 1)?,
                original: VPath::new(original)
                    .map_err(|_| corrupted("read", "a trash item from an impossible path"))?,
                deleted: Time::from_nanos(row.get(3).map_err(sql)?),
            });
        }
        Ok(items)
    }

    fn nameless(&self) -> Result<Vec<Inode>> {
        let mut select = self
            .0
            .prepare_cached("SELECT ino FROM nameless")
            .map_err(sql)?;
        let rows = select
            .query_map([], |row| row.get::<_, i64>(0).map(i64::cast_unsigned))
            .map_err(sql)?;
        rows.collect::<rusqlite::Result<_>>().map_err(sql)
    }
}

impl CatalogRead<'_> {
    /// The entries whose names are not UTF-8: few or none, so they are fetched ahead and merged with the others.
    fn blob_entries(
        &self,
        select: &str,
        dir: Inode,
        after: &OsStr,
        limit: usize,
        with_nodes: bool,
    ) -> Result<Vec<OwnedEntry>> {
        // One more for `after` itself.
        let limit = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
        let mut select = self.0.prepare_cached(select).map_err(sql)?;
        let mut rows = select
            .query((dir.cast_signed(), after.as_bytes(), limit))
            .map_err(sql)?;
        let mut found = Vec::new();
        while let Some(row) = rows.next().map_err(sql)? {
            let Entry {
                name,
                ino,
                kind,
                node,
            } = entry(row, with_nodes)?;
            if name != after {
                found.push(OwnedEntry {
                    name: name.to_owned(),
                    ino,
                    kind,
                    node,
                });
            }
        }
        Ok(found)
    }
}

struct Entry<'a> {
    name: &'a OsStr,
    ino: Inode,
    kind: FileKind,
    node: Option<NodeRecord>,
}

struct OwnedEntry {
    name: OsString,
    ino: Inode,
    kind: FileKind,
    node: Option<NodeRecord>,
}

impl OwnedEntry {
    fn borrow(&self) -> Entry<'_> {
        Entry {
            name: &self.name,
            ino: self.ino,
            kind: self.kind,
            node: self.node.clone(),
        }
    }
}

fn entry<'a>(row: &'a Row<'_>, with_nodes: bool) -> Result<Entry<'a>> {
    let node = if with_nodes {
        if let ValueRef::Null = row.get_ref(3).map_err(sql)? {
            return Err(corrupted("list", "a name without a node"));
        }
        Some(record(row, 3)?)
    } else {
        None
    };
    Ok(Entry {
        name: entry_name(row.get_ref(0).map_err(sql)?)?,
        ino: unsigned(row, 1)?,
        kind: kind(row, 2)?,
        node,
    })
}

/// A node from the columns of a row from `at` on. What the format forbids is `Corrupted`.
pub(super) fn record(row: &Row<'_>, at: usize) -> Result<NodeRecord> {
    let small = |column: usize| -> Result<u32> { row.get(at + column).map_err(sql) };
    let time =
        |column: usize| -> Result<Time> { row.get(at + column).map(Time::from_nanos).map_err(sql) };
    let target = match row.get_ref(at + 14).map_err(sql)? {
        ValueRef::Null => None,
        value => Some(os_string(value)?),
    };
    let record = NodeRecord {
        kind: kind(row, at)?,
        mode: small(1)?,
        uid: small(2)?,
        gid: small(3)?,
        nlink: unsigned(row, at + 4)?,
        size: unsigned(row, at + 5)?,
        allocated: unsigned(row, at + 6)?,
        rdev: row.get::<_, i64>(at + 7).map_err(sql)?.cast_unsigned(),
        mtime: time(8)?,
        ctime: time(9)?,
        atime: time(10)?,
        btime: time(11)?,
        content: ContentId(unsigned(row, at + 12)?),
        parent: unsigned(row, at + 13)?,
        target,
    };
    if record.mode > 0o7777 || (record.kind == FileKind::Symlink) != record.target.is_some() {
        return Err(corrupted("read", "an impossible node"));
    }
    Ok(record)
}

fn kind(row: &Row<'_>, column: usize) -> Result<FileKind> {
    let number: u8 = row.get(column).map_err(sql)?;
    FileKind::from_number(number)
        .ok_or_else(|| corrupted("read", format!("a node of unknown kind {number}")))
}

fn unsigned(row: &Row<'_>, column: usize) -> Result<u64> {
    let number: i64 = row.get(column).map_err(sql)?;
    u64::try_from(number).map_err(|_| corrupted("read", "a negative number"))
}
