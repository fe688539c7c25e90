//! Creating nodes and changing attributes; linking, removing and renaming have files of their own.
//!
//! No transaction spans two layers, so each change ends in one step of the upper that makes it visible: a staged node takes the place of a whiteout, a staged
//! whiteout takes the place of a node. A crash before or after that step shows the old or the new state, never the base's entry again.

use std::ffi::OsStr;
use std::sync::Arc;

use super::copy_up::Content;
use super::core::{Core, Outcome, Target};
use super::lookup::Entry;
use super::upper::absent;
use super::xattr;
use crate::backend::{At, Change, Node, RenameMode};
use crate::capabilities::Capabilities;
use crate::error::{Error, ErrorKind, Result};
use crate::file::Staged;
use crate::listing::collect;
use crate::metadata::{FileKind, NewKind, NewNode, SetAttr};
use crate::path::{Name, VPath};
use crate::{Want, listing::EntryBatch};

impl Core {
    /// Makes one change.
    pub(super) fn change(self: &Arc<Self>, change: &Change<'_>) -> Result<()> {
        match *change {
            Change::Create(at, new) => self.change_at(
                at,
                |path| self.create(path, new),
                |at| {
                    refuse_whiteout(new)?;
                    self.upper.change(&Change::Create(at, new))
                },
            ),
            Change::Link { from, to } => self.link(from, to),
            Change::Rename { from, to, mode } => self.rename(from, to, mode),
            Change::Unlink(at) => self.change_at(
                at,
                |path| self.unlink(path),
                |at| self.upper.change(&Change::Unlink(at)),
            ),
            Change::Rmdir(at) => self.change_at(
                at,
                |path| self.rmdir(path),
                |at| self.upper.change(&Change::Rmdir(at)),
            ),
            Change::SetAttr(at, attr) => self.change_at(
                at,
                |path| self.set_attr(path, attr),
                |at| self.upper.change(&Change::SetAttr(at, attr)),
            ),
            Change::SetXattr(at, name, value) => {
                let stored = xattr::stored(name);
                self.change_at(
                    at,
                    |path| self.set_xattr(path, &stored, value),
                    |at| self.upper.change(&Change::SetXattr(at, &stored, value)),
                )
            }
        }
    }

    /// Makes one change where `at` leads: by `plan` in the visible tree, by `outside` in or below a node of the upper that is not in it.
    fn change_at(
        self: &Arc<Self>,
        at: At<'_>,
        mut plan: impl FnMut(&VPath) -> Result<Outcome<()>>,
        mut outside: impl FnMut(At<'_>) -> Result<()>,
    ) -> Result<()> {
        let changed = self.mutate(|| match self.changeable(at)? {
            (None, path) => Ok(plan(&path)?.map(|()| Some(path))),
            (Some(node), path) => {
                outside(At::in_dir(&node, &path))?;
                Ok(Outcome::Done(None))
            }
        })?;
        if let Some(path) = changed {
            self.watchers.changed(&path);
        }
        Ok(())
    }

    /// A place where something can be changed: a path in the tree, or one from a node of the upper outside it. The caller holds the lock.
    pub(super) fn changeable(&self, at: At<'_>) -> Result<(Option<Node>, VPath)> {
        match self.target(at)? {
            Target::Tree(path) => Ok((None, path)),
            Target::Upper(node, path) => Ok((Some(node), path)),
            Target::Base(_) => Err(Error::new(ErrorKind::NotFound, "removed node")),
        }
    }

    /// Between the tree and a node of the upper outside it nothing moves: what is staged would need marks on one side only (`CrossDevice`), and what was
    /// removed has no names (`NotFound`).
    pub(super) fn refuse_outside<T>(&self, operation: &'static str, outside: &Node) -> Result<T> {
        let itself = VPath::root();
        let node = absent(self.upper.backend().stat(At::in_dir(outside, &itself)))?;
        let kind = match node.is_none_or(|node| node.nlink == 0) {
            true => ErrorKind::NotFound,
            false => ErrorKind::CrossDevice,
        };
        Err(Error::new(kind, operation))
    }

    fn create(self: &Arc<Self>, path: &VPath, new: &NewNode) -> Result<Outcome<()>> {
        let entry = self.look(path)?;
        if entry.visible().is_some() {
            return Err(Error::new(ErrorKind::AlreadyExists, "create"));
        }
        refuse_whiteout(new)?;
        if !entry.parent.upper {
            return Ok(parent_first(path));
        }
        self.place_new(path, &entry, new)?;
        Ok(Outcome::Done(()))
    }

    /// Makes a node where nothing is visible. The caller holds the lock.
    pub(super) fn place_new(
        self: &Arc<Self>,
        path: &VPath,
        entry: &Entry,
        new: &NewNode,
    ) -> Result<()> {
        if !entry.whiteout {
            let kept = self.upper.kept(path)?;
            return self.upper.change(&Change::Create(At::path(&kept), new));
        }
        let mut staged = self.upper.stage(path, new)?;
        let mode = if new.kind == NewKind::Directory {
            self.hide_base_in(&mut *staged, path)?;
            RenameMode::Exchange
        } else {
            RenameMode::Replace
        };
        staged.commit(mode).map(drop)
    }

    /// Makes a staged directory show nothing of the base's directory at `path`.
    pub(super) fn hide_base_in(
        self: &Arc<Self>,
        staged: &mut dyn Staged,
        path: &VPath,
    ) -> Result<()> {
        if self.upper.has(Capabilities::XATTRS) {
            return staged.set_xattr(OsStr::new(xattr::OPAQUE), b"y");
        }
        let node = staged.node()?;
        for name in self.base_names(path)? {
            let at = VPath::root().join(&name);
            match self.upper.change(&Change::Create(
                At::in_dir(&node, &at),
                &NewNode::whiteout(),
            )) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                other => other?,
            }
        }
        Ok(())
    }

    /// Makes the upper's directory at `dir`, in which the base no longer shows, show nothing of the base's directory at `over` either.
    pub(super) fn hide_base(self: &Arc<Self>, dir: &VPath, over: &VPath) -> Result<()> {
        let kept = self.upper.kept(dir)?;
        if self.mark(&kept, xattr::OPAQUE, b"y")? {
            return Ok(());
        }
        // Without attributes: a whiteout for each name of the base, in directories of the same name too.
        for name in self.base_names(over)? {
            let (below, child) = (over.join(&name), kept.join(&name));
            match super::upper::absent(self.upper.backend().stat(At::path(&child)))? {
                None => self
                    .upper
                    .change(&Change::Create(At::path(&child), &NewNode::whiteout()))?,
                Some(node) if node.is_dir() => self.hide_base(&dir.join(&name), &below)?,
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// Names of the base's directory; none when it is none.
    fn base_names(&self, dir: &VPath) -> Result<Vec<Name>> {
        match self.base.look(dir)? {
            Some(found) if found.is_dir() => {}
            _ => return Ok(Vec::new()),
        }
        let batch: EntryBatch = collect(self.base.list(dir, &Want::names())?)?;
        batch.iter().map(|entry| Name::new(entry.name)).collect()
    }

    fn set_attr(&self, path: &VPath, attr: &SetAttr) -> Result<Outcome<()>> {
        let entry = self.look(path)?;
        let node = entry.found()?;
        if entry.upper.is_none() {
            if attr.size.is_some() && node.kind != FileKind::File {
                return Err(Error::new(wrong_size_kind(node.kind), "set attributes"));
            }
            return Ok(Outcome::CopyUp(path.clone(), Content::All));
        }
        let kept = self.upper.kept(path)?;
        self.upper.change(&Change::SetAttr(At::path(&kept), attr))?;
        Ok(Outcome::Done(()))
    }

    fn set_xattr(&self, path: &VPath, stored: &OsStr, value: Option<&[u8]>) -> Result<Outcome<()>> {
        let entry = self.look(path)?;
        let kind = entry.found()?.kind;
        if entry.upper.is_none() {
            let has_none = !matches!(kind, FileKind::File | FileKind::Directory);
            if has_none && stored.as_encoded_bytes().starts_with(b"user.") {
                return Err(Error::new(ErrorKind::NotPermitted, "set attribute"));
            }
            if value.is_none() {
                // Removing what is not there is an error that copies nothing.
                let name = xattr::visible(stored).unwrap_or_default();
                self.base.get_xattr(At::path(path), &name)?;
            }
            return Ok(Outcome::CopyUp(path.clone(), Content::All));
        }
        let kept = self.upper.kept(path)?;
        self.upper
            .change(&Change::SetXattr(At::path(&kept), stored, value))?;
        Ok(Outcome::Done(()))
    }
}

/// As in the kernel: a user's own whiteout would be a deletion.
pub(super) fn refuse_whiteout(new: &NewNode) -> Result<()> {
    if new.kind == NewKind::CharDevice(0) {
        return Err(Error::new(ErrorKind::NotPermitted, "create")
            .with_detail("in an overlay this device means a deletion"));
    }
    Ok(())
}

fn wrong_size_kind(kind: FileKind) -> ErrorKind {
    match kind {
        FileKind::Directory => ErrorKind::IsADirectory,
        _ => ErrorKind::InvalidInput,
    }
}

/// The directory of `path` must be in the upper first.
pub(super) fn parent_first<T>(path: &VPath) -> Outcome<T> {
    Outcome::CopyUp(path.parent().unwrap_or_default(), Content::All)
}
