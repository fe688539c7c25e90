//! Opening files. Reading never copies anything; opening for writing brings the file into the upper.

use std::sync::Arc;

use super::change::parent_first;
use super::copy_up::Content;
use super::core::{Core, Outcome, Target};
use super::file::{BaseFile, Reader, UpperFile};
use super::lookup::Entry;
use super::pins::Pin;
use super::read::itself;
use crate::backend::At;
use crate::error::{Error, ErrorKind, Result};
use crate::file::{File, OpenOptions};
use crate::metadata::{FileKind, NewKind, NewNode};
use crate::path::VPath;

/// An open file, and what was changed by opening it.
type Opened = (Box<dyn File>, Option<VPath>);

fn fail<T>(kind: ErrorKind) -> Result<T> {
    Err(Error::new(kind, "open"))
}

impl Core {
    pub(super) fn open(self: &Arc<Self>, at: At<'_>, how: &OpenOptions) -> Result<Box<dyn File>> {
        if how.write || how.create || how.create_new {
            return self.open_to_write(at, how);
        }
        let _tree = self.tree.read();
        match self.target(at)? {
            Target::Tree(path) => {
                let entry = self.look(&path)?;
                self.open_found(&path, &entry, how)
            }
            Target::Upper(node, path) => self.open_outside(at, At::in_dir(&node, &path), how),
            Target::Base(node) => {
                let root = VPath::root();
                let file = self.base.open(At::in_dir(&node, &root))?;
                let Some(pin) = at.dir.and_then(|node| node.shared_pin::<Pin>()) else {
                    return fail(ErrorKind::InvalidInput);
                };
                let id = self.ids()?.base(node.id());
                let file = BaseFile::new(self.clone(), pin, id, file);
                Ok(Box::new(Reader(file)))
            }
        }
    }

    /// Opens what is visible, where it is. The caller holds the lock.
    fn open_found(
        self: &Arc<Self>,
        path: &VPath,
        entry: &Entry,
        how: &OpenOptions,
    ) -> Result<Box<dyn File>> {
        let base = *entry.found()?;
        if entry.upper.is_some() {
            let kept = self.upper.kept(path)?;
            return self.open_upper(At::path(&kept), how);
        }
        let file = self.base.open(At::path(path))?;
        let id = self.ids()?.base(base.id);
        let file = BaseFile::new(self.clone(), self.pins.pin(path), id, file);
        Ok(Box::new(Reader(file)))
    }

    /// Opens what is not in the visible tree: `at` for the caller, `place` in the upper. The caller holds the lock.
    fn open_outside(&self, at: At<'_>, place: At<'_>, how: &OpenOptions) -> Result<Box<dyn File>> {
        let Some(id) = itself(at) else {
            return self.open_upper(place, how);
        };
        let inner = self.upper.backend().open(place, how)?;
        Ok(Box::new(UpperFile { inner, id }))
    }

    fn open_upper(&self, at: At<'_>, how: &OpenOptions) -> Result<Box<dyn File>> {
        let inner = self.upper.backend().open(at, how)?;
        let id = self.upper_id(at, inner.metadata()?.id)?;
        Ok(Box::new(UpperFile { inner, id }))
    }

    fn open_to_write(self: &Arc<Self>, at: At<'_>, how: &OpenOptions) -> Result<Box<dyn File>> {
        let (file, changed) = self.mutate(|| match self.target(at)? {
            Target::Tree(path) => self.open_in_tree(&path, how),
            Target::Upper(node, path) => {
                let file = self.open_outside(at, At::in_dir(&node, &path), how)?;
                Ok(Outcome::Done((file, None)))
            }
            Target::Base(_) => fail(ErrorKind::NotFound),
        })?;
        if let Some(path) = changed {
            self.watchers.changed(&path);
        }
        Ok(file)
    }

    /// Opens for writing what is visible at `path`, or makes it; with the path if that changed anything.
    fn open_in_tree(self: &Arc<Self>, path: &VPath, how: &OpenOptions) -> Result<Outcome<Opened>> {
        let entry = self.look(path)?;
        let Some(found) = entry.visible() else {
            if !how.create && !how.create_new {
                return fail(ErrorKind::NotFound);
            }
            if !entry.parent.upper {
                return Ok(parent_first(path));
            }
            let made = self.open_new(path, &entry, how)?;
            return Ok(Outcome::Done((made, Some(path.clone()))));
        };
        if how.create_new {
            return fail(ErrorKind::AlreadyExists);
        }
        match found.kind {
            FileKind::Directory => return fail(ErrorKind::IsADirectory),
            FileKind::Symlink => return fail(ErrorKind::SymlinkLoop),
            _ => {}
        }
        let existing = OpenOptions {
            create: false,
            ..*how
        };
        if found.is_file() && how.write && entry.upper.is_none() {
            let content = if how.truncate {
                Content::Nothing
            } else {
                Content::All
            };
            return Ok(Outcome::CopyUp(path.clone(), content));
        }
        let file = self.open_found(path, &entry, &existing)?;
        Ok(Outcome::Done((file, how.truncate.then(|| path.clone()))))
    }

    fn open_new(
        self: &Arc<Self>,
        path: &VPath,
        entry: &Entry,
        how: &OpenOptions,
    ) -> Result<Box<dyn File>> {
        let kept = self.upper.kept(path)?;
        if !entry.whiteout {
            let fresh = OpenOptions {
                create: false,
                create_new: true,
                ..*how
            };
            return self.open_upper(At::path(&kept), &fresh);
        }
        let new = NewNode {
            kind: NewKind::File,
            mode: how.mode,
            owner: None,
        };
        self.place_new(path, entry, &new)?;
        let existing = OpenOptions {
            create: false,
            create_new: false,
            ..*how
        };
        self.open_upper(At::path(&kept), &existing)
    }
}
