//! [`IndexedBackend`]: paths and metadata in an index, bytes in files that stream at the speed of the host.
//!
//! ```text
//! storage/index.db            nodes, names, attributes, and which blob holds which content
//! storage/blobs/<uuid>-<unix time>.bin      one content each; `.part` while it is written
//! ```
//!
//! A blob is complete before the index names it, and the index has forgotten it before its file goes; so a crash leaves orphans at worst,
//! never a name without bytes. Sealed blobs never change: writing to a file whose blob is sealed goes to a new blob.

mod backup;
mod blocks;
mod content;
mod file;
mod folder;
mod maintenance;
mod name;
mod open;
mod prove;
mod records;
mod rows;
mod runs;
pub(crate) mod salvage;
mod store;

#[cfg(test)]
mod crash_tests;
#[cfg(test)]
mod encrypted_tests;
#[cfg(test)]
mod tests;

pub use crate::catalog::Durability;

pub use open::StoreOptions;

use std::path::Path;

use fs_core::Result;

use crate::catalog::CatalogStore;
use crate::virtual_fs::VirtualFs;
use store::BlobStore;

/// The database of a store, in its folder.
pub(crate) const INDEX: &str = "index.db";
/// The folder of blobs, in the folder of a store.
pub(crate) const BLOBS: &str = "blobs";

/// A filesystem in a folder: an index, and a blob file for each content.
///
/// By default each call is durable when it returns; see [`StoreOptions::durability`].
pub type IndexedBackend = VirtualFs<CatalogStore<BlobStore>>;

impl IndexedBackend {
    /// Opens the store in the folder `path`; makes it when nothing is there, or an empty folder.
    ///
    /// Errors: `UnknownFormat` when it is another folder, or no folder; `PasswordNeeded`, `NewerFormat`, `InUse`, `Corrupted`. None of them changes a file.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        StoreOptions::new().create_missing(true).open(path)
    }

    /// Makes a store in a folder that does not exist or is empty. Errors: `AlreadyExists`.
    pub fn create(path: impl AsRef<Path>) -> Result<Self> {
        StoreOptions::new().create(path)
    }

    /// Opens the encrypted store in the folder `path`.
    ///
    /// Errors: `NotFound`, `WrongPassword`, `InvalidInput` when it is not encrypted, and those of [`IndexedBackend::open`]. None of them changes a file.
    pub fn open_encrypted(path: impl AsRef<Path>, password: &str) -> Result<Self> {
        StoreOptions::new().password(password).open(path)
    }

    /// Makes an encrypted store. Errors: `AlreadyExists`; `InvalidInput` for an empty password.
    pub fn create_encrypted(path: impl AsRef<Path>, password: &str) -> Result<Self> {
        StoreOptions::new().password(password).create(path)
    }

    /// Is it encrypted?
    pub fn is_encrypted(&self) -> bool {
        self.store().database().is_encrypted()
    }

    /// The folder it is in, without symbolic links.
    pub fn path(&self) -> &Path {
        let index = self.store().database().path();
        index.parent().unwrap_or(index)
    }
}
