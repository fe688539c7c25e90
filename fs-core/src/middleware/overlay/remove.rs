//! Taking names away: a mark stays exactly where the base has the name, and nothing of the base shows at any moment.

use std::sync::Arc;

use super::change::parent_first;
use super::core::{Core, Outcome};
use super::lookup::Entry;
use super::pins::Place;
use super::xattr;
use crate::Want;
use crate::backend::{At, Change, RenameMode};
use crate::error::{Error, ErrorKind, Result};
use crate::listing::collect;
use crate::metadata::NewNode;
use crate::path::{Name, VPath};

impl Core {
    /// The caller holds the lock.
    pub(super) fn unlink(self: &Arc<Self>, path: &VPath) -> Result<Outcome<()>> {
        let entry = self.look_full(path)?;
        if entry.found()?.is_dir() {
            return Err(Error::new(ErrorKind::IsADirectory, "remove"));
        }
        if !entry.parent.upper {
            return Ok(parent_first(path));
        }
        let place = self.place_after(path, &entry);
        self.remove_name(path, &entry)?;
        self.pins.removed(path, place);
        Ok(Outcome::Done(()))
    }

    /// The caller holds the lock.
    pub(super) fn rmdir(self: &Arc<Self>, path: &VPath) -> Result<Outcome<()>> {
        if path.is_root() {
            return Err(Error::new(ErrorKind::IsRoot, "remove folder"));
        }
        let entry = self.look_full(path)?;
        let here = entry.as_dir()?;
        if !self.is_empty_dir(path, here)? {
            return Err(Error::new(ErrorKind::DirectoryNotEmpty, "remove folder"));
        }
        if !entry.parent.upper {
            return Ok(parent_first(path));
        }
        let place = self.place_after(path, &entry);
        self.clear(path, &entry)?;
        self.remove_name(path, &entry)?;
        self.pins.removed(path, place);
        Ok(Outcome::Done(()))
    }

    /// Where a pin of `path` will find its node when the name is gone.
    pub(super) fn place_after(&self, path: &VPath, entry: &Entry) -> Place {
        if self.pins.get(path).is_none() {
            return Place::Lost;
        }
        let pinned = if entry.upper.is_some() {
            self.upper
                .kept(path)
                .and_then(|kept| self.upper.backend().pin(At::path(&kept)))
                .map(Place::Upper)
        } else {
            self.base.pin(path).map(Place::Base)
        };
        // A layer that cannot pin lets the node go with its name.
        pinned.unwrap_or(Place::Lost)
    }

    /// Removes the marks inside the upper's directory at `path`, which shows nothing, without the base showing in it at any moment.
    pub(super) fn clear(self: &Arc<Self>, path: &VPath, entry: &Entry) -> Result<()> {
        if entry.upper.is_none() {
            return Ok(());
        }
        let marks = collect(self.upper.list(path, &Want::names())?)?;
        if marks.is_empty() {
            return Ok(());
        }
        if self.marks_are_files()? {
            if entry.base.is_some() {
                self.put_mark(path)?;
            }
        } else if entry.merged() {
            self.mark(&self.upper.kept(path)?, xattr::OPAQUE, b"y")?;
        }
        let kept = self.upper.kept(path)?;
        for mark in marks.iter() {
            let at = kept.join(&Name::new(mark.name)?);
            self.upper.change(&Change::Unlink(At::path(&at)))?;
        }
        Ok(())
    }

    /// In form `Files`: hides the base's entry at `path`.
    pub(super) fn put_mark(&self, path: &VPath) -> Result<()> {
        let mark = self.upper.mark_of(path)?;
        self.dirs.forget_all();
        match self
            .upper
            .change(&Change::Create(At::path(&mark), &NewNode::file()))
        {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            other => other,
        }
    }

    /// Takes the visible name at `path` away; a directory is empty and clear. Leaves a mark exactly where the base has the name. The caller holds the lock.
    pub(super) fn remove_name(self: &Arc<Self>, path: &VPath, entry: &Entry) -> Result<()> {
        let kept = self.upper.kept(path)?;
        let hide = entry.base.is_some();
        self.dirs.forget(path);
        if let Some(upper) = &entry.upper {
            self.ids()?.forget(upper);
        }
        let files = self.marks_are_files()?;
        if files && hide {
            self.put_mark(path)?;
        }
        match &entry.upper {
            Some(upper) if hide && !files => {
                let staged = self.upper.stage(path, &NewNode::whiteout())?;
                let mode = if upper.is_dir() {
                    RenameMode::Exchange
                } else {
                    RenameMode::Replace
                };
                staged.commit(mode).map(drop)
            }
            Some(upper) if upper.is_dir() => self.upper.change(&Change::Rmdir(At::path(&kept))),
            Some(_) => self.upper.change(&Change::Unlink(At::path(&kept))),
            None if hide && !files => self
                .upper
                .change(&Change::Create(At::path(&kept), &NewNode::whiteout())),
            None => Ok(()),
        }
    }
}
