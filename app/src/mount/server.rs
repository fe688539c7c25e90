//! A mounted filesystem: what its answers share.

use std::sync::Arc;

use fs_core::{At, Backend, Change, Metadata, VPath};
use fuser::Request;

use super::caches::{Answering, Caching, Changes, for_kernel};
use super::durable::Activity;
use super::files::OpenFile;
use super::folders::OpenFolder;
use super::gathered::Gathering;
use super::handles::Handles;
use super::inodes::{Inode, Inodes};

/// Who asks.
#[derive(Clone, Copy)]
pub struct Caller {
    /// Its user.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
}

impl From<&Request> for Caller {
    fn from(request: &Request) -> Self {
        Self {
            uid: request.uid(),
            gid: request.gid(),
        }
    }
}

/// A mounted filesystem.
pub struct Server {
    pub(super) backend: Arc<dyn Backend>,
    pub(super) inodes: Arc<Inodes>,
    pub(super) files: Handles<OpenFile>,
    pub(super) folders: Handles<OpenFolder>,
    pub(super) activity: Arc<Activity>,
    pub(super) caching: Caching,
    pub(super) gathering: Arc<Gathering>,
    /// Do writes wait for more? Not on the host, which gathers them itself.
    pub(super) gathers: bool,
    changes: Arc<Changes>,
    told: bool,
    /// Pins follow names (of a layered filesystem): each lookup renews them.
    pub(super) repin: bool,
}

impl Server {
    /// Serves `backend`. `changes`: what others change, if anybody is told of it. Errors: those of pinning its root.
    pub fn new(
        backend: Arc<dyn Backend>,
        activity: Arc<Activity>,
        caching: Caching,
        (changes, told): (Arc<Changes>, bool),
    ) -> fs_core::Result<Self> {
        let root = VPath::root();
        let node = backend.pin(At::path(&root))?;
        let metadata = backend.stat(At::path(&root))?;
        let repin = backend.extensions().layers.is_some();
        Ok(Self {
            inodes: Arc::new(Inodes::new(node, metadata)),
            files: Handles::default(),
            folders: Handles::default(),
            gathering: Arc::new(Gathering::new(Arc::clone(&activity), Arc::clone(&changes))),
            gathers: repin || caching.keeps(),
            activity,
            caching,
            changes,
            told,
            repin,
            backend,
        })
    }

    /// The numbers the kernel knows.
    pub fn inodes(&self) -> Arc<Inodes> {
        Arc::clone(&self.inodes)
    }

    /// What waits to be written.
    pub fn gathering(&self) -> Arc<Gathering> {
        Arc::clone(&self.gathering)
    }

    /// Notes what is known of a node now. When it is another one, which of layers it may be, nothing the kernel keeps of it is so.
    pub(super) fn note(&self, inode: &Inode, metadata: &Metadata) {
        if self.inodes.note(inode, metadata) {
            self.changes.forget(inode.number());
        }
    }

    /// Makes a change the kernel asked for.
    pub(super) fn change(&self, change: &Change<'_>) -> fs_core::Result<()> {
        self.changing(|| self.backend.change(change))
    }

    /// Runs what makes a change the kernel asked for.
    pub(super) fn changing<T>(&self, f: impl FnOnce() -> T) -> T {
        let done = for_kernel(f);
        self.activity.changed();
        done
    }

    /// To be held from before a look at what a name or a node is until the kernel has the answer: it is told of no changes meanwhile.
    pub(super) fn looking(&self) -> Option<Answering<'_>> {
        self.told.then(|| self.changes.answering())
    }
}
