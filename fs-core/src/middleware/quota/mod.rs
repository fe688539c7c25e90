//! A filesystem that takes no more than it is allowed: bytes in all, bytes of one file, nodes.
//!
//! What counts is the length of files (a hole counts as if it were stored), each file once however many names it has, and as long as a name or a handle
//! holds it. What is in the trash counts until it is purged; what was in the trash before the quota was put on does not. A call for which there is no room
//! answers `NoSpace` (`FileTooLarge` for one file) and changes nothing.

mod commit;
mod file;
mod ledger;
mod powers;
mod scan;
mod staged;

use std::any::Any;
use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::sync::Arc;

use parking_lot::Mutex;

use self::commit::{Pending, commit_one, one_step};
use self::file::QuotaFile;
use self::ledger::Ledger;
use self::powers::Trashed;
use self::staged::QuotaStaged;
use crate::backend::{At, Backend, Change, Node, RenameMode, Scope, Want};
use crate::capabilities::Capabilities;
use crate::error::{Error, ErrorKind, Result};
use crate::extensions::{Extensions, Trash, TrashId};
use crate::file::{File, OpenOptions, Staged};
use crate::listing::Listing;
use crate::metadata::{FileId, Metadata, NewNode, SetAttr};
use crate::path::VPath;

/// What a filesystem may hold; `None`: as much as fits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QuotaLimits {
    /// The lengths of all files together.
    pub total_bytes: Option<u64>,
    /// The length of one file.
    pub file_bytes: Option<u64>,
    /// Files, folders, links and all else, the root not counted.
    pub nodes: Option<u64>,
}

/// What it holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// The lengths of all files together.
    pub bytes: u64,
    /// Files, folders, links and all else, the root not counted.
    pub nodes: u64,
}

impl Usage {
    const ONE_NODE: Self = Self { bytes: 0, nodes: 1 };

    fn bytes(bytes: u64) -> Self {
        Self { bytes, nodes: 0 }
    }
}

/// Keeps a backend within [`QuotaLimits`]. Only what goes through it is counted: nothing else may change the backend meanwhile.
pub struct Quota<B> {
    backend: Arc<B>,
    ledger: Arc<Ledger>,
    /// The items it saw go into the trash.
    trashed: Mutex<HashMap<TrashId, Trashed>>,
}

impl<B: Backend + 'static> Quota<B> {
    /// Counts what is in `backend` (all of it is listed) and limits it from now on. More than the limits may be there already; then nothing can grow.
    pub fn new(backend: B, limits: QuotaLimits) -> Result<Self> {
        let usage = scan::below(&backend, At::path(&VPath::root()))?;
        Ok(Self {
            backend: Arc::new(backend),
            ledger: Ledger::new(limits, usage),
            trashed: Mutex::default(),
        })
    }

    /// The backend below.
    pub fn inner(&self) -> &B {
        &self.backend
    }

    /// The limits.
    pub fn limits(&self) -> QuotaLimits {
        self.ledger.limits()
    }

    /// What is taken now.
    pub fn usage(&self) -> Usage {
        self.ledger.usage()
    }

    /// The node at a name, `None` when it is free.
    fn existing(&self, at: At<'_>) -> Result<Option<Metadata>> {
        existing(&*self.backend, at)
    }

    /// A change of the length of what has a name.
    fn set_size(&self, change: &Change<'_>, at: At<'_>, size_bytes: u64) -> Result<()> {
        let id = self.backend.stat(at)?.id;
        let _file = self.ledger.file(id);
        let size = || Ok(self.backend.stat(at)?.size);
        self.ledger
            .resize(size, |_| size_bytes, || self.backend.change(change))
    }

    fn rename(&self, change: &Change<'_>, [from, to]: [At<'_>; 2], mode: RenameMode) -> Result<()> {
        let (moved, replaced) = (self.existing(from)?, self.existing(to)?);
        let whiteout = match mode {
            RenameMode::LeaveWhiteout => Some(self.ledger.reserve(Usage::ONE_NODE)?),
            _ => None,
        };
        self.backend.change(change)?;
        let is_same = |old: &Metadata| moved.is_some_and(|moved| moved.id == old.id);
        match (mode, replaced) {
            (RenameMode::Exchange, _) | (_, None) => {}
            // Two names of one file: nothing happens.
            (_, Some(old)) if is_same(&old) => return Ok(()),
            (_, Some(old)) => self.ledger.lost_name(&old),
        }
        if let Some(whiteout) = whiteout {
            whiteout.keep();
        }
        Ok(())
    }
}

fn existing(backend: &dyn Backend, at: At<'_>) -> Result<Option<Metadata>> {
    match backend.stat(at) {
        Ok(node) => Ok(Some(node)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

impl<B: Backend + 'static> Backend for Quota<B> {
    fn capabilities(&self, at: At<'_>) -> Capabilities {
        self.backend.capabilities(at)
    }

    fn stat(&self, at: At<'_>) -> Result<Metadata> {
        self.backend.stat(at)
    }

    fn list(&self, at: At<'_>, want: &Want) -> Result<Box<dyn Listing>> {
        self.backend.list(at, want)
    }

    fn open(&self, at: At<'_>, how: &OpenOptions) -> Result<Box<dyn File>> {
        let _names = self.ledger.names();
        let makes = how.create || how.create_new;
        let before = if makes || how.truncate {
            self.existing(at)?
        } else {
            None
        };
        let room = match before {
            None if makes => Some(self.ledger.reserve(Usage::ONE_NODE)?),
            _ => None,
        };
        let _file = before.and_then(|node| self.ledger.file(node.id));
        let size_before = match before {
            Some(_) if how.truncate => self.backend.stat(at)?.size,
            _ => 0,
        };
        let file = self.backend.open(at, how)?;
        let node = file.metadata()?;
        if let Some(room) = room {
            room.keep();
        }
        if how.truncate {
            self.ledger
                .release(Usage::bytes(size_before.saturating_sub(node.size)));
        }
        Ok(Box::new(QuotaFile::new(file, node.id, self.ledger.clone())))
    }

    fn change(&self, change: &Change<'_>) -> Result<()> {
        let _names = self.ledger.names();
        match *change {
            Change::Create(..) => {
                let room = self.ledger.reserve(Usage::ONE_NODE);
                let room = room.map_err(|error| error.or_path(change.at().path))?;
                self.backend.change(change)?;
                room.keep();
                Ok(())
            }
            Change::Unlink(at) | Change::Rmdir(at) => {
                let node = self.existing(at)?;
                self.backend.change(change)?;
                if let Some(node) = node {
                    self.ledger.lost_name(&node);
                }
                Ok(())
            }
            Change::Rename { from, to, mode } => self.rename(change, [from, to], mode),
            Change::SetAttr(
                at,
                SetAttr {
                    size: Some(size_bytes),
                    ..
                },
            ) => self.set_size(change, at, *size_bytes),
            Change::Link { .. } | Change::SetAttr(..) | Change::SetXattr(..) => {
                self.backend.change(change)
            }
        }
    }

    fn stage(&self, at: At<'_>, new: &NewNode) -> Result<Box<dyn Staged>> {
        let staged = self.backend.stage(at, new)?;
        let (backend, ledger) = (self.backend.clone(), self.ledger.clone());
        Ok(Box::new(QuotaStaged::new(staged, at, backend, ledger)))
    }

    /// In one step below when every node goes to a name of its own and there is room for all; otherwise one by one.
    fn commit_all(&self, staged: Vec<(Box<dyn Staged>, RenameMode)>) -> Vec<Result<FileId>> {
        let _names = self.ledger.names();
        let mut own = Vec::new();
        for (item, mode) in staged {
            let any: Box<dyn Any> = item;
            own.push((any.downcast::<QuotaStaged<B>>().ok(), mode));
        }
        if !one_step(&*self.backend, &own) {
            let foreign = || Err(Error::new(ErrorKind::BadHandle, "commit"));
            return own
                .into_iter()
                .map(|(item, mode)| match item {
                    Some(item) => commit_one(&*self.backend, &self.ledger, *item, mode),
                    None => foreign(),
                })
                .collect();
        }
        let (mut passed, mut books) = (Vec::new(), Vec::new());
        for (item, mode) in own {
            let prepared = item
                .ok_or_else(|| Error::new(ErrorKind::BadHandle, "commit"))
                .and_then(|item| item.into_parts())
                .and_then(|(parts, content)| {
                    let pending =
                        Pending::new(&*self.backend, &self.ledger, (&parts, mode), content)?;
                    Ok((parts, pending))
                });
            books.push(prepared.map(|(parts, pending)| {
                passed.push((parts.staged.into_inner(), mode));
                pending
            }));
        }
        let mut done = self.backend.commit_all(passed).into_iter();
        let mut settle = |pending: Pending| {
            let lost = || Err(Error::new(ErrorKind::Io, "commit"));
            let result = done.next().unwrap_or_else(lost);
            pending.settle(&self.ledger, &result);
            result
        };
        books
            .into_iter()
            .map(|book| book.and_then(&mut settle))
            .collect()
    }

    fn sync(&self, scope: Scope<'_>) -> Result<()> {
        self.backend.sync(scope)
    }

    fn pin(&self, at: At<'_>) -> Result<Node> {
        self.backend.pin(at)
    }

    fn read_link(&self, at: At<'_>) -> Result<OsString> {
        self.backend.read_link(at)
    }

    fn get_xattr(&self, at: At<'_>, name: &OsStr) -> Result<Vec<u8>> {
        self.backend.get_xattr(at, name)
    }

    fn list_xattrs(&self, at: At<'_>) -> Result<Vec<OsString>> {
        self.backend.list_xattrs(at)
    }

    fn extensions(&self) -> Extensions<'_> {
        let below = self.backend.extensions();
        Extensions {
            space: Some(self),
            trash: below.trash.map(|_| self as &dyn Trash),
            // What goes back in time was counted as it was, not as it becomes.
            snapshots: None,
            ..below
        }
    }

    fn close(&self) -> Result<()> {
        self.backend.close()
    }
}
