//! Opening and making vaults.

use std::path::Path;
use std::sync::Arc;

use fs_core::{Error, ErrorKind, Result};
use zeroize::Zeroizing;

use super::SqliteBackend;
use super::store::ChunkStore;
use crate::catalog::{
    CatalogStore, CipherPages, Database, Durability, Format, Key, NewDatabase, OpenRequest, Secret,
    create,
};
use crate::virtual_fs::VirtualFs;

/// Bytes of content in a row of a plain vault: random reads stay cheap, whole files are read past SQLite's page cache.
const PLAIN_CHUNK_BYTES: u32 = 64 << 10;
/// What a page of an encrypted vault needs for itself: with one row a page, a read decrypts no more than it must.
const CIPHER_PAGE_OVERHEAD_BYTES: u32 = 256;

/// How to open or make a vault, where the plain functions of [`SqliteBackend`] do not do.
#[derive(Clone, Default)]
pub struct VaultOptions {
    password: Option<Zeroizing<String>>,
    pages: CipherPages,
    durability: Durability,
    create_missing: bool,
    read_only: bool,
}

impl VaultOptions {
    /// A plain vault, every call durable, nothing made that is not there.
    pub fn new() -> Self {
        Self::default()
    }

    /// The password of an encrypted vault.
    #[must_use]
    pub fn password(mut self, password: &str) -> Self {
        self.password = Some(Zeroizing::new(password.to_owned()));
        self
    }

    /// Page size of a new encrypted vault.
    #[must_use]
    pub fn pages(mut self, pages: CipherPages) -> Self {
        self.pages = pages;
        self
    }

    /// When changes survive a power cut.
    #[must_use]
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// Makes the vault when nothing is there.
    #[must_use]
    pub fn create_missing(mut self, create_missing: bool) -> Self {
        self.create_missing = create_missing;
        self
    }

    /// Only to read: neither the file nor its folder needs to be writable, and another program may have it open.
    #[must_use]
    pub fn read_only(mut self, read_only: bool) -> Self {
        self.read_only = read_only;
        self
    }

    /// Opens the vault at `path`. Errors: those of [`SqliteBackend::open`] and [`SqliteBackend::open_encrypted`].
    pub fn open(&self, path: impl AsRef<Path>) -> Result<SqliteBackend> {
        let path = path.as_ref();
        if self.create_missing
            && !self.read_only
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
        self.open_existing(path, self.secret())
    }

    /// Makes the vault and opens it. Errors: `AlreadyExists`, `InvalidInput` for an empty password.
    pub fn create(&self, path: impl AsRef<Path>) -> Result<SqliteBackend> {
        let path = path.as_ref();
        let key = self.make(path)?;
        self.open_existing(path, key.as_ref().map_or(Secret::None, Secret::Key))
    }

    fn secret(&self) -> Secret<'_> {
        self.password
            .as_ref()
            .map_or(Secret::None, |password| Secret::Password(password))
    }

    /// Makes the file; answers the key of an encrypted one.
    fn make(&self, path: &Path) -> Result<Option<Key>> {
        let key = match self.secret() {
            Secret::Password("") => {
                return Err(Error::new(ErrorKind::InvalidInput, "create")
                    .with_detail("the password is empty")
                    .with_path(path));
            }
            Secret::Password(password) => Some(Key::create(password)),
            Secret::Key(_) | Secret::None => None,
        };
        self.make_with(path, key.as_ref())?;
        Ok(key)
    }

    pub(super) fn make_with(&self, path: &Path, key: Option<&Key>) -> Result<()> {
        let chunk_bytes = match key {
            Some(_) => self.pages.bytes() - CIPHER_PAGE_OVERHEAD_BYTES,
            None => PLAIN_CHUNK_BYTES,
        };
        let new = NewDatabase {
            format: Format::Vault,
            cipher: key.map(|key| (key.clone(), self.pages)),
            chunk_bytes,
            blob_key: None,
        };
        create(path, &new)
    }

    pub(super) fn open_existing(&self, path: &Path, secret: Secret<'_>) -> Result<SqliteBackend> {
        let request = OpenRequest {
            path,
            format: Format::Vault,
            secret,
            durability: self.durability,
            read_only: self.read_only,
        };
        let database = Arc::new(Database::open(&request)?);
        let content = Arc::new(ChunkStore::new(database.clone())?);
        VirtualFs::over(CatalogStore::new(database, content)?)
    }
}
