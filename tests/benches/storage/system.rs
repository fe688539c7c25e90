//! The filesystems under test, made empty.

use std::path::Path;
use std::sync::Arc;

use fs_backends::indexed::StoreOptions;
use fs_backends::sqlite::{Durability, VaultOptions};
use fs_backends::{MemoryBackend, StdFsBackend, VRootFsBackend};
use fs_core::{Backend, Subtree, VPath};

use super::Result;

/// The password of encrypted vaults.
pub const PASSWORD: &str = "correct horse battery staple";

/// A kind of filesystem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum System {
    Memory,
    Vault,
    Encrypted,
    Store,
    EncryptedStore,
    Host,
    Sandbox,
}

impl System {
    /// As the table calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Vault => "vault",
            Self::Encrypted => "encrypted vault",
            Self::Store => "store",
            Self::EncryptedStore => "encrypted store",
            Self::Host => "host",
            Self::Sandbox => "sandbox",
        }
    }

    /// An empty one, kept in `folder`, durable when it is told to be: as the window and the command line open them.
    pub fn make(self, folder: &Path) -> Result<Arc<dyn Backend>> {
        self.make_durable(folder, Durability::OnSync)
    }

    /// As [`System::make`], with another promise where there is a choice.
    pub fn make_durable(self, folder: &Path, durability: Durability) -> Result<Arc<dyn Backend>> {
        let vault = VaultOptions::new().durability(durability);
        Ok(match self {
            Self::Memory => Arc::new(MemoryBackend::new()),
            Self::Vault => Arc::new(vault.create(folder.join("vault.db"))?),
            Self::Encrypted => {
                let vault = vault.password(PASSWORD);
                Arc::new(vault.create(folder.join("encrypted.db"))?)
            }
            Self::Store => {
                let store = StoreOptions::new().durability(durability);
                Arc::new(store.create(folder.join("store"))?)
            }
            Self::EncryptedStore => {
                let store = StoreOptions::new().durability(durability);
                Arc::new(store.password(PASSWORD).create(folder.join("encrypted"))?)
            }
            Self::Host => {
                let root = VPath::new(folder)?;
                Arc::new(Subtree::new(StdFsBackend::new(), &root)?)
            }
            Self::Sandbox => Arc::new(VRootFsBackend::new(folder)?),
        })
    }
}
