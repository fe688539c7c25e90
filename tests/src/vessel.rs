//! The filesystems that are kept in files of their own, as a crash test makes, opens and acknowledges them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use fs_backends::indexed::StoreOptions;
use fs_backends::sqlite::{Durability, VaultOptions};
use fs_backends::{MemoryBackend, StdFsBackend};
use fs_core::{Backend, FileStorage, Overlay, Result, Subtree, VPath};

use crate::script::{Model, base_files, content};

/// The password of an encrypted one, and the one it is changed to.
pub const PASSWORDS: [&str; 2] = ["first", "second"];

/// The file of the lower layer of an overlay.
const BASE: &str = "base.mem";

/// A kind of filesystem that outlives its process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vessel {
    /// A vault without a password.
    Plain,
    /// A vault with one.
    Encrypted,
    /// Index and blobs.
    Store,
    /// The same with a password.
    EncryptedStore,
    /// In memory, saved to a file after each step.
    Memory,
    /// A folder of the host.
    Host,
    /// A vault without a password over a saved memory filesystem that has files.
    Overlay,
}

/// An open one.
pub struct Open {
    /// The filesystem.
    pub backend: Arc<dyn Backend>,
    /// What of it can be checked: itself, or the upper layer.
    pub checked: Arc<dyn Backend>,
    durability: Durability,
    memory: Option<(Arc<MemoryBackend>, PathBuf)>,
}

impl Vessel {
    /// All kinds.
    pub const ALL: [Self; 7] = [
        Self::Plain,
        Self::Encrypted,
        Self::Store,
        Self::EncryptedStore,
        Self::Memory,
        Self::Host,
        Self::Overlay,
    ];

    /// The one whose `Debug` name this is.
    pub fn named(name: &str) -> Self {
        let found = Self::ALL.into_iter().find(|it| format!("{it:?}") == name);
        found.expect("the name of a vessel")
    }

    /// Its file or folder in `folder`.
    pub fn place(self, folder: &Path) -> PathBuf {
        folder.join(match self {
            Self::Plain | Self::Encrypted | Self::Overlay => "v.db",
            Self::Store | Self::EncryptedStore => "store",
            Self::Memory => "saved.mem",
            Self::Host => "host",
        })
    }

    /// Makes one in `folder`, with the folders scripts work in, and closes it.
    ///
    /// Errors: those of the host.
    pub fn make(self, folder: &Path) -> Result<()> {
        let place = self.place(folder);
        let vault = VaultOptions::new().durability(Durability::OnSync);
        let backend: Arc<dyn Backend> = match self {
            Self::Overlay => {
                let base = MemoryBackend::new();
                make_folders(&base)?;
                for (path, pieces) in self.files() {
                    FileStorage::new(&base).write(path, content(&pieces))?;
                }
                base.save_to(folder.join(BASE))?;
                return vault.create(&place)?.close();
            }
            Self::Plain => Arc::new(vault.create(&place)?),
            Self::Encrypted => Arc::new(vault.password(PASSWORDS[0]).create(&place)?),
            Self::Store => Arc::new(StoreOptions::new().create(&place)?),
            Self::EncryptedStore => {
                Arc::new(StoreOptions::new().password(PASSWORDS[0]).create(&place)?)
            }
            Self::Memory => {
                let memory = MemoryBackend::new();
                make_folders(&memory)?;
                return memory.save_to(&place);
            }
            Self::Host => {
                std::fs::create_dir(&place)
                    .map_err(|error| fs_core::Error::from_io(error, "make"))?;
                self.open(folder, "", Durability::OnSync)?.backend
            }
        };
        make_folders(&backend)?;
        backend.close()
    }

    /// Opens the one in `folder`.
    ///
    /// Errors: those of opening.
    pub fn open(self, folder: &Path, password: &str, durability: Durability) -> Result<Open> {
        self.open_as(folder, password, durability, false)
    }

    /// Opens the vault or store in `folder` only to read.
    ///
    /// Errors: those of opening.
    pub fn look(self, folder: &Path, password: &str) -> Result<Open> {
        self.open_as(folder, password, Durability::OnSync, true)
    }

    fn open_as(
        self,
        folder: &Path,
        password: &str,
        durability: Durability,
        read_only: bool,
    ) -> Result<Open> {
        let place = self.place(folder);
        let vault = VaultOptions::new()
            .durability(durability)
            .read_only(read_only);
        let store = StoreOptions::new()
            .durability(durability)
            .read_only(read_only);
        let mut memory = None;
        let mut upper: Option<Arc<dyn Backend>> = None;
        let backend: Arc<dyn Backend> = match self {
            Self::Plain => Arc::new(vault.open(&place)?),
            Self::Encrypted => Arc::new(vault.password(password).open(&place)?),
            Self::Store => Arc::new(store.open(&place)?),
            Self::EncryptedStore => Arc::new(store.password(password).open(&place)?),
            Self::Memory => {
                let loaded = Arc::new(MemoryBackend::load_from(&place)?);
                memory = Some((loaded.clone(), place));
                loaded
            }
            Self::Host => {
                let trash = VPath::new(folder.join("trash"))?;
                let host = StdFsBackend::with_home_trash(trash);
                Arc::new(Subtree::new(host, &VPath::new(&place)?)?)
            }
            Self::Overlay => {
                let vault: Arc<dyn Backend> = Arc::new(vault.open(&place)?);
                upper = Some(vault.clone());
                let base = MemoryBackend::load_from(folder.join(BASE))?;
                Arc::new(Overlay::new(base, vault))
            }
        };
        Ok(Open {
            checked: upper.unwrap_or_else(|| backend.clone()),
            backend,
            durability,
            memory,
        })
    }

    /// The files there are in a new one.
    pub fn files(self) -> Model {
        match self {
            Self::Overlay => base_files(),
            _ => Model::new(),
        }
    }

    /// Does it look after itself (`check`, `collect`, …)?
    pub fn has_maintenance(self) -> bool {
        !matches!(self, Self::Memory | Self::Host | Self::Overlay)
    }
}

impl Open {
    /// The `std::fs`-like front door, which waits for the disk only where the vessel was opened so.
    pub fn storage(&self) -> FileStorage<Arc<dyn Backend>> {
        FileStorage::new(self.backend.clone()).with_durability(match self.durability {
            Durability::EachCall => fs_core::Durability::EachCall,
            Durability::OnSync => fs_core::Durability::OnSync,
        })
    }

    /// After this a step counts as done: memory is saved.
    ///
    /// Errors: those of saving.
    pub fn settle(&self) -> Result<()> {
        match &self.memory {
            Some((memory, place)) => memory.save_to(place),
            None => Ok(()),
        }
    }
}

fn make_folders(backend: &dyn Backend) -> Result<()> {
    let fs = FileStorage::new(backend).with_durability(fs_core::Durability::OnSync);
    for folder in crate::script::FOLDERS {
        fs.create_dir(folder)?;
    }
    Ok(())
}
