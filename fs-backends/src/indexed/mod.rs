//! [`IndexedBackend`]: paths and metadata in an index, bytes in files that stream at the speed of the host.
//!
//! ```text
//! storage/index.db            nodes, names, attributes, and which blob holds which content
//! storage/blobs/<uuid>-<unix time>.bin      one content each; `.part` while it is written
//! ```
//!
//! A blob is complete before the index names it, and the index has forgotten it before its file goes; so a crash leaves orphans at worst,
//! never a name without bytes. Sealed blobs never change: writing to a file whose blob is sealed goes to a new blob.

mod blocks;
mod content;
mod file;
mod folder;
mod maintenance;
mod name;
mod records;
mod runs;
mod store;

#[cfg(test)]
mod encrypted_tests;
#[cfg(test)]
mod tests;

pub use crate::catalog::Durability;

use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::sync::Arc;

use fs_core::{Error, ErrorKind, Result};
use zeroize::Zeroizing;

use crate::catalog::{
    CatalogStore, CipherPages, Database, Format, Key, NewDatabase, OpenRequest, Secret, create,
};
use crate::seal::{SealKey, random};
use crate::virtual_fs::VirtualFs;
use folder::BlobFolder;
use store::BlobStore;

const INDEX: &str = "index.db";
const BLOBS: &str = "blobs";

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

/// How to open or make a store, where the plain functions of [`IndexedBackend`] do not do.
#[derive(Clone, Default)]
pub struct StoreOptions {
    password: Option<Zeroizing<String>>,
    durability: Durability,
    create_missing: bool,
    read_only: bool,
}

impl StoreOptions {
    /// Every call durable, nothing made that is not there.
    pub fn new() -> Self {
        Self::default()
    }

    /// The password of an encrypted store.
    #[must_use]
    pub fn password(mut self, password: &str) -> Self {
        self.password = Some(Zeroizing::new(password.to_owned()));
        self
    }

    fn secret(&self) -> Secret<'_> {
        match &self.password {
            Some(password) => Secret::Password(password),
            None => Secret::None,
        }
    }

    /// When changes survive a power cut.
    #[must_use]
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// Makes the store when nothing is there, or an empty folder.
    #[must_use]
    pub fn create_missing(mut self, create_missing: bool) -> Self {
        self.create_missing = create_missing;
        self
    }

    /// Only to read: nothing needs to be writable, and another program may have it open.
    #[must_use]
    pub fn read_only(mut self, read_only: bool) -> Self {
        self.read_only = read_only;
        self
    }

    /// Opens the store in the folder `path`. Errors: those of [`IndexedBackend::open`], and `NotFound`.
    pub fn open(&self, path: impl AsRef<Path>) -> Result<IndexedBackend> {
        let path = path.as_ref();
        if is_new(path)? {
            if !self.create_missing || self.read_only {
                let kind = match path.exists() {
                    true => ErrorKind::UnknownFormat,
                    false => ErrorKind::NotFound,
                };
                return Err(Error::new(kind, "open").with_path(path));
            }
            self.make(path)?;
        }
        self.open_existing(path, self.secret())
    }

    /// Makes a store in a folder that does not exist or is empty, and opens it. Errors: `AlreadyExists`.
    pub fn create(&self, path: impl AsRef<Path>) -> Result<IndexedBackend> {
        let path = path.as_ref();
        let taken = || Error::new(ErrorKind::AlreadyExists, "create").with_path(path);
        match is_new(path) {
            Ok(true) => self.make(path)?,
            Ok(false) => return Err(taken()),
            Err(error) if error.kind() == ErrorKind::UnknownFormat => return Err(taken()),
            Err(error) => return Err(error.with_operation("create")),
        }
        self.open_existing(path, self.secret())
    }

    fn open_existing(&self, path: &Path, secret: Secret<'_>) -> Result<IndexedBackend> {
        let request = OpenRequest {
            path: &path.join(INDEX),
            format: Format::Index,
            secret,
            durability: self.durability,
            read_only: self.read_only,
        };
        let database = Arc::new(Database::open(&request).map_err(|error| error.with_path(path))?);
        let folder = BlobFolder::open(&path.join(BLOBS))?;
        let content = Arc::new(BlobStore::new(database.clone(), folder)?);
        VirtualFs::over(CatalogStore::new(database, content)?)
    }

    /// Makes the folders, then the index: a store exists from the moment its index does.
    fn make(&self, path: &Path) -> Result<()> {
        let cipher = match self.secret() {
            Secret::Password("") => {
                let error = Error::new(ErrorKind::InvalidInput, "create").with_path(path);
                return Err(error.with_detail("the password is empty"));
            }
            Secret::Password(password) => Some(Key::create(password)),
            Secret::Key(_) | Secret::None => None,
        };
        make_with(path, cipher)
    }
}

/// Makes an encrypted store with a key, a plain one without.
fn make_with(path: &Path, key: Option<Key>) -> Result<()> {
    make_folders(path)?;
    let blob_key = match key {
        Some(_) => {
            let mut key = SealKey::default();
            random(&mut *key)?;
            Some(key)
        }
        None => None,
    };
    let new = NewDatabase {
        format: Format::Index,
        cipher: key.map(|key| (key, CipherPages::default())),
        chunk_bytes: 0,
        blob_key,
    };
    match create(&path.join(INDEX), &new) {
        // Somebody else was faster: theirs is the one to open.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        made => made.map_err(|error| error.with_path(path)),
    }
}

/// Is there room for a new store: nothing, an empty folder, or what a crash left of an earlier attempt? `UnknownFormat`: something else is there.
fn is_new(path: &Path) -> Result<bool> {
    let fail = |error| Error::from_io(error, "open").with_path(path);
    let unknown = |detail| {
        Error::new(ErrorKind::UnknownFormat, "open")
            .with_detail(detail)
            .with_path(path)
    };
    match std::fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(true),
        Err(error) => return Err(fail(error)),
        Ok(found) if !found.is_dir() => return Err(unknown("not a folder")),
        Ok(_) => {}
    }
    if path.join(INDEX).symlink_metadata().is_ok() {
        return Ok(false);
    }
    let entries = std::fs::read_dir(path)
        .map_err(fail)?
        .collect::<std::io::Result<Vec<_>>>()
        .map_err(fail)?;
    let left_over = |entry: &std::fs::DirEntry| {
        entry.file_name() == BLOBS
            && std::fs::read_dir(entry.path()).is_ok_and(|mut blobs| blobs.next().is_none())
    };
    if entries.iter().all(left_over) {
        Ok(true)
    } else {
        Err(unknown("a folder with other things in it, but no index.db"))
    }
}

fn make_folders(path: &Path) -> Result<()> {
    let fail = |error| Error::from_io(error, "create").with_path(path);
    let make_folder = |folder: &Path| match std::fs::DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        made => made,
    };
    make_folder(path).map_err(fail)?;
    make_folder(&path.join(BLOBS)).map_err(fail)?;
    for folder in [
        path,
        path.parent()
            .filter(|parent| !parent.as_os_str().is_empty())
            .unwrap_or(Path::new(".")),
    ] {
        std::fs::File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(fail)?;
    }
    Ok(())
}
