//! [`SqliteBackend`]: a whole filesystem in one file, plain or encrypted.
//!
//! The file is an SQLite database that SQLite's (encrypted: SQLCipher's) own tools open; `FORMAT.md` describes its tables. Content lies in rows of
//! 64 KiB, in an encrypted vault of one page. While it is open there are a `-wal` and a `-shm` file beside it; closed it is one file.

mod content;
mod layout;
mod maintenance;
mod open;
mod pending;
pub(crate) mod salvage;
mod store;

#[cfg(test)]
mod tests;

pub use crate::catalog::{CipherPages, Durability};
pub use open::VaultOptions;

use std::path::Path;

use fs_core::Result;

use crate::catalog::CatalogStore;
use crate::virtual_fs::VirtualFs;
use store::ChunkStore;

/// A filesystem in one SQLite file, plain or encrypted with a password.
///
/// By default each call is durable when it returns; see [`VaultOptions::durability`].
pub type SqliteBackend = VirtualFs<CatalogStore<ChunkStore>>;

impl SqliteBackend {
    /// Opens the plain vault at `path`, or makes it when nothing is there.
    ///
    /// Errors: `PasswordNeeded` when it is (or may be) encrypted, `UnknownFormat`, `NewerFormat`, `InUse`, `Corrupted`. None of them changes a file.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        VaultOptions::new().create_missing(true).open(path)
    }

    /// Makes a plain vault. Errors: `AlreadyExists`, when anything has that name.
    pub fn create(path: impl AsRef<Path>) -> Result<Self> {
        VaultOptions::new().create(path)
    }

    /// Opens the encrypted vault at `path`.
    ///
    /// Errors: `NotFound`, `WrongPassword`, `InvalidInput` when it is not encrypted, and those of [`SqliteBackend::open`]. None of them changes a file.
    pub fn open_encrypted(path: impl AsRef<Path>, password: &str) -> Result<Self> {
        VaultOptions::new().password(password).open(path)
    }

    /// Makes an encrypted vault. Errors: `AlreadyExists`; `InvalidInput` for an empty password.
    pub fn create_encrypted(path: impl AsRef<Path>, password: &str) -> Result<Self> {
        VaultOptions::new().password(password).create(path)
    }

    /// Is it encrypted?
    pub fn is_encrypted(&self) -> bool {
        self.store().database().is_encrypted()
    }

    /// Where it is, without symbolic links.
    pub fn path(&self) -> &Path {
        self.store().database().path()
    }
}
