//! Changing nodes and names in one transaction.

use std::ffi::{OsStr, OsString};

use fs_core::{FileKind, Name, Result};
use rusqlite::{Connection, OptionalExtension as _, Params};

mod leaves;

use super::error::{corrupted, from_sql};
use super::names::SqlName;
use super::read::CatalogRead;
use super::store::CatalogContent;
use super::writer::savepoint;
use crate::virtual_fs::{ContentId, EntryRow, Inode, NodeRead, NodeRecord, NodeWrite, TrashRecord};

const PUT_NODE: &str = "INSERT INTO node (ino, kind, mode, uid, gid, nlink, size, allocated, rdev, mtime, ctime, atime, btime, content, parent, target) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)";
const SET_NODE: &str = "UPDATE node SET kind = ?2, mode = ?3, uid = ?4, gid = ?5, nlink = ?6, size = ?7, allocated = ?8, rdev = ?9, mtime = ?10, ctime = ?11, atime = ?12, btime = ?13, content = ?14, parent = ?15, target = ?16 WHERE ino = ?1";

/// Writes the row of a content the database has never seen.
pub(crate) fn insert_content(
    db: &Connection,
    content: ContentId,
    refs: i64,
    stored: i64,
) -> Result<()> {
    db.prepare_cached("INSERT INTO content (id, refs, stored) VALUES (?1, ?2, ?3)")
        .and_then(|mut insert| insert.execute((content.0.cast_signed(), refs, stored)))
        .map(drop)
        .map_err(|error| from_sql(error, "write"))
}

/// Adds to the references and stored bytes of a content, which may be new; answers both as they are then. (`RETURNING` would cost a table of its own
/// each time.)
pub(crate) fn change_content(
    db: &Connection,
    content: ContentId,
    refs: i64,
    stored: i64,
) -> Result<(i64, i64)> {
    let sql = |error| from_sql(error, "write");
    let id = content.0.cast_signed();
    let old: Option<(i64, i64)> = db
        .prepare_cached("SELECT refs, stored FROM content WHERE id = ?1")
        .and_then(|mut select| {
            select
                .query_row([id], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()
        })
        .map_err(sql)?;
    let Some((old_refs, old_stored)) = old else {
        insert_content(db, content, refs, stored)?;
        return Ok((refs, stored));
    };
    let new = (
        old_refs.saturating_add(refs),
        old_stored.saturating_add(stored),
    );
    let statement = match refs {
        // An index holds those without references.
        0 => "UPDATE content SET stored = ?3 WHERE id = ?1 AND refs = ?2",
        _ => "UPDATE content SET refs = ?2, stored = ?3 WHERE id = ?1",
    };
    db.prepare_cached(statement)
        .and_then(|mut update| update.execute((id, new.0, new.1)))
        .map_err(sql)?;
    Ok(new)
}

/// An open transaction on a catalog.
pub(super) struct CatalogWrite<'a, C> {
    db: &'a Connection,
    content: &'a C,
    /// Contents whose bytes joined the transaction, each with the mark [`CatalogContent::flush`] gave.
    flushed: Vec<(ContentId, u64)>,
}

impl<'a, C: CatalogContent> CatalogWrite<'a, C> {
    pub(super) fn new(db: &'a Connection, content: &'a C) -> Self {
        Self {
            db,
            content,
            flushed: Vec::new(),
        }
    }

    /// What to tell the content when the transaction is committed.
    pub(super) fn into_flushed(self) -> Vec<(ContentId, u64)> {
        self.flushed
    }

    fn read(&self) -> CatalogRead<'a> {
        CatalogRead(self.db)
    }

    /// Runs a statement; answers how many rows it changed.
    fn run(&self, statement: &str, params: impl Params) -> Result<usize> {
        self.db
            .prepare_cached(statement)
            .and_then(|mut prepared| prepared.execute(params))
            .map_err(|error| from_sql(error, "write"))
    }

    fn put(&self, statement: &str, ino: Inode, record: &NodeRecord) -> Result<usize> {
        self.run(
            statement,
            rusqlite::params![
                ino.cast_signed(),
                record.kind as u8,
                record.mode,
                record.uid,
                record.gid,
                record.nlink.cast_signed(),
                record.size.cast_signed(),
                record.allocated.cast_signed(),
                record.rdev.cast_signed(),
                record.mtime.nanos(),
                record.ctime.nanos(),
                record.atime.nanos(),
                record.btime.nanos(),
                record.content.0.cast_signed(),
                record.parent.cast_signed(),
                record.target.as_deref().map(SqlName),
            ],
        )
    }
}

impl<C: CatalogContent> NodeRead for CatalogWrite<'_, C> {
    fn node(&self, ino: Inode) -> Result<Option<NodeRecord>> {
        self.read().node(ino)
    }
    fn lookup(&self, dir: Inode, name: &OsStr) -> Result<Option<Inode>> {
        self.read().lookup(dir, name)
    }
    fn entries(
        &self,
        dir: Inode,
        after: Option<&OsStr>,
        limit: usize,
        with_nodes: bool,
        each: &mut dyn FnMut(EntryRow<'_>),
    ) -> Result<bool> {
        self.read().entries(dir, after, limit, with_nodes, each)
    }
    fn xattr(&self, ino: Inode, name: &OsStr) -> Result<Option<Vec<u8>>> {
        self.read().xattr(ino, name)
    }
    fn xattrs(&self, ino: Inode) -> Result<Vec<OsString>> {
        self.read().xattrs(ino)
    }
    fn references(&self, content: ContentId) -> Result<u64> {
        self.read().references(content)
    }
    fn trash(&self) -> Result<Vec<TrashRecord>> {
        self.read().trash()
    }
    fn nameless(&self) -> Result<Vec<Inode>> {
        self.read().nameless()
    }
}

impl<C: CatalogContent> NodeWrite for CatalogWrite<'_, C> {
    fn insert(&mut self, ino: Inode, record: &NodeRecord) -> Result<()> {
        self.put(PUT_NODE, ino, record).map(drop)
    }

    fn update(&mut self, ino: Inode, record: &NodeRecord) -> Result<()> {
        match self.put(SET_NODE, ino, record)? {
            1 => Ok(()),
            _ => Err(corrupted("write", format!("node {ino} is gone"))),
        }
    }

    fn remove(&mut self, ino: Inode) -> Result<()> {
        self.run("DELETE FROM node WHERE ino = ?1", [ino.cast_signed()])?;
        self.run("DELETE FROM xattr WHERE ino = ?1", [ino.cast_signed()])?;
        self.set_nameless(ino, false)
    }

    fn link(&mut self, dir: Inode, name: &Name, ino: Inode, kind: FileKind) -> Result<()> {
        self.run(
            "INSERT INTO dentry (parent, name, ino, kind) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (parent, name) DO UPDATE SET ino = excluded.ino, kind = excluded.kind",
            (dir.cast_signed(), SqlName(name.as_os_str()), ino.cast_signed(), kind as u8),
        )
        .map(drop)
    }

    fn unlink(&mut self, dir: Inode, name: &OsStr) -> Result<()> {
        self.run(
            "DELETE FROM dentry WHERE parent = ?1 AND name = ?2",
            (dir.cast_signed(), SqlName(name)),
        )
        .map(drop)
    }

    fn set_xattr(&mut self, ino: Inode, name: &OsStr, value: Option<&[u8]>) -> Result<()> {
        match value {
            Some(value) => self.run(
                "INSERT INTO xattr (ino, name, value) VALUES (?1, ?2, ?3) ON CONFLICT (ino, name) DO UPDATE SET value = excluded.value",
                (ino.cast_signed(), SqlName(name), value),
            ),
            None => self.run("DELETE FROM xattr WHERE ino = ?1 AND name = ?2", (ino.cast_signed(), SqlName(name))),
        }
        .map(drop)
    }

    fn set_nameless(&mut self, ino: Inode, nameless: bool) -> Result<()> {
        let statement = if nameless {
            "INSERT OR IGNORE INTO nameless (ino) VALUES (?1)"
        } else {
            "DELETE FROM nameless WHERE ino = ?1"
        };
        self.run(statement, [ino.cast_signed()]).map(drop)
    }

    fn refer(&mut self, content: ContentId, change: i64) -> Result<u64> {
        let (refs, _) = change_content(self.db, content, change, 0)?;
        u64::try_from(refs).map_err(|_| {
            corrupted(
                "write",
                format!("content {} has fewer references than names", content.0),
            )
        })
    }

    fn flush_content(&mut self, content: ContentId) -> Result<()> {
        if let Some(mark) = self.content.flush(self.db, content, 0)? {
            self.flushed.push((content, mark));
        }
        Ok(())
    }

    fn adopt(&mut self, content: ContentId) -> Result<()> {
        match self.content.flush(self.db, content, 1)? {
            Some(mark) => self.flushed.push((content, mark)),
            None => drop(self.refer(content, 1)?),
        }
        Ok(())
    }

    fn remove_leaves(&mut self, dir: Inode, limit: usize) -> Result<Vec<(Inode, NodeRecord)>> {
        leaves::remove(self.db, dir, limit)
    }

    fn changes(&self) -> Option<u64> {
        Some(self.db.total_changes())
    }

    fn insert_trash(&mut self, item: &TrashRecord) -> Result<()> {
        self.run(
            "INSERT INTO trash (id, ino, original, deleted) VALUES (?1, ?2, ?3, ?4)",
            (
                item.id.cast_signed(),
                item.ino.cast_signed(),
                SqlName(item.original.as_os_str()),
                item.deleted.nanos(),
            ),
        )
        .map(drop)
    }

    fn remove_trash(&mut self, id: u64) -> Result<()> {
        self.run("DELETE FROM trash WHERE id = ?1", [id.cast_signed()])
            .map(drop)
    }

    fn savepoint(&mut self, f: &mut dyn FnMut(&mut dyn NodeWrite) -> Result<()>) -> Result<()> {
        let flushed_before = self.flushed.len();
        let db = self.db;
        let result = savepoint(db, || f(self));
        if result.is_err() {
            self.flushed.truncate(flushed_before);
        }
        result
    }
}
