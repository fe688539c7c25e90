//! A memory filesystem that calls back before and after everything that changes it, its trash too.

use std::ffi::{OsStr, OsString};
use std::sync::Arc;

use fs_backends::MemoryBackend;
use fs_core::extensions::{Extensions, Trash, TrashId, TrashItem};
use fs_core::*;

#[derive(Clone)]
pub struct Watched {
    backend: Arc<MemoryBackend>,
    moment: Arc<dyn Fn() + Send + Sync>,
}

impl Watched {
    pub fn new(backend: Arc<MemoryBackend>, moment: impl Fn() + Send + Sync + 'static) -> Self {
        Self {
            backend,
            moment: Arc::new(moment),
        }
    }

    fn around<T>(&self, act: impl FnOnce(&MemoryBackend) -> T) -> T {
        (self.moment)();
        let done = act(&self.backend);
        (self.moment)();
        done
    }

    fn trash(&self) -> &dyn Trash {
        self.backend.extensions().trash.unwrap()
    }
}

impl Backend for Watched {
    fn capabilities(&self, at: At<'_>) -> Capabilities {
        // An operation on a filesystem that forgets is not journalled on disk.
        self.backend.capabilities(at) - Capabilities::VOLATILE
    }
    fn stat(&self, at: At<'_>) -> Result<Metadata> {
        self.backend.stat(at)
    }
    fn list(&self, at: At<'_>, want: &Want) -> Result<Box<dyn Listing>> {
        self.backend.list(at, want)
    }
    fn open(&self, at: At<'_>, how: &OpenOptions) -> Result<Box<dyn File>> {
        self.backend.open(at, how)
    }
    fn change(&self, change: &Change<'_>) -> Result<()> {
        self.around(|backend| backend.change(change))
    }
    fn stage(&self, at: At<'_>, new: &NewNode) -> Result<Box<dyn Staged>> {
        self.backend.stage(at, new)
    }
    fn commit_all(&self, staged: Vec<(Box<dyn Staged>, RenameMode)>) -> Vec<Result<FileId>> {
        self.around(|backend| backend.commit_all(staged))
    }
    fn sync(&self, scope: Scope<'_>) -> Result<()> {
        self.around(|backend| backend.sync(scope))
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
        let mut extensions = self.backend.extensions();
        extensions.trash = Some(self);
        extensions
    }
}

impl Trash for Watched {
    fn discard(&self, path: &VPath) -> Result<TrashId> {
        self.around(|_| self.trash().discard(path))
    }
    fn discard_as(&self, path: &VPath, original: &VPath) -> Result<TrashId> {
        self.around(|_| self.trash().discard_as(path, original))
    }
    fn restore(&self, id: &TrashId, to: &VPath, mode: RenameMode) -> Result<()> {
        self.around(|_| self.trash().restore(id, to, mode))
    }
    fn items(&self) -> Result<Vec<TrashItem>> {
        self.trash().items()
    }
    fn purge(&self, id: &TrashId) -> Result<()> {
        self.around(|_| self.trash().purge(id))
    }
}
