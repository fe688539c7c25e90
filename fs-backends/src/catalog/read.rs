//! Reading nodes and names in one transaction.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;

use fs_core::{FileKind, Result, Time, VPath};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension as _, Row};

use super::database::Database;
use super::error::{corrupted, from_sql};
use super::names::{SqlName, entry_name, os_str, os_string, text_bound};
use super::schema::{VERSION, meta_value};
use super::sums::{self, Sums};
use crate::virtual_fs::{Changes, ContentId, EntryRow, Inode, NodeRead, NodeRecord, TrashRecord};

/// The columns of a node, in the order [`record`] reads them.
macro_rules! node_columns {
    () => {
        "n.kind, n.mode, n.uid, n.gid, n.nlink, n.size, n.allocated, n.rdev, n.mtime, n.ctime, n.atime, n.btime, n.content, n.parent, n.target, n.sum"
    };
}
pub(super) use node_columns;

/// See [`node_columns`].
const SUM_OF_NODE: usize = 15;

const FIND: &str = concat!(
    "SELECT d.ino, d.kind, d.sum, ",
    node_columns!(),
    " FROM dentry d LEFT JOIN node n ON n.ino = d.ino WHERE d.parent = ?1 AND d.name = ?2"
);
const NODE: &str = concat!("SELECT ", node_columns!(), " FROM node n WHERE n.ino = ?1");
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

    fn every_entry(&self, each: &mut dyn FnMut(Inode, EntryRow<'_>) -> Result<()>) -> Result<()> {
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

/// What a transaction changed about names and attributes: exclusive ors of the sums that came and went, for each node.
pub(super) type Untold = RefCell<HashMap<Inode, Told>>;

/// See [`Untold`].
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Told {
    pub(super) names: i64,
    pub(super) attrs: i64,
}

impl CatalogRead<'_> {
    /// Compares a folder with what it knows of its names, once while the database is open. `Corrupted`: one is missing, or there is one too many.
    fn check_names(&self, dir: Inode) -> Result<()> {
        if !self.sums.are_on() || self.sums.is_sound(dir) {
            return Ok(());
        }
        let mut select = self
            .db
            .prepare_cached("SELECT name, ino, kind, sum FROM dentry WHERE parent = ?1")
            .map_err(sql)?;
        let mut rows = select.query([dir.cast_signed()]).map_err(sql)?;
        let mut seen = 0;
        while let Some(row) = rows.next().map_err(sql)? {
            // A name that was damaged is found by no search for it.
            let name = os_str(row.get_ref(0).map_err(sql)?)?;
            let sum = row.get(3).map_err(sql)?;
            check_name(self.sums, dir, name, unsigned(row, 1)?, kind(row, 2)?, sum)?;
            seen ^= sum;
        }
        self.compare_names(dir, seen)
    }

    /// As [`CatalogRead::check_names`], with what all its names are together.
    fn compare_names(&self, dir: Inode, seen: i64) -> Result<()> {
        if !self.sums.are_on() || self.sums.is_sound(dir) {
            return Ok(());
        }
        let Some(told) = self.told(dir)? else {
            return Ok(());
        };
        if told.names != seen {
            let detail = format!("folder {dir} does not have the names that were written");
            return Err(corrupted("read", detail));
        }
        self.sums.note_sound(dir);
        Ok(())
    }

    /// As [`CatalogRead::compare_names`] for all folders, also those that have no names and should.
    fn compare_all_names(&self, mut seen: HashMap<Inode, i64>) -> Result<()> {
        let mut select = self
            .db
            .prepare_cached("SELECT ino FROM node WHERE names <> 0")
            .map_err(sql)?;
        let mut rows = select.query([]).map_err(sql)?;
        while let Some(row) = rows.next().map_err(sql)? {
            seen.entry(unsigned(row, 0)?).or_default();
        }
        for (dir, names) in seen {
            self.compare_names(dir, names)?;
        }
        self.sums.note_all_sound();
        Ok(())
    }

    fn compare_attrs(&self, ino: Inode, seen: i64) -> Result<()> {
        if !self.sums.are_on() {
            return Ok(());
        }
        match self.told(ino)? {
            Some(told) if told.attrs != seen => {
                let detail = format!("node {ino} does not have the attributes that were written");
                Err(corrupted("read", detail))
            }
            _ => Ok(()),
        }
    }

    /// What a node knows of its names and attributes, and this transaction has not told it yet.
    fn told(&self, ino: Inode) -> Result<Option<Told>> {
        let stored = self
            .db
            .prepare_cached("SELECT names, attrs FROM node WHERE ino = ?1")
            .map_err(sql)?
            .query_row([ino.cast_signed()], |row| {
                Ok(Told {
                    names: row.get(0)?,
                    attrs: row.get(1)?,
                })
            })
            .optional()
            .map_err(sql)?;
        let untold = self
            .untold
            .and_then(|untold| untold.borrow().get(&ino).copied());
        let untold = untold.unwrap_or_default();
        Ok(stored.map(|told| Told {
            names: told.names ^ untold.names,
            attrs: told.attrs ^ untold.attrs,
        }))
    }

    fn check_attr(&self, ino: Inode, name: &OsStr, value: &[u8], sum: i64) -> Result<()> {
        self.sums.check(
            sum,
            || sums::xattr(ino.cast_signed(), name.as_bytes(), value),
            || format!("attribute {name:?} of node {ino}"),
        )
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
}

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

/// Compares a name with its sum.
pub(super) fn check_name(
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
pub(super) fn record(row: &Row<'_>, at: usize, ino: Inode, sums: &Sums) -> Result<NodeRecord> {
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

pub(super) fn kind(row: &Row<'_>, column: usize) -> Result<FileKind> {
    file_kind(row.get(column).map_err(sql)?)
}

fn file_kind(number: i64) -> Result<FileKind> {
    u8::try_from(number)
        .ok()
        .and_then(FileKind::from_number)
        .ok_or_else(|| corrupted("read", format!("a node of unknown kind {number}")))
}

fn unsigned(row: &Row<'_>, column: usize) -> Result<u64> {
    let number: i64 = row.get(column).map_err(sql)?;
    u64::try_from(number).map_err(|_| corrupted("read", "a negative number"))
}
