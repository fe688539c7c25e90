//! The entries of folders, in byte order.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;

use fs_core::{FileKind, Result};
use rusqlite::Row;
use rusqlite::types::ValueRef;

use super::rows::{check_name, kind, node_columns, record, unsigned};
use super::{CatalogRead, sql};
use crate::catalog::error::corrupted;
use crate::catalog::names::{entry_name, text_bound};
use crate::virtual_fs::{EntryRow, Inode, NodeRecord};

// SQLite sorts all TEXT before all BLOB, so each is a range of its own: `x''` is the least BLOB.
const TEXT_ROWS: &str = "SELECT d.name, d.ino, d.kind, d.sum FROM dentry d WHERE d.parent = ?1 AND d.name >= ?2 AND d.name < x'' ORDER BY d.name";
const BLOB_ROWS: &str = "SELECT d.name, d.ino, d.kind, d.sum FROM dentry d WHERE d.parent = ?1 AND d.name >= CAST(?2 AS BLOB) ORDER BY d.name LIMIT ?3";
const TEXT_NODES: &str = concat!(
    "SELECT d.name, d.ino, d.kind, d.sum, ",
    node_columns!(),
    " FROM dentry d LEFT JOIN node n ON n.ino = d.ino WHERE d.parent = ?1 AND d.name >= ?2 AND d.name < x'' ORDER BY d.name"
);
const BLOB_NODES: &str = concat!(
    "SELECT d.name, d.ino, d.kind, d.sum, ",
    node_columns!(),
    " FROM dentry d LEFT JOIN node n ON n.ino = d.ino WHERE d.parent = ?1 AND d.name >= CAST(?2 AS BLOB) ORDER BY d.name LIMIT ?3"
);

struct Entry<'a> {
    name: &'a OsStr,
    ino: Inode,
    kind: FileKind,
    node: Option<NodeRecord>,
    sum: i64,
}

struct OwnedEntry {
    name: OsString,
    ino: Inode,
    kind: FileKind,
    node: Option<NodeRecord>,
    sum: i64,
}

impl OwnedEntry {
    fn borrow(&self) -> Entry<'_> {
        Entry {
            name: &self.name,
            ino: self.ino,
            kind: self.kind,
            node: self.node.clone(),
            sum: self.sum,
        }
    }
}

impl CatalogRead<'_> {
    /// See [`NodeRead::entries`](crate::virtual_fs::NodeRead::entries).
    pub(super) fn list(
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
        let from_start = after.is_empty();
        let (mut left, mut seen) = (limit, 0);
        let mut give = |entry: &Entry<'_>| {
            if left == 0 {
                return false;
            }
            left -= 1;
            seen ^= entry.sum;
            each(EntryRow {
                name: entry.name,
                ino: entry.ino,
                kind: entry.kind,
                node: entry.node.as_ref(),
            });
            true
        };
        let mut select = self.db.prepare_cached(texts).map_err(sql)?;
        let mut rows = select
            .query((dir.cast_signed(), text_bound(after)))
            .map_err(sql)?;
        while let Some(row) = rows.next().map_err(sql)? {
            let entry = self.entry(row, dir, with_nodes)?;
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
        if left > 0 {
            match from_start {
                true => self.compare_names(dir, seen)?,
                false => self.check_names(dir)?,
            }
        }
        Ok(left == 0)
    }

    /// See [`NodeRead::every_entry`](crate::virtual_fs::NodeRead::every_entry).
    pub(super) fn list_all(
        &self,
        each: &mut dyn FnMut(Inode, EntryRow<'_>) -> Result<()>,
    ) -> Result<()> {
        let mut select = self
            .db
            .prepare_cached("SELECT name, ino, kind, sum, parent FROM dentry")
            .map_err(sql)?;
        let mut rows = select.query([]).map_err(sql)?;
        let compares = self.sums.are_on() && !self.sums.are_all_sound();
        let mut seen: HashMap<Inode, i64> = HashMap::new();
        while let Some(row) = rows.next().map_err(sql)? {
            let dir = unsigned(row, 4)?;
            let entry = self.entry(row, dir, false)?;
            if compares {
                *seen.entry(dir).or_default() ^= entry.sum;
            }
            each(
                dir,
                EntryRow {
                    name: entry.name,
                    ino: entry.ino,
                    kind: entry.kind,
                    node: None,
                },
            )?;
        }
        match compares {
            true => self.compare_all_names(seen),
            false => Ok(()),
        }
    }

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
        let mut select = self.db.prepare_cached(select).map_err(sql)?;
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
                sum,
            } = self.entry(row, dir, with_nodes)?;
            if name != after {
                found.push(OwnedEntry {
                    name: name.to_owned(),
                    ino,
                    kind,
                    node,
                    sum,
                });
            }
        }
        Ok(found)
    }

    fn entry<'a>(&self, row: &'a Row<'_>, dir: Inode, with_nodes: bool) -> Result<Entry<'a>> {
        let ino = unsigned(row, 1)?;
        let entry = Entry {
            name: entry_name(row.get_ref(0).map_err(sql)?)?,
            ino,
            kind: kind(row, 2)?,
            node: None,
            sum: row.get(3).map_err(sql)?,
        };
        check_name(self.sums, dir, entry.name, ino, entry.kind, entry.sum)?;
        if !with_nodes {
            return Ok(entry);
        }
        if let ValueRef::Null = row.get_ref(4).map_err(sql)? {
            return Err(corrupted("list", "a name without a node"));
        }
        Ok(Entry {
            node: Some(record(row, 4, ino, self.sums)?),
            ..entry
        })
    }
}
