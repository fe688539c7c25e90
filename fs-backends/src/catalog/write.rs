//! Changing nodes and names in one transaction.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;

use fs_core::{FileKind, Name, Result};
use rusqlite::{Connection, OptionalExtension as _, Params};

mod leaves;

use super::error::{corrupted, from_sql};
use super::names::SqlName;
use super::read::{CatalogRead, Told, Untold, content_row};
use super::schema::{VERSION, meta_value, set_meta};
use super::store::CatalogContent;
use super::sums::{self, Sums};
use super::writer::savepoint;
use crate::virtual_fs::{
    Changes, ContentId, EntryRow, Inode, Leaves, NodeRead, NodeRecord, NodeWrite, TrashRecord,
};

const PUT_NODE: &str = "INSERT INTO node (ino, kind, mode, uid, gid, nlink, size, allocated, rdev, mtime, ctime, atime, btime, content, parent, target, sum) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)";
const SET_NODE: &str = "UPDATE node SET kind = ?2, mode = ?3, uid = ?4, gid = ?5, nlink = ?6, size = ?7, allocated = ?8, rdev = ?9, mtime = ?10, ctime = ?11, atime = ?12, btime = ?13, content = ?14, parent = ?15, target = ?16, sum = ?17 WHERE ino = ?1";

/// Writes the row of a content the database has never seen.
pub(crate) fn insert_content(
    db: &Connection,
    content: ContentId,
    refs: i64,
    stored: i64,
) -> Result<()> {
    let id = content.0.cast_signed();
    db.prepare_cached("INSERT INTO content (id, refs, stored, sum) VALUES (?1, ?2, ?3, ?4)")
        .and_then(|mut insert| insert.execute((id, refs, stored, sums::content(id, refs, stored))))
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
    sums: &Sums,
) -> Result<(i64, i64)> {
    let Some((old_refs, old_stored)) = content_row(db, content, sums)? else {
        insert_content(db, content, refs, stored)?;
        return Ok((refs, stored));
    };
    let new = (
        old_refs.saturating_add(refs),
        old_stored.saturating_add(stored),
    );
    let statement = match refs {
        // An index holds those without references.
        0 => "UPDATE content SET stored = ?3, sum = ?4 WHERE id = ?1 AND refs = ?2",
        _ => "UPDATE content SET refs = ?2, stored = ?3, sum = ?4 WHERE id = ?1",
    };
    let id = content.0.cast_signed();
    db.prepare_cached(statement)
        .and_then(|mut update| update.execute((id, new.0, new.1, sums::content(id, new.0, new.1))))
        .map_err(|error| from_sql(error, "write"))?;
    Ok(new)
}

/// An open transaction on a catalog.
pub(super) struct CatalogWrite<'a, C> {
    db: &'a Connection,
    content: &'a C,
    sums: &'a Sums,
    is_wanted: &'a dyn Fn() -> bool,
    changes: &'a mut Changes,
    untold: Untold,
    /// Contents whose bytes joined the transaction, each with the mark [`CatalogContent::flush`] gave.
    flushed: Vec<(ContentId, u64)>,
}

impl<'a, C: CatalogContent> CatalogWrite<'a, C> {
    /// `is_wanted`: does somebody wait for its end? What it changes goes to `changes`.
    pub(super) fn new(
        db: &'a Connection,
        content: &'a C,
        sums: &'a Sums,
        is_wanted: &'a dyn Fn() -> bool,
        changes: &'a mut Changes,
    ) -> Self {
        Self {
            db,
            content,
            sums,
            is_wanted,
            changes,
            untold: Untold::default(),
            flushed: Vec::new(),
        }
    }

    /// Ends it, but for the commit: tells nodes which names and attributes they have now. Answers what to tell the content when it is committed.
    pub(super) fn finish(self) -> Result<Vec<(ContentId, u64)>> {
        for (ino, told) in self.untold.take() {
            if (told.names, told.attrs) == (0, 0) {
                continue;
            }
            // SQL has no exclusive or.
            self.run(
                "UPDATE node SET names = (names | ?2) - (names & ?2), attrs = (attrs | ?3) - (attrs & ?3) WHERE ino = ?1",
                (ino.cast_signed(), told.names, told.attrs),
            )?;
        }
        Ok(self.flushed)
    }

    fn read(&self) -> CatalogRead<'_> {
        CatalogRead {
            db: self.db,
            sums: self.sums,
            untold: Some(&self.untold),
            now: None,
        }
    }

    /// The sum of a row that came or went is one more or less among the names or attributes of its node.
    fn tell(&self, ino: Inode, change: impl FnOnce(&mut Told)) {
        if self.sums.are_on() {
            change(self.untold.borrow_mut().entry(ino).or_default());
        }
    }

    /// The sum of a name that is about to go or change; 0 when there is none.
    fn sum_of_name(&self, dir: Inode, name: &OsStr) -> Result<i64> {
        self.sum_of(
            "SELECT sum FROM dentry WHERE parent = ?1 AND name = ?2",
            dir,
            name,
        )
    }

    fn sum_of(&self, select: &str, ino: Inode, name: &OsStr) -> Result<i64> {
        if !self.sums.are_on() {
            return Ok(0);
        }
        self.db
            .prepare_cached(select)
            .and_then(|mut select| {
                select
                    .query_row((ino.cast_signed(), SqlName(name)), |row| row.get(0))
                    .optional()
            })
            .map(Option::unwrap_or_default)
            .map_err(|error| from_sql(error, "write"))
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
                self.sums.store(|| {
                    let target = record.target.as_deref().map(OsStr::as_bytes);
                    sums::node(ino.cast_signed(), &sums::node_numbers(record), target)
                }),
            ],
        )
    }
}

impl<C> CatalogWrite<'_, C> {
    /// The sum of an item of the trash that came or went is one more or less in what the database knows of its trash.
    fn tell_trash(&self, sum: i64) -> Result<()> {
        if !self.sums.are_on() {
            return Ok(());
        }
        let known: i64 = meta_value(self.db, "trash", VERSION)?;
        set_meta(self.db, "trash", known ^ sum).map_err(|error| from_sql(error, "write"))
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
    fn every_entry(&self, each: &mut dyn FnMut(Inode, EntryRow<'_>) -> Result<()>) -> Result<()> {
        self.read().every_entry(each)
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
        self.changes.node(ino);
        match self.put(SET_NODE, ino, record)? {
            1 => Ok(()),
            _ => Err(corrupted("write", format!("node {ino} is gone"))),
        }
    }

    fn remove(&mut self, ino: Inode) -> Result<()> {
        self.changes.node(ino);
        self.run("DELETE FROM node WHERE ino = ?1", [ino.cast_signed()])?;
        self.run("DELETE FROM xattr WHERE ino = ?1", [ino.cast_signed()])?;
        self.untold.borrow_mut().remove(&ino);
        self.set_nameless(ino, false)
    }

    fn link(&mut self, dir: Inode, name: &Name, ino: Inode, kind: FileKind) -> Result<()> {
        self.changes.name(dir, name.as_os_str());
        let old = self.sum_of_name(dir, name.as_os_str())?;
        let bytes = name.as_os_str().as_bytes();
        let sum = self
            .sums
            .store(|| sums::dentry(dir.cast_signed(), bytes, ino.cast_signed(), kind));
        self.run(
            "INSERT INTO dentry (parent, name, ino, kind, sum) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (parent, name) DO UPDATE SET ino = excluded.ino, kind = excluded.kind, sum = excluded.sum",
            (dir.cast_signed(), SqlName(name.as_os_str()), ino.cast_signed(), kind as u8, sum),
        )?;
        self.tell(dir, |told| told.names ^= old ^ sum);
        Ok(())
    }

    fn unlink(&mut self, dir: Inode, name: &OsStr) -> Result<()> {
        self.changes.name(dir, name);
        let old = self.sum_of_name(dir, name)?;
        self.run(
            "DELETE FROM dentry WHERE parent = ?1 AND name = ?2",
            (dir.cast_signed(), SqlName(name)),
        )?;
        self.tell(dir, |told| told.names ^= old);
        Ok(())
    }

    fn set_xattr(&mut self, ino: Inode, name: &OsStr, value: Option<&[u8]>) -> Result<()> {
        let select = "SELECT sum FROM xattr WHERE ino = ?1 AND name = ?2";
        let old = self.sum_of(select, ino, name)?;
        let sum = match value {
            Some(value) => {
                let sum = self
                    .sums
                    .store(|| sums::xattr(ino.cast_signed(), name.as_bytes(), value));
                self.run(
                    "INSERT INTO xattr (ino, name, value, sum) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (ino, name) DO UPDATE SET value = excluded.value, sum = excluded.sum",
                    (ino.cast_signed(), SqlName(name), value, sum),
                )?;
                sum
            }
            None => {
                self.run(
                    "DELETE FROM xattr WHERE ino = ?1 AND name = ?2",
                    (ino.cast_signed(), SqlName(name)),
                )?;
                0
            }
        };
        self.tell(ino, |told| told.attrs ^= old ^ sum);
        Ok(())
    }

    fn set_nameless(&mut self, ino: Inode, nameless: bool) -> Result<()> {
        let ino = ino.cast_signed();
        match nameless {
            true => self.run(
                "INSERT OR IGNORE INTO nameless (ino, sum) VALUES (?1, ?2)",
                (ino, self.sums.store(|| sums::nameless(ino))),
            ),
            false => self.run("DELETE FROM nameless WHERE ino = ?1", [ino]),
        }
        .map(drop)
    }

    fn refer(&mut self, content: ContentId, change: i64) -> Result<u64> {
        let (refs, _) = change_content(self.db, content, change, 0, self.sums)?;
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

    fn remove_leaves(&mut self, dirs: &[Inode], limit: usize) -> Result<Leaves> {
        let (leaves, told) = leaves::remove(self.db, dirs, limit, self.sums)?;
        for (dir, names) in told {
            // Their only names were here, so whoever knows the nodes knows them from here.
            self.changes.folder(dir);
            self.tell(dir, |told| told.names ^= names);
        }
        Ok(leaves)
    }

    fn is_wanted(&self) -> bool {
        (self.is_wanted)()
    }

    fn changes(&self) -> Option<u64> {
        Some(self.db.total_changes())
    }

    fn insert_trash(&mut self, item: &TrashRecord) -> Result<()> {
        let sum = self.sums.store(|| sums::trash(item));
        self.run(
            "INSERT INTO trash (id, ino, original, deleted, sum) VALUES (?1, ?2, ?3, ?4, ?5)",
            (
                item.id.cast_signed(),
                item.ino.cast_signed(),
                SqlName(item.original.as_os_str()),
                item.deleted.nanos(),
                sum,
            ),
        )?;
        self.tell_trash(sum)
    }

    fn remove_trash(&mut self, id: u64) -> Result<()> {
        let sum: Option<i64> = self
            .db
            .prepare_cached("SELECT sum FROM trash WHERE id = ?1")
            .and_then(|mut select| {
                select
                    .query_row([id.cast_signed()], |row| row.get(0))
                    .optional()
            })
            .map_err(|error| from_sql(error, "write"))?;
        self.run("DELETE FROM trash WHERE id = ?1", [id.cast_signed()])?;
        self.tell_trash(sum.unwrap_or_default())
    }

    fn savepoint(&mut self, f: &mut dyn FnMut(&mut dyn NodeWrite) -> Result<()>) -> Result<()> {
        let flushed_before = self.flushed.len();
        let untold_before = self.untold.borrow().clone();
        let db = self.db;
        let result = savepoint(db, || f(self));
        if result.is_err() {
            self.flushed.truncate(flushed_before);
            self.untold.replace(untold_before);
        }
        result
    }
}
