//! The two layers, what the overlay knows about them, and the order in which changes take turns.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use parking_lot::{Condvar, Mutex, RwLock};

use super::base::Base;
use super::dirs::Dirs;
use super::events::Told;
use super::identity::Ids;
use super::pins::{Pin, Pins, Place};
use super::upper::{Form, Upper, refused};
use super::watch::Watchers;
use super::{attributes, copy_up::Content, xattr};
use crate::backend::{At, Backend, Change, Node, Want};
use crate::capabilities::Capabilities;
use crate::error::{Error, ErrorKind, Result};
use crate::listing::EntryBatch;
use crate::metadata::Metadata;
use crate::path::VPath;

/// What every file, listing and staged node of an overlay shares.
pub(super) struct Core {
    pub base: Base,
    pub upper: Upper,
    /// Held for reading from before a place is looked up until it was read, for writing from before that until a change is published; so whoever calls
    /// from whichever thread needs no lock of its own. Content is copied outside it.
    pub tree: RwLock<()>,
    /// How often something of the base came to show again.
    pub revealed: AtomicU64,
    pub dirs: Dirs,
    pub pins: Arc<Pins>,
    pub watchers: Arc<Watchers>,
    pub told: Arc<Told>,
    /// Largest directory tree of the base, in entries, that a rename copies up.
    pub rename_limit_entries: AtomicUsize,
    /// The upper may be used over another base than it was made over.
    pub base_accepted: AtomicBool,
    ids: OnceLock<Ids>,
    root_ready: AtomicBool,
    copying: Mutex<HashSet<VPath>>,
    copied: Condvar,
}

/// What a change found out under the lock.
pub(super) enum Outcome<T> {
    /// It is made.
    Done(T),
    /// This node must be in the upper first.
    CopyUp(VPath, Content),
    /// Everything below this directory must be in the upper first.
    CopyUpTree(VPath),
}

impl<T> Outcome<T> {
    /// Changes what was done.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Outcome<U> {
        match self {
            Self::Done(done) => Outcome::Done(f(done)),
            Self::CopyUp(path, content) => Outcome::CopyUp(path, content),
            Self::CopyUpTree(path) => Outcome::CopyUpTree(path),
        }
    }
}

/// How often a change is planned anew when what it needs copied moves away meanwhile.
const MOST_PLANS: usize = 1000;

/// Where an [`At`] leads.
pub(super) enum Target {
    /// Into the visible tree.
    Tree(VPath),
    /// To or below a node of the upper that is not in the visible tree.
    Upper(Node, VPath),
    /// To a removed node of the base.
    Base(Node),
}

impl Core {
    pub fn new(base: Arc<dyn Backend>, upper: Arc<dyn Backend>) -> Self {
        Self {
            base: Base::new(base),
            upper: Upper::new(upper),
            tree: RwLock::new(()),
            revealed: AtomicU64::new(0),
            dirs: Dirs::default(),
            pins: Arc::default(),
            watchers: Arc::default(),
            told: Arc::default(),
            rename_limit_entries: AtomicUsize::new(super::RENAME_LIMIT_ENTRIES),
            base_accepted: AtomicBool::new(false),
            ids: OnceLock::new(),
            root_ready: AtomicBool::new(false),
            copying: Mutex::default(),
            copied: Condvar::new(),
        }
    }

    /// The numbers of this overlay. `SameFile`: base and upper are one filesystem folder; `WrongBase`: the upper belongs to another base.
    pub fn ids(&self) -> Result<&Ids> {
        if let Some(ids) = self.ids.get() {
            return Ok(ids);
        }
        let root = VPath::root();
        let base = self.base.stat(At::path(&root))?.id;
        let upper = self.upper.backend().stat(At::path(&root))?.id;
        if base == upper {
            return Err(Error::new(ErrorKind::SameFile, "overlay")
                .with_detail("the base and the upper layer are the same folder"));
        }
        let identity = self.check_base(self.base_accepted.load(Ordering::Relaxed))?;
        let tag = identity.map_or(0, |identity| identity.tag());
        Ok(self.ids.get_or_init(|| Ids::new(base, upper, tag)))
    }

    /// Where `at` leads, for as long as the caller holds the lock. `InvalidInput`: pinned by another filesystem; `NotFound`: below a removed node.
    pub fn target(&self, at: At<'_>) -> Result<Target> {
        self.ids()?;
        let Some(node) = at.dir else {
            return Ok(Target::Tree(at.path.clone()));
        };
        let pin = node
            .shared_pin::<Pin>()
            .ok_or_else(|| Error::new(ErrorKind::InvalidInput, "pinned node"))?;
        match pin.place() {
            Place::Tree(path) => Ok(Target::Tree(path.append(at.path))),
            Place::Upper(node) => Ok(Target::Upper(node, self.upper.kept(at.path)?)),
            Place::Base(node) if at.path.is_root() => Ok(Target::Base(node)),
            Place::Base(_) | Place::Lost => Err(Error::new(ErrorKind::NotFound, "pinned node")),
        }
    }

    /// Makes one change: `plan` looks and changes under the lock; when something must be copied up first, that is done outside it and `plan` looks anew,
    /// also where it is now, if it moved meanwhile.
    pub fn mutate<T>(self: &Arc<Self>, mut plan: impl FnMut() -> Result<Outcome<T>>) -> Result<T> {
        let mut plans = 0;
        loop {
            let outcome = {
                let _tree = self.tree.write();
                self.ready_root()?;
                plan()?
            };
            let copied = match outcome {
                Outcome::Done(done) => return Ok(done),
                Outcome::CopyUp(path, content) => self.copy_up(&path, content),
                Outcome::CopyUpTree(path) => self.copy_up_tree(&path),
            };
            plans += 1;
            match copied {
                Err(error) if moved(&error) && plans < MOST_PLANS => {}
                other => other?,
            }
        }
    }

    /// Does what the first change would do, one change of what the upper says about its base among it.
    pub fn adopt_base(self: &Arc<Self>) -> Result<()> {
        self.ids()?;
        self.mutate(|| Ok(Outcome::Done(())))
    }

    /// Before the first change: the form of marks is settled, and the upper's root gets the attributes of the base's.
    fn ready_root(&self) -> Result<()> {
        if self.root_ready.load(Ordering::Acquire) {
            return Ok(());
        }
        let root = VPath::root();
        let upper = self.upper.backend().stat(At::path(&root))?;
        let ours = self.root_is_ours(&upper)?;
        self.upper.prove()?;
        if !ours {
            let base = self.base.stat(At::path(&root))?;
            for name in self.base.list_xattrs(At::path(&root))? {
                let value = self.base.get_xattr(At::path(&root), &name)?;
                attributes::tolerate(self.upper.change(&Change::SetXattr(
                    At::path(&root),
                    &xattr::stored(&name),
                    Some(&value),
                )))?;
            }
            let owner = attributes::owner(&base);
            attributes::tolerate(self.upper.change(&Change::SetAttr(At::path(&root), &owner)))?;
            let rest = attributes::all_but_owner(&base);
            attributes::tolerate(self.upper.change(&Change::SetAttr(At::path(&root), &rest)))?;
            if self.upper.has(Capabilities::XATTRS) {
                let origin = self.ids()?.origin_value(base.id);
                attributes::tolerate(self.upper.change(&Change::SetXattr(
                    At::path(&root),
                    OsStr::new(xattr::ORIGIN),
                    Some(&origin),
                )))?;
            }
        }
        self.record_base()?;
        self.dirs.forget_all();
        self.root_ready.store(true, Ordering::Release);
        self.told.aside(self.ids()?.root());
        Ok(())
    }

    /// Do the root's attributes come from the upper? Not while the upper is as new: without our mark and empty. (An upper that can hold device nodes but no
    /// attributes is as new again when everything in it was removed.)
    pub fn root_is_ours(&self, upper: &Metadata) -> Result<bool> {
        if self.root_ready.load(Ordering::Acquire) {
            return Ok(true);
        }
        let root = VPath::root();
        if self.origin(At::path(&root), upper.id)?.is_some() {
            return Ok(true);
        }
        let mut listing = self.upper.list(&root, &Want::names())?;
        let mut batch = EntryBatch::new();
        while listing.next(&mut batch)? && batch.is_empty() {}
        Ok(!batch.is_empty())
    }

    /// Sets one of the overlay's own attributes on a node of the upper; `false`: it can hold none.
    pub fn mark(&self, kept: &VPath, name: &str, value: &[u8]) -> Result<bool> {
        if !self.upper.has(Capabilities::XATTRS) {
            return Ok(false);
        }
        self.dirs.forget_all();
        let change = Change::SetXattr(At::path(kept), OsStr::new(name), Some(value));
        match self.upper.change(&change) {
            Ok(()) => Ok(true),
            Err(error) if refused(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Waits until nobody else copies up `path`, and keeps others from it.
    pub fn take_turn(self: &Arc<Self>, path: &VPath) -> Turn {
        let mut copying = self.copying.lock();
        while !copying.insert(path.clone()) {
            self.copied.wait(&mut copying);
        }
        Turn(self.clone(), path.clone())
    }

    /// Are marks files beside the entries?
    pub fn marks_are_files(&self) -> Result<bool> {
        Ok(self.upper.form()? == Form::Files)
    }
}

/// Is this what copying says of something that is no longer where it was?
fn moved(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::AlreadyExists
    )
}

/// The right to copy up one path; given back when dropped.
pub(super) struct Turn(Arc<Core>, VPath);

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.copying.lock().remove(&self.1);
        self.0.copied.notify_all();
    }
}
