//! Reading nodes and names in one transaction.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;

use fs_core::{Result, Time, VPath};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension as _};

use super::database::Database;
use super::error::{corrupted, from_sql};
use super::names::{SqlName, os_str, os_string};
use super::schema::{VERSION, meta_value};
use super::sums::{self, Sums};
use crate::virtual_fs::{Changes, ContentId, EntryRow, Inode, NodeRead, NodeRecord, TrashRecord};

mod entries;
mod rows;
mod whole;

pub(super) use rows::{check_name, kind, node_columns, record};
pub(super) use whole::{Told, Untold};

use rows::unsigned;

const FIND: &str = concat!(
    "SELECT d.ino, d.kind, d.sum, ",
    node_columns!(),
    " FROM dentry d LEFT JOIN node n ON n.ino = d.ino WHERE d.parent = ?1 AND d.name = ?2"
);
const NODE: &str = concat!("SELECT ", node_columns!(), " FROM node n WHERE n.ino = ?1");

/// One moment of a catalog.
pub(super) struct CatalogRead<'a> {
    pub(super) db: &'a Connection,
    /// Compares rows with their sums.
    pub(super) sums: &'a Sums,
    /// What the transaction that reads changed and has not told the nodes yet.
    pub(super) untold: Option<&'a Untold>,
    /// Its number, where it is known, and who counts.
    pub(super) now: Option<(u64, &'a Database)>,
}

fn sql(error: rusqlite::Error) -> fs_core::Error {
    from_sql(error, "read")
}

impl NodeRead for CatalogRead<'_> {
    fn node(&self, ino: Inode) -> Result<Option<NodeRecord>> {
        let mut select = self.db.prepare_cached(NODE).map_err(sql)?;
        let mut rows = select.query([ino.cast_signed()]).map_err(sql)?;
        rows.next()
            .map_err(sql)?
            .map(|row| record(row, 0, ino, self.sums))
            .transpose()
    }

    fn lookup(&self, dir: Inode, name: &OsStr) -> Result<Option<Inode>> {
        let mut select = self
            .db
            .prepare_cached("SELECT ino, kind, sum FROM dentry WHERE parent = ?1 AND name = ?2")
            .map_err(sql)?;
        let mut rows = select
            .query((dir.cast_signed(), SqlName(name)))
            .map_err(sql)?;
        let Some(row) = rows.next().map_err(sql)? else {
            self.check_names(dir)?;
            return Ok(None);
        };
        let (ino, kind, sum) = (unsigned(row, 0)?, kind(row, 1)?, row.get(2).map_err(sql)?);
        check_name(self.sums, dir, name, ino, kind, sum)?;
        Ok(Some(ino))
    }

    fn find(&self, dir: Inode, name: &OsStr) -> Result<Option<(Inode, NodeRecord)>> {
        let mut select = self.db.prepare_cached(FIND).map_err(sql)?;
        let mut rows = select
            .query((dir.cast_signed(), SqlName(name)))
            .map_err(sql)?;
        let Some(row) = rows.next().map_err(sql)? else {
            self.check_names(dir)?;
            return Ok(None);
        };
        let (ino, kind, sum) = (unsigned(row, 0)?, kind(row, 1)?, row.get(2).map_err(sql)?);
        check_name(self.sums, dir, name, ino, kind, sum)?;
        if let ValueRef::Null = row.get_ref(3).map_err(sql)? {
            return Err(corrupted("read", format!("node {ino} is missing")));
        }
        Ok(Some((ino, record(row, 3, ino, self.sums)?)))
    }

    fn moment(&self) -> Option<u64> {
        self.now.map(|(moment, _)| moment)
    }

    fn keep_changes(&self) {
        if let Some((_, database)) = self.now {
            database.keep_changes();
        }
    }

    fn changes_since(&self, moment: u64, each: &mut dyn FnMut(&Changes)) -> bool {
        self.now
            .is_some_and(|(_, database)| database.changes_since(moment, each))
    }

    fn entries(
        &self,
        dir: Inode,
        after: Option<&OsStr>,
        limit: usize,
        with_nodes: bool,
        each: &mut dyn FnMut(EntryRow<'_>),
    ) -> Result<bool> {
        self.list(dir, after, limit, with_nodes, each)
    }

    fn every_entry(&self, each: &mut dyn FnMut(Inode, EntryRow<'_>) -> Result<()>) -> Result<()> {
        self.list_all(each)
    }

    fn xattr(&self, ino: Inode, name: &OsStr) -> Result<Option<Vec<u8>>> {
        let mut select = self
            .db
            .prepare_cached("SELECT value, sum FROM xattr WHERE ino = ?1 AND name = ?2")
            .map_err(sql)?;
        let mut rows = select
            .query((ino.cast_signed(), SqlName(name)))
            .map_err(sql)?;
        let Some(row) = rows.next().map_err(sql)? else {
            drop(rows);
            self.xattrs(ino)?;
            return Ok(None);
        };
        let value: Vec<u8> = row.get(0).map_err(sql)?;
        self.check_attr(ino, name, &value, row.get(1).map_err(sql)?)?;
        Ok(Some(value))
    }

    fn xattrs(&self, ino: Inode) -> Result<Vec<OsString>> {
        let mut select = self
            .db
            .prepare_cached("SELECT name, value, sum FROM xattr WHERE ino = ?1")
            .map_err(sql)?;
        let mut rows = select.query([ino.cast_signed()]).map_err(sql)?;
        let (mut names, mut seen) = (Vec::new(), 0);
        while let Some(row) = rows.next().map_err(sql)? {
            let name = os_string(row.get_ref(0).map_err(sql)?)?;
            let value = row.get_ref(1).map_err(sql)?;
            let value = value
                .as_blob()
                .map_err(|_| corrupted("read", "an attribute is no blob"))?;
            let sum = row.get(2).map_err(sql)?;
            self.check_attr(ino, &name, value, sum)?;
            seen ^= sum;
            names.push(name);
        }
        self.compare_attrs(ino, seen)?;
        names.sort_unstable_by(|a, b| a.as_bytes().cmp(b.as_bytes()));
        Ok(names)
    }

    fn references(&self, content: ContentId) -> Result<u64> {
        content_row(self.db, content, self.sums)
            .map(|row| row.map_or(0, |(refs, _)| refs.cast_unsigned()))
    }

    fn trash(&self) -> Result<Vec<TrashRecord>> {
        let mut select = self
            .db
            .prepare_cached("SELECT id, ino, original, deleted, sum FROM trash ORDER BY id")
            .map_err(sql)?;
        let mut rows = select.query([]).map_err(sql)?;
        let (mut items, mut seen) = (Vec::new(), 0);
        while let Some(row) = rows.next().map_err(sql)? {
            let original = os_str(row.get_ref(2).map_err(sql)?)?;
            let item = TrashRecord {
                id: unsigned(row, 0)?,
                ino: unsigned(row, 1)?,
                original: VPath::new(original)
                    .map_err(|_| corrupted("read", "a trash item from an impossible path"))?,
                deleted: Time::from_nanos(row.get(3).map_err(sql)?),
            };
            let sum = row.get(4).map_err(sql)?;
            self.sums.check(
                sum,
                || sums::trash(&item),
                || format!("item {} of the trash", item.id),
            )?;
            seen ^= sum;
            items.push(item);
        }
        if self.sums.are_on() && meta_value::<i64>(self.db, "trash", VERSION)? != seen {
            return Err(corrupted("read", "an item of the trash is missing"));
        }
        Ok(items)
    }

    fn nameless(&self) -> Result<Vec<Inode>> {
        let mut select = self
            .db
            .prepare_cached("SELECT ino, sum FROM nameless")
            .map_err(sql)?;
        let mut rows = select.query([]).map_err(sql)?;
        let mut all = Vec::new();
        while let Some(row) = rows.next().map_err(sql)? {
            let ino: i64 = row.get(0).map_err(sql)?;
            let sum = row.get(1).map_err(sql)?;
            let what = || format!("the mark of node {ino}");
            self.sums.check(sum, || sums::nameless(ino), what)?;
            all.push(ino.cast_unsigned());
        }
        Ok(all)
    }
}

/// References and stored bytes of a content, if it exists. `Corrupted`: not what was written.
pub(crate) fn content_row(
    db: &Connection,
    content: ContentId,
    sums: &Sums,
) -> Result<Option<(i64, i64)>> {
    let id = content.0.cast_signed();
    let row: Option<(i64, i64, i64)> = db
        .prepare_cached("SELECT refs, stored, sum FROM content WHERE id = ?1")
        .map_err(sql)?
        .query_row([id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()
        .map_err(sql)?;
    let Some((refs, stored, sum)) = row else {
        return Ok(None);
    };
    let what = || format!("the record of content {id}");
    sums.check(sum, || sums::content(id, refs, stored), what)?;
    Ok(Some((refs, stored)))
}
