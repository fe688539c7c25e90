//! What each change means: link counts, times, error kinds. All in one transaction, checks before changes.

use std::ffi::OsStr;

use fs_core::{At, Change, Error, ErrorKind, FileKind, Name, NewNode, Result, SetAttr, Time};

use super::effects::{Effects, Gone};
use super::open_file::Xattrs;
use super::record::{apply_to_named, new_record};
use super::resolve::{check_directory, fail, node_at, place_and_dir, place_of};
use super::store::{ContentId, Inode, NodeRecord, NodeWrite, TrashRecord};

/// Most hard links of one file; far from what a counter can hold.
const LINKS_MAX: u64 = i32::MAX as u64;

/// Longest name and value of an extended attribute (`xattr(7)`).
const XATTR_NAME_MAX_BYTES: usize = 255;
const XATTR_VALUE_MAX_BYTES: usize = 64 * 1024;

/// A transaction seen through the rules.
pub(super) struct Rules<'t> {
    pub(super) write: &'t mut dyn NodeWrite,
    pub(super) new_ino: &'t (dyn Fn() -> Result<Inode> + Sync),
    pub(super) is_open: &'t (dyn Fn(Inode) -> bool + Sync),
    pub(super) fs: u64,
    pub(super) now: Time,
    pub(super) effects: &'t mut Effects,
}

impl Rules<'_> {
    /// Runs `f`; when it fails, what it did is undone, and only that.
    pub(super) fn item<T>(&mut self, f: impl FnOnce(&mut Rules<'_>) -> Result<T>) -> Result<T> {
        let (new_ino, is_open) = (self.new_ino, self.is_open);
        let (fs, now) = (self.fs, self.now);
        let effects = &mut *self.effects;
        let mark = effects.mark();
        let (mut f, mut done) = (Some(f), None);
        let result = self.write.savepoint(&mut |write| {
            if let Some(f) = f.take() {
                let effects = &mut *effects;
                done = Some(f(&mut Rules {
                    write,
                    new_ino,
                    is_open,
                    fs,
                    now,
                    effects,
                })?);
            }
            Ok(())
        });
        match (result, done) {
            (Ok(()), Some(done)) => Ok(done),
            (Err(error), _) => {
                effects.back_to(mark);
                Err(error)
            }
            (Ok(()), None) => fail(ErrorKind::Io),
        }
    }

    /// As [`Rules::item`], without a savepoint where the store can tell that there is nothing to undo. When there is, `half_done` is set and the whole
    /// transaction has to be undone: the outer error.
    pub(super) fn item_if_whole<T>(
        &mut self,
        half_done: &mut bool,
        f: impl FnOnce(&mut Rules<'_>) -> Result<T>,
    ) -> Result<Result<T>> {
        let Some(before) = self.write.changes() else {
            return Ok(self.item(f));
        };
        let mark = self.effects.mark();
        let result = f(self);
        if let Err(error) = &result {
            if self.write.changes() != Some(before) {
                *half_done = true;
                return Err(error.clone());
            }
            self.effects.back_to(mark);
        }
        Ok(result)
    }

    /// Makes one change. A change of size is made through the open file instead.
    pub(super) fn change(&mut self, change: &Change<'_>) -> Result<()> {
        match *change {
            Change::Create(at, new) => self.create(at, new).map(drop),
            Change::Link { from, to } => self.link(from, to),
            Change::Rename { from, to, mode } => self.rename(from, to, mode),
            Change::Unlink(at) => self.unlink(at),
            Change::Rmdir(at) => self.rmdir(at),
            Change::SetAttr(at, attr) => self.set_attr(at, attr),
            Change::SetXattr(at, name, value) => self.set_xattr(at, name, value),
        }
    }

    /// The record of a node that must exist.
    pub(super) fn node(&self, ino: Inode) -> Result<NodeRecord> {
        self.write
            .node(ino)?
            .map_or_else(|| fail(ErrorKind::NotFound), Ok)
    }

    /// What has the name now, with its record.
    pub(super) fn find(&self, dir: Inode, name: &Name) -> Result<Option<(Inode, NodeRecord)>> {
        match self.write.lookup(dir, name.as_os_str())? {
            Some(ino) => Ok(Some((ino, self.node(ino)?))),
            None => Ok(None),
        }
    }

    pub(super) fn is_empty(&self, dir: Inode) -> Result<bool> {
        let mut empty = true;
        self.write
            .entries(dir, None, 1, false, &mut |_| empty = false)?;
        Ok(empty)
    }

    /// A place that must have a name; `root` is the error for the start itself.
    pub(super) fn place(&self, at: At<'_>, root: ErrorKind) -> Result<(Inode, Name)> {
        place_of(&*self.write, at, self.fs)?.map_or_else(|| fail(root), Ok)
    }

    /// The entries of `dir` changed: its times, its link count by `subdirs`, and `name` for watchers.
    pub(super) fn touch_dir(&mut self, dir: Inode, subdirs: i64, name: &Name) -> Result<()> {
        self.effects.touched.push((dir, name.clone()));
        if subdirs == 0 && self.effects.current.contains(&dir) {
            return Ok(());
        }
        let mut record = self.node(dir)?;
        record.nlink = record.nlink.saturating_add_signed(subdirs);
        record.mtime = self.now;
        record.ctime = self.now;
        self.write.update(dir, &record)?;
        self.effects.current.insert(dir);
        Ok(())
    }

    /// `NotFound`, `NotADirectory`, unless this transaction knows already that it is one.
    pub(super) fn check_directory(&self, dir: Inode) -> Result<()> {
        if self.effects.current.contains(&dir) {
            return Ok(());
        }
        check_directory(&*self.write, dir).map(drop)
    }

    /// Applies `edit` to a node, whose ctime becomes now.
    pub(super) fn edit(&mut self, ino: Inode, edit: impl FnOnce(&mut NodeRecord)) -> Result<()> {
        let mut record = self.node(ino)?;
        record.ctime = self.now;
        edit(&mut record);
        self.write.update(ino, &record)
    }

    pub(super) fn create(&mut self, at: At<'_>, new: &NewNode) -> Result<Inode> {
        let place = place_and_dir(&*self.write, at, self.fs, None)?;
        let Some(((dir, name), parent)) = place else {
            return fail(ErrorKind::AlreadyExists);
        };
        if self.write.lookup(dir, name.as_os_str())?.is_some() {
            return fail(ErrorKind::AlreadyExists);
        }
        let record = new_record(new, Some((dir, &parent)), self.now)?;
        let ino = (self.new_ino)()?;
        self.write.insert(ino, &record)?;
        self.write.link(dir, &name, ino, record.kind)?;
        self.touch_dir(dir, subdirs(&record), &name)?;
        Ok(ino)
    }

    fn link(&mut self, from: At<'_>, to: At<'_>) -> Result<()> {
        let (ino, mut record) = node_at(&*self.write, from, self.fs, None)?;
        let (dir, name) = self
            .place(to, ErrorKind::AlreadyExists)
            .map_err(|error| error.or_path(to.path))?;
        if self.write.lookup(dir, name.as_os_str())?.is_some() {
            return Err(Error::new(ErrorKind::AlreadyExists, "").with_path(to.path));
        }
        if record.kind == FileKind::Directory {
            return fail(ErrorKind::NotPermitted);
        }
        if record.nlink >= LINKS_MAX {
            return fail(ErrorKind::TooManyLinks);
        }
        record.nlink += 1;
        record.ctime = self.now;
        self.write.update(ino, &record)?;
        self.write.link(dir, &name, ino, record.kind)?;
        self.touch_dir(dir, 0, &name)
    }

    fn unlink(&mut self, at: At<'_>) -> Result<()> {
        let (dir, name) = self.place(at, ErrorKind::IsADirectory)?;
        let Some((ino, record)) = self.find(dir, &name)? else {
            return fail(ErrorKind::NotFound);
        };
        if record.kind == FileKind::Directory {
            return fail(ErrorKind::IsADirectory);
        }
        self.write.unlink(dir, name.as_os_str())?;
        self.touch_dir(dir, 0, &name)?;
        self.drop_link(ino, record)
    }

    fn rmdir(&mut self, at: At<'_>) -> Result<()> {
        let (dir, name) = self.place(at, ErrorKind::IsRoot)?;
        let Some((ino, record)) = self.find(dir, &name)? else {
            return fail(ErrorKind::NotFound);
        };
        if record.kind != FileKind::Directory {
            return fail(ErrorKind::NotADirectory);
        }
        if !self.is_empty(ino)? {
            return fail(ErrorKind::DirectoryNotEmpty);
        }
        self.write.unlink(dir, name.as_os_str())?;
        self.touch_dir(dir, -1, &name)?;
        self.drop_link(ino, record)
    }

    /// One name of a node went (its directory entry is taken away already); with the last one (a directory has only one) the node goes.
    pub(super) fn drop_link(&mut self, ino: Inode, mut record: NodeRecord) -> Result<()> {
        record.ctime = self.now;
        if record.kind != FileKind::Directory && record.nlink > 1 {
            record.nlink -= 1;
            return self.write.update(ino, &record);
        }
        let xattrs = match record.kind == FileKind::File && (self.is_open)(ino) {
            true => self.xattrs_of(ino)?,
            false => Xattrs::new(),
        };
        self.write.remove(ino)?;
        self.effects.current.remove(&ino);
        self.dismiss(record.content)?;
        record.nlink = 0;
        self.effects.removed.push(Gone {
            ino,
            record,
            xattrs,
        });
        Ok(())
    }

    fn xattrs_of(&self, ino: Inode) -> Result<Xattrs> {
        let mut xattrs = Xattrs::new();
        for name in self.write.xattrs(ino)? {
            if let Some(value) = self.write.xattr(ino, &name)? {
                xattrs.insert(name, value);
            }
        }
        Ok(xattrs)
    }

    /// A node is gone, and its content's only reference with it.
    pub(super) fn gone(&mut self, ino: Inode, mut record: NodeRecord) {
        record.ctime = self.now;
        record.nlink = 0;
        if !record.content.is_empty() {
            self.effects.orphans.push(record.content);
        }
        self.effects.removed.push(Gone {
            ino,
            record,
            xattrs: Xattrs::new(),
        });
    }

    /// A node no longer names `content`.
    pub(super) fn dismiss(&mut self, content: ContentId) -> Result<()> {
        if !content.is_empty() && self.write.refer(content, -1)? == 0 {
            self.effects.orphans.push(content);
        }
        Ok(())
    }

    /// A node names `content`, whose bytes become part of this transaction.
    pub(super) fn adopt(&mut self, content: ContentId) -> Result<()> {
        if !content.is_empty() {
            self.write.adopt(content)?;
            self.effects.named.push(content);
        }
        Ok(())
    }

    fn set_attr(&mut self, at: At<'_>, attr: &SetAttr) -> Result<()> {
        let (ino, mut record) = node_at(&*self.write, at, self.fs, None)?;
        if *attr == SetAttr::default() {
            return Ok(());
        }
        apply_to_named(attr, &mut record, self.now);
        self.write.update(ino, &record)?;
        self.effects.current.remove(&ino);
        self.touch_at(at)
    }

    fn set_xattr(&mut self, at: At<'_>, name: &OsStr, value: Option<&[u8]>) -> Result<()> {
        let (ino, record) = node_at(&*self.write, at, self.fs, None)?;
        check_xattr(record.kind, name, value)?;
        if value.is_none() && self.write.xattr(ino, name)?.is_none() {
            return fail(ErrorKind::XattrNotFound);
        }
        self.write.set_xattr(ino, name, value)?;
        self.edit(ino, |_| ())?;
        self.touch_at(at)
    }

    /// Watchers of the directory that holds `at` hear of it.
    pub(super) fn touch_at(&mut self, at: At<'_>) -> Result<()> {
        if let Some(place) = place_of(&*self.write, at, self.fs)? {
            self.effects.touched.push(place);
        }
        Ok(())
    }

    /// Takes an item out of the trash list and hands its node over.
    pub(super) fn take_trash(&mut self, id: u64) -> Result<TrashRecord> {
        let Some(item) = self.write.trash_item(id)? else {
            return fail(ErrorKind::NotFound);
        };
        self.write.remove_trash(id)?;
        Ok(item)
    }

    /// Is `dir` the directory `below`, or above it?
    pub(super) fn holds(&self, dir: Inode, below: Inode) -> Result<bool> {
        let mut at = below;
        // A damaged store may hold a circle; no tree is deeper than this.
        for _ in 0..1_000_000 {
            if at == dir {
                return Ok(true);
            }
            let parent = check_directory(&*self.write, at)?.parent;
            if parent == at || parent == 0 {
                return Ok(false);
            }
            at = parent;
        }
        fail(ErrorKind::Corrupted)
    }
}

/// What a node of this kind adds to the link count of its directory.
pub(super) fn subdirs(record: &NodeRecord) -> i64 {
    i64::from(record.kind == FileKind::Directory)
}

/// `user.*` belongs to files and directories only (`xattr(7)`).
pub(super) fn check_xattr(kind: FileKind, name: &OsStr, value: Option<&[u8]>) -> Result<()> {
    let bytes = name.as_encoded_bytes();
    if bytes.is_empty() || bytes.contains(&0) {
        return fail(ErrorKind::InvalidInput);
    }
    if bytes.len() > XATTR_NAME_MAX_BYTES {
        return fail(ErrorKind::NameTooLong);
    }
    if value.is_some_and(|value| value.len() > XATTR_VALUE_MAX_BYTES) {
        return Err(Error::new(ErrorKind::InvalidInput, "")
            .with_detail("an extended attribute holds at most 64 KiB"));
    }
    if bytes.starts_with(b"user.") && !matches!(kind, FileKind::File | FileKind::Directory) {
        return fail(ErrorKind::NotPermitted);
    }
    Ok(())
}
