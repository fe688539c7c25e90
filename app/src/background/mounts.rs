//! The open filesystems: the one place of the window that holds them.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Weak};

use fs_backends::location::{Kind, Location, OpenHow, Opened, Part, Root};
use fs_backends::{MemoryBackend, StdFsBackend};
use fs_core::ops::{Filesystems, FsRef};
use fs_core::{Backend, Error, ErrorKind, Result};
use parking_lot::{Mutex, RwLock};

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
    /// A stack as it was opened, for saving its layers that are in memory.
    pub stack: Option<Opened>,
    /// What was opened for it.
    pub parts: Vec<Part>,
    /// Nothing can be changed in it.
    pub read_only: bool,
}

/// All open filesystems by name.
#[derive(Default)]
pub struct Mounts {
    open: RwLock<HashMap<FsRef, Mount>>,
    /// Opened without a tab, for an operation that goes on with something of the past; closed when that lets go of it.
    lent: Mutex<HashMap<FsRef, Weak<dyn Backend>>>,
}

impl Mounts {
    /// Keeps a filesystem that was just opened.
    pub fn insert(&self, fs: FsRef, mut mount: Mount) {
        mount.backend = Arc::new(Guarded(mount.backend));
        self.open.write().insert(fs, mount);
    }

    /// Lets go of a filesystem; who still works with it keeps it until then.
    pub fn remove(&self, fs: &FsRef) -> Option<Mount> {
        self.open.write().remove(fs)
    }

    /// An open filesystem. `Closed` when it is not.
    pub fn get(&self, fs: &FsRef) -> Result<Mount> {
        self.open
            .read()
            .get(fs)
            .cloned()
            .ok_or_else(|| Error::new(ErrorKind::Closed, "use").with_path(fs.as_str()))
    }

    /// All of them, taken out; for leaving.
    pub fn drain(&self) -> Vec<Mount> {
        self.open.write().drain().map(|(_, mount)| mount).collect()
    }

    /// A filesystem that an operation has open without a tab.
    pub fn lent(&self, fs: &FsRef) -> Option<Arc<dyn Backend>> {
        self.lent.lock().get(fs)?.upgrade()
    }

    /// Opens a filesystem that needs no password, for as long as somebody holds it.
    fn lend(&self, fs: &FsRef, location: &Location) -> Result<Arc<dyn Backend>> {
        let mut lent = self.lent.lock();
        if let Some(backend) = lent.get(fs).and_then(Weak::upgrade) {
            return Ok(backend);
        }
        let opened = location.open(&OpenHow::default())?;
        let backend: Arc<dyn Backend> = Arc::new(Guarded(opened.backend));
        lent.insert(fs.clone(), Arc::downgrade(&backend));
        Ok(backend)
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
                    stack: None,
                    parts: Vec::new(),
                    read_only: false,
                },
            );
        }
        self.get(fs).map(|mount| mount.backend).or_else(|closed| {
            match Location::parse(fs.as_str(), Path::new("/")) {
                // What is in memory has to be saved, and a stack may have it as a layer: those need a tab.
                Ok(location)
                    if matches!(location.kind(), Kind::Vault | Kind::Store | Kind::VRoot) =>
                {
                    self.lend(fs, &location)
                }
                _ => Err(closed),
            }
        })
    }

    fn is_gone(&self, fs: &FsRef) -> bool {
        let location = Location::parse(fs.as_str(), Path::new("/"));
        let in_memory =
            location.is_ok_and(|location| matches!(location.root(), Root::Memory { .. }));
        in_memory && self.get(fs).is_err()
    }
}
