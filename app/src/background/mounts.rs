//! The open filesystems: the one place of the window that holds them.

use std::collections::HashMap;
use std::sync::Arc;

use fs_backends::{MemoryBackend, StdFsBackend};
use fs_core::ops::{Filesystems, FsRef};
use fs_core::{Backend, Error, ErrorKind, Result};
use parking_lot::RwLock;

use super::guard::Guarded;
use crate::state::filesystem::HOST;

/// An open filesystem.
#[derive(Clone)]
pub struct Mount {
    /// The filesystem, behind the guard.
    pub backend: Arc<dyn Backend>,
    /// Is it encrypted?
    pub encrypted: bool,
    /// The same as `backend` when it is in memory, for saving it.
    pub memory: Option<Arc<MemoryBackend>>,
    /// Nothing can be changed in it.
    pub read_only: bool,
}

/// All open filesystems by name.
#[derive(Default)]
pub struct Mounts(RwLock<HashMap<FsRef, Mount>>);

impl Mounts {
    /// Keeps a filesystem that was just opened.
    pub fn insert(&self, fs: FsRef, mut mount: Mount) {
        mount.backend = Arc::new(Guarded(mount.backend));
        self.0.write().insert(fs, mount);
    }

    /// Lets go of a filesystem; who still works with it keeps it until then.
    pub fn remove(&self, fs: &FsRef) -> Option<Mount> {
        self.0.write().remove(fs)
    }

    /// An open filesystem. `Closed` when it is not.
    pub fn get(&self, fs: &FsRef) -> Result<Mount> {
        self.0
            .read()
            .get(fs)
            .cloned()
            .ok_or_else(|| Error::new(ErrorKind::Closed, "use").with_path(fs.as_str()))
    }

    /// All of them, taken out; for leaving.
    pub fn drain(&self) -> Vec<Mount> {
        self.0.write().drain().map(|(_, mount)| mount).collect()
    }
}

impl Filesystems for Mounts {
    fn backend(&self, fs: &FsRef) -> Result<Arc<dyn Backend>> {
        if fs.as_str() == HOST && self.get(fs).is_err() {
            // Files of this computer can be pasted or dropped without any tab that shows it.
            self.insert(
                fs.clone(),
                Mount {
                    backend: Arc::new(StdFsBackend::new()),
                    encrypted: false,
                    memory: None,
                    read_only: false,
                },
            );
        }
        Ok(self.get(fs)?.backend)
    }

    fn is_private(&self, fs: &FsRef) -> bool {
        self.get(fs).is_ok_and(|mount| mount.encrypted)
    }
}
