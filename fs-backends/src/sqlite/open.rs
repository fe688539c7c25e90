//! Opening and making vaults.

use std::path::Path;
use std::sync::Arc;

use fs_core::{ErrorKind, Result};

use super::SqliteBackend;
use super::store::ChunkStore;
use crate::catalog::{
    CatalogStore, CipherPages, Durability, Format, Key, NewDatabase, Opening, PLAIN_PAGE_BYTES,
    Secret, create, opening_methods,
};
use crate::virtual_fs::VirtualFs;

/// Bytes of content in the largest row of a vault with pages of `page_bytes`: it fills a page, so a small read or change touches one page, and there is
/// no chain of overflow pages to follow, to write or to free. What it leaves is what a page, its row and a cipher need for themselves.
pub(super) const fn chunk_bytes(page_bytes: u32) -> u32 {
    page_bytes.saturating_sub(256)
}

/// How to open or make a vault, where the plain functions of [`SqliteBackend`] do not do.
#[derive(Clone, Default)]
pub struct VaultOptions {
    opening: Opening,
    pages: CipherPages,
}

impl VaultOptions {
    /// A plain vault, every call durable, nothing made that is not there.
    pub fn new() -> Self {
        Self::default()
    }

    opening_methods!("vault");

    /// Page size of a new encrypted vault.
    #[must_use]
    pub fn pages(mut self, pages: CipherPages) -> Self {
        self.pages = pages;
        self
    }

    /// Opens the vault at `path`. Errors: those of [`SqliteBackend::open`] and [`SqliteBackend::open_encrypted`].
    pub fn open(&self, path: impl AsRef<Path>) -> Result<SqliteBackend> {
        let path = path.as_ref();
        if self.opening.makes_missing()
            && path
                .symlink_metadata()
                .is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound)
        {
            match self.make(path) {
                // Somebody else was faster: theirs is the one to open.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                made => drop(made?),
            }
        }
        self.open_existing(path, self.opening.secret())
    }

    /// Makes the vault and opens it. Errors: `AlreadyExists`, `InvalidInput` for an empty password.
    pub fn create(&self, path: impl AsRef<Path>) -> Result<SqliteBackend> {
        let path = path.as_ref();
        let key = self.make(path)?;
        self.open_existing(path, key.as_ref().map_or(Secret::None, Secret::Key))
    }

    /// Makes the file; answers the key of an encrypted one.
    fn make(&self, path: &Path) -> Result<Option<Key>> {
        let key = self.opening.new_key(path)?;
        self.make_with(path, key.as_ref())?;
        Ok(key)
    }

    pub(super) fn make_with(&self, path: &Path, key: Option<&Key>) -> Result<()> {
        let page_bytes = key.map_or(PLAIN_PAGE_BYTES, |_| self.pages.bytes());
        let new = NewDatabase {
            format: Format::Vault,
            cipher: key.map(|key| (key.clone(), self.pages)),
            chunk_bytes: chunk_bytes(page_bytes),
            blob_key: None,
        };
        create(path, &new)
    }

    pub(super) fn open_existing(&self, path: &Path, secret: Secret<'_>) -> Result<SqliteBackend> {
        let database = self.opening.open(path, Format::Vault, secret, None)?;
        let content = Arc::new(ChunkStore::new(database.clone())?);
        VirtualFs::over(CatalogStore::new(database, content)?)
    }
}
