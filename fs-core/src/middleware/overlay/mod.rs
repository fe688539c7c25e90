//! A writable layer over a base that never changes.
//!
//! `Overlay<Base, Upper>` behaves like a private copy of the base: what is changed is kept in the upper, what is deleted is marked there, and dropping the
//! upper rolls everything back. Everything persists in the upper in the form the kernel's overlayfs keeps it (`mount -t overlay -o userxattr`), so an upper
//! on a host folder mounts with the kernel, and a layer folder of Docker or Podman can be an upper here. A stack of N layers is overlays nested.
//!
//! Where an overlay differs from a private copy, as the kernel's does: hard links of the base are separate files once one of them is copied up; directories
//! of both layers count one link; the change time (ctime) of a node that is copied up is that of the copying. Renaming a directory of the base copies what is
//! below it, up to [`RENAME_LIMIT_ENTRIES`] and [`RENAME_LIMIT_BYTES`], beyond which it is `CrossDevice` and nothing has changed. A file opened for reading
//! before another writer's copy-up sees the new content. The upper must be able to stage nodes, and to be crash-safe in every step it needs rename with
//! exchange and whiteouts; all filesystems of this project can.

mod attributes;
mod base;
mod base_identity;
mod change;
mod commit;
mod copy_up;
mod core;
mod dirs;
mod events;
mod file;
mod identity;
mod layers;
mod link;
mod list;
mod lookup;
mod names;
mod notes;
mod open;
mod pins;
mod read;
mod remove;
mod rename;
mod stage;
mod trash;
mod upper;
mod watch;
mod xattr;

use std::any::Any;
use std::ffi::{OsStr, OsString};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use self::core::Core;
use crate::backend::{At, Backend, Change, Node, RenameMode, Scope, Want};
use crate::capabilities::Capabilities;
use crate::error::Result;
use crate::extensions::{
    Deletion, Deletions, Extensions, LayerChange, Layers, Notes, Origin, Space, SpaceInfo, Trash,
    TrashId, TrashItem, TreeSink, Watch, WatchSink,
};
use crate::file::{File, OpenOptions, Staged};
use crate::listing::Listing;
use crate::metadata::{FileId, Metadata, NewNode};
use crate::path::VPath;

/// Most entries of the base that renaming one directory copies up.
pub const RENAME_LIMIT_ENTRIES: usize = 10_000;

/// Most bytes of the base that renaming one directory copies up.
pub const RENAME_LIMIT_BYTES: u64 = 256 << 20;

/// Two filesystems as one: `upper` over `base`. See the [module](self).
pub struct Overlay<Base, Upper> {
    base: Arc<Base>,
    upper: Arc<Upper>,
    core: Arc<Core>,
}

impl<Base: Backend + 'static, Upper: Backend + 'static> Overlay<Base, Upper> {
    /// Puts `upper`, empty or used as one before, over `base`. Touches neither until the first call.
    ///
    /// When both are one folder, every call answers `SameFile`; one inside the other is for whoever opens them to refuse. When the upper was made over
    /// another base, every call answers `WrongBase` ([`Overlay::accepting_base`] lets it be).
    pub fn new(base: Base, upper: Upper) -> Self {
        let (base, upper) = (Arc::new(base), Arc::new(upper));
        Self {
            core: Arc::new(Core::new(base.clone(), upper.clone())),
            base,
            upper,
        }
    }

    /// Lets the upper be used over this base although it was made over another one, whose deletions and copies now apply here. From the first change on it
    /// belongs to this base.
    #[must_use]
    pub fn accepting_base(self) -> Self {
        self.core.base_accepted.store(true, Ordering::Relaxed);
        self
    }

    /// Makes this base the upper's, for good; what the upper deleted and copied applies here from now on. Writes to the upper.
    pub fn adopt_base(&self) -> Result<()> {
        self.core.base_accepted.store(true, Ordering::Relaxed);
        self.core.adopt_base()
    }

    /// Can the two be put together? `SameFile`: they are one folder; `WrongBase`: the upper was made over another base. What every call finds out, before
    /// the first one.
    pub fn check(&self) -> Result<()> {
        self.core.ids().map(drop)
    }

    /// With another limit than [`RENAME_LIMIT_ENTRIES`].
    #[must_use]
    pub fn with_rename_limit(self, entries: usize) -> Self {
        self.core
            .rename_limit_entries
            .store(entries, Ordering::Relaxed);
        self
    }

    /// The lower layer.
    pub fn base(&self) -> &Base {
        &self.base
    }

    /// The writable layer. Changing it while the overlay is in use shows at once, but open files and pinned nodes do not follow.
    pub fn upper(&self) -> &Upper {
        &self.upper
    }
}

/// The path and the operation as the caller named them.
fn told<T>(result: Result<T>, operation: &'static str, path: &VPath) -> Result<T> {
    result.map_err(|error| error.with_operation(operation).with_path(path))
}

impl<Base: Backend + 'static, Upper: Backend + 'static> Backend for Overlay<Base, Upper> {
    fn capabilities(&self, _at: At<'_>) -> Capabilities {
        self.core.capabilities()
    }

    fn stat(&self, at: At<'_>) -> Result<Metadata> {
        told(self.core.stat(at), "stat", at.path)
    }

    fn list(&self, at: At<'_>, want: &Want) -> Result<Box<dyn Listing>> {
        told(self.core.list(at, want), "list", at.path)
    }

    fn open(&self, at: At<'_>, how: &OpenOptions) -> Result<Box<dyn File>> {
        told(self.core.open(at, how), "open", at.path)
    }

    fn change(&self, change: &Change<'_>) -> Result<()> {
        let done = self.core.change(change);
        told(done, change.operation(), change.at().path)
    }

    fn stage(&self, at: At<'_>, new: &NewNode) -> Result<Box<dyn Staged>> {
        told(self.core.stage(at, new), "stage", at.path)
    }

    fn commit_all(&self, staged: Vec<(Box<dyn Staged>, RenameMode)>) -> Vec<Result<FileId>> {
        self.core.commit_all(staged)
    }

    fn sync(&self, scope: Scope<'_>) -> Result<()> {
        match scope {
            Scope::All => self.core.upper.backend().sync(Scope::All),
            Scope::Node(at) => told(self.core.sync_node(at), "sync", at.path),
        }
    }

    fn pin(&self, at: At<'_>) -> Result<Node> {
        told(self.core.pin(at), "pin", at.path)
    }

    fn read_link(&self, at: At<'_>) -> Result<OsString> {
        told(self.core.read_link(at), "read link", at.path)
    }

    fn get_xattr(&self, at: At<'_>, name: &OsStr) -> Result<Vec<u8>> {
        let value = self.core.get_xattr(at, name);
        told(value, "get extended attribute", at.path)
    }

    fn list_xattrs(&self, at: At<'_>) -> Result<Vec<OsString>> {
        let names = self.core.list_xattrs(at);
        told(names, "list extended attributes", at.path)
    }

    fn extensions(&self) -> Extensions<'_> {
        let upper = self.core.upper.backend().extensions();
        Extensions {
            space: upper.space.map(|_| self as &dyn SpaceInfo),
            watch: Some(self),
            trash: upper.trash.map(|_| self as &dyn Trash),
            layers: Some(self),
            deletions: Some(self),
            notes: self.core.notes().map(|_| self as &dyn Notes),
            // Neither layer knows what the other hides.
            search: None,
            // Its layers are looked after each by itself, and no moment of one fits the others.
            maintenance: None,
            snapshots: None,
        }
    }

    fn close(&self) -> Result<()> {
        let upper = self.core.upper.backend().close();
        upper.and(self.core.base.close())
    }
}

impl<Base: Backend + 'static, Upper: Backend + 'static> SpaceInfo for Overlay<Base, Upper> {
    /// That of the upper: only it is ever filled.
    fn space(&self, at: At<'_>) -> Result<Space> {
        told(self.core.space(), "space", at.path)
    }
}

impl<Base: Backend + 'static, Upper: Backend + 'static> Watch for Overlay<Base, Upper> {
    fn watch(&self, dir: &VPath, sink: WatchSink) -> Result<Box<dyn Any + Send>> {
        told(self.core.watch(dir, sink), "watch", dir)
    }

    /// Where both layers tell of everything.
    fn watch_all(&self, sink: TreeSink) -> Result<Box<dyn Any + Send>> {
        self.core.watch_all(sink)
    }
}

impl<Base: Backend + 'static, Upper: Backend + 'static> Layers for Overlay<Base, Upper> {
    fn count(&self) -> usize {
        self.core.layer_count()
    }

    fn origin(&self, path: &VPath) -> Result<Origin> {
        told(self.core.layer_of(path), "layer", path)
    }

    fn deleted(&self, dir: &VPath) -> Result<Vec<Deletion>> {
        told(self.core.deleted_in(dir), "deleted names", dir)
    }

    fn changes(&self, dir: &VPath) -> Result<Vec<LayerChange>> {
        told(self.core.changes_in(dir), "changes", dir)
    }
}

impl<Base: Backend + 'static, Upper: Backend + 'static> Deletions for Overlay<Base, Upper> {
    fn reveal(&self, path: &VPath) -> Result<()> {
        told(self.core.reveal(path), "restore", path)
    }

    fn conceal(&self, path: &VPath) -> Result<()> {
        told(self.core.conceal(path), "delete", path)
    }
}

impl<Base: Backend + 'static, Upper: Backend + 'static> Trash for Overlay<Base, Upper> {
    fn discard(&self, path: &VPath) -> Result<TrashId> {
        told(self.core.discard(path), "move to trash", path)
    }

    fn restore(&self, id: &TrashId, to: &VPath, mode: RenameMode) -> Result<()> {
        told(self.core.restore(id, to, mode), "restore", to)
    }

    fn items(&self) -> Result<Vec<TrashItem>> {
        self.core.trash_items()
    }

    fn purge(&self, id: &TrashId) -> Result<()> {
        self.core.purge(id)
    }
}
