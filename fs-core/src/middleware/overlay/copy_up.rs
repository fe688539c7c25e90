//! Bringing nodes of the base into the upper, without anyone noticing.
//!
//! Ancestors first, each with its mode, owner, times and attributes. The copy is staged and appears whole or not at all; a change of the tree that happened
//! meanwhile drops it. Of several callers one copies, the others wait.

use std::ffi::OsStr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::core::Core;
use super::identity::Ids;
use super::upper::refused;
use super::{attributes, xattr};
use crate::backend::{At, Change, RenameMode, Want};
use crate::error::{Error, ErrorKind, Result};
use crate::file::{File, OpenOptions, Staged};
use crate::metadata::{FileKind, Metadata, NewKind, NewNode, SetAttr, Time};
use crate::path::{Name, VPath};

/// How much of a file's content is worth copying.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// All of it.
    All,
    /// None: the caller cuts the file to nothing.
    Nothing,
}

const BUFFER_BYTES: usize = 256 * 1024;

impl Core {
    /// Makes sure that the visible node at `path` is in the upper. `NotFound` when it vanished.
    pub(super) fn copy_up(self: &Arc<Self>, path: &VPath, content: Content) -> Result<()> {
        let _turn = self.take_turn(path);
        loop {
            let entry = {
                let _tree = self.tree.read();
                self.look(path)?
            };
            if entry.upper.is_some() {
                return Ok(());
            }
            let source = *entry.found()?;
            if !entry.parent.upper {
                let parent = path
                    .parent()
                    .ok_or_else(|| Error::new(ErrorKind::IsRoot, "copy up"))?;
                self.copy_up(&parent, Content::All)?;
                continue;
            }
            let staged = self.stage_copy(path, &source, content)?;
            if self.publish_copy(path, &source, staged)? {
                return Ok(());
            }
        }
    }

    /// Everything but the name: a staged node equal to the base's.
    fn stage_copy(
        &self,
        path: &VPath,
        source: &Metadata,
        content: Content,
    ) -> Result<Box<dyn Staged>> {
        let kind = match source.kind {
            FileKind::File => NewKind::File,
            FileKind::Directory => NewKind::Directory,
            FileKind::Symlink => NewKind::Symlink(self.base.read_link(At::path(path))?),
            FileKind::Fifo => NewKind::Fifo,
            FileKind::Socket => NewKind::Socket,
            FileKind::CharDevice if source.is_whiteout() => {
                return Err(Error::new(ErrorKind::NotPermitted, "copy up")
                    .with_detail("in the upper layer this device would mean a deletion"));
            }
            FileKind::CharDevice => NewKind::CharDevice(source.rdev),
            FileKind::BlockDevice => NewKind::BlockDevice(source.rdev),
        };
        let new = NewNode {
            kind,
            mode: source.mode,
            owner: None,
        };
        let mut staged = self.upper.stage(path, &new)?;
        if source.is_file() && content == Content::All {
            let from = self.base.open(At::path(path))?;
            if let Some(to) = staged.file() {
                copy_content(&*from, to)?;
                // The copy is going to hide the base's bytes, which to the upper is just a new name.
                staged.secure()?;
            }
        }
        for name in self.base.list_xattrs(At::path(path))? {
            let value = self.base.get_xattr(At::path(path), &name)?;
            attributes::tolerate(staged.set_xattr(&xattr::stored(&name), &value))?;
        }
        attributes::tolerate(staged.set_attr(&attributes::owner(source)))?;
        attributes::tolerate(staged.set_attr(&attributes::all_but_owner(source)))?;
        Ok(staged)
    }

    /// Gives the staged copy its name, if the base's node still is what shows there.
    fn publish_copy(
        &self,
        path: &VPath,
        source: &Metadata,
        mut staged: Box<dyn Staged>,
    ) -> Result<bool> {
        let keeps = Ids::keeps(source);
        let remembered = keeps && self.write_origin(&mut *staged, source)?;
        let _tree = self.tree.write();
        let entry = self.look(path)?;
        if entry.upper.is_some() || entry.found()?.id != source.id || !entry.parent.upper {
            return Ok(false);
        }
        let parent = path.parent().unwrap_or_default();
        let kept_parent = self.upper.kept(&parent)?;
        if keeps && !entry.parent.facts.impure {
            self.mark(&kept_parent, xattr::IMPURE, b"y")?;
        }
        let times = self.dir_times(&parent)?;
        self.dirs.forget(path);
        let copy = staged.commit(RenameMode::NoReplace)?;
        if keeps && !remembered {
            self.ids()?.remember(copy, source.id);
        }
        // The directory has the entries it had before.
        self.reset_dir_times(&parent, times)?;
        self.switch_open_files(path)?;
        self.tell_copied(&parent, source, copy)?;
        Ok(true)
    }

    /// When the upper's directory at `dir` last changed, to be put back after a change that shows no difference.
    pub(super) fn dir_times(&self, dir: &VPath) -> Result<Time> {
        let kept = self.upper.kept(dir)?;
        Ok(self.upper.backend().stat(At::path(&kept))?.mtime)
    }

    pub(super) fn reset_dir_times(&self, dir: &VPath, mtime: Time) -> Result<()> {
        let kept = self.upper.kept(dir)?;
        attributes::tolerate(
            self.upper
                .change(&Change::SetAttr(At::path(&kept), &SetAttr::mtime(mtime))),
        )
    }

    /// `false`: this node can't hold its origin.
    fn write_origin(&self, staged: &mut dyn Staged, source: &Metadata) -> Result<bool> {
        if !self.upper.has(crate::Capabilities::XATTRS) {
            return Ok(false);
        }
        let value = self.ids()?.origin_value(source.id);
        match staged.set_xattr(OsStr::new(xattr::ORIGIN), &value) {
            Ok(()) => Ok(true),
            Err(error) if refused(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Files that were opened on the base's content read the copy from now on.
    fn switch_open_files(&self, path: &VPath) -> Result<()> {
        let Some(pin) = self.pins.get(path) else {
            return Ok(());
        };
        for file in pin.take_files() {
            let kept = self.upper.kept(path)?;
            let copy = self
                .upper
                .backend()
                .open(At::path(&kept), &OpenOptions::read())?;
            file.switch(copy);
        }
        Ok(())
    }

    /// Makes sure that everything below the directory at `path` is in the upper, and the base no longer shows there. What a user sees stays the same at every
    /// moment. `CrossDevice`, with nothing changed, when it is more than a rename should copy.
    pub(super) fn copy_up_tree(self: &Arc<Self>, path: &VPath) -> Result<()> {
        loop {
            let (missing, revealed) = {
                let _tree = self.tree.read();
                let missing = self.missing_below(path)?;
                (missing, self.revealed.load(Ordering::Acquire))
            };
            self.copy_up(path, Content::All)?;
            for missing in missing {
                match self.copy_up(&missing, Content::All) {
                    Err(error) if error.kind() == ErrorKind::NotFound => {}
                    other => other?,
                }
            }
            let _tree = self.tree.write();
            if self.revealed.load(Ordering::Acquire) != revealed {
                // More of the base may show than was copied.
                continue;
            }
            let entry = self.look(path)?;
            if entry.merged()
                && !self.marks_are_files()?
                && self.upper.has(crate::Capabilities::XATTRS)
            {
                self.mark(&self.upper.kept(path)?, xattr::OPAQUE, b"y")?;
                self.tell_aside(path)?;
            }
            return Ok(());
        }
    }

    /// What below the directory at `path` only the base has, parents before children. The caller holds the lock.
    pub(super) fn missing_below(self: &Arc<Self>, path: &VPath) -> Result<Vec<VPath>> {
        let limit = self.rename_limit_entries.load(Ordering::Relaxed);
        let too_much = || {
            Error::new(ErrorKind::CrossDevice, "rename")
                .with_detail("the folder is too large to be copied up in one step")
        };
        let mut missing = Vec::new();
        let mut bytes = 0u64;
        let mut dirs = vec![path.clone()];
        while let Some(dir) = dirs.pop() {
            let here = self.look(&dir)?.as_dir()?;
            if !here.base {
                continue;
            }
            let batch = crate::listing::collect(self.list_dir(&dir, here, &Want::metadata())?)?;
            for item in batch.iter() {
                let child = dir.join(&Name::new(item.name)?);
                let seen = self.look(&child)?;
                if seen.upper.is_none() {
                    let node = seen.found()?;
                    if node.is_whiteout() {
                        return Err(Error::new(ErrorKind::CrossDevice, "rename"));
                    }
                    bytes = bytes.saturating_add(node.size);
                    missing.push(child.clone());
                    if missing.len() > limit || bytes > super::RENAME_LIMIT_BYTES {
                        return Err(too_much());
                    }
                }
                if item.kind == FileKind::Directory {
                    dirs.push(child);
                }
            }
        }
        Ok(missing)
    }
}

/// Copies data, leaves holes.
fn copy_content(from: &dyn File, to: &mut dyn File) -> Result<()> {
    let size = from.metadata()?.size;
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut offset = 0;
    while let Some((start, end)) = from.next_data(offset)? {
        offset = start;
        while offset < end.min(size) {
            let want = usize::try_from(end.min(size) - offset).unwrap_or(usize::MAX);
            let part = buffer.get_mut(..want.min(BUFFER_BYTES)).unwrap_or_default();
            let read = from.read_at(part, offset)?;
            if read == 0 {
                break;
            }
            to.write_at(part.get(..read).unwrap_or_default(), offset)?;
            offset += read as u64;
        }
        if offset < end {
            break;
        }
    }
    to.set_len(size)
}
