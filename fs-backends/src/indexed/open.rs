//! Opening and making stores.

use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::sync::Arc;

use fs_core::{Error, ErrorKind, Result};
use rusqlite::Connection;

use super::folder::BlobFolder;
use super::prove::prove;
use super::store::BlobStore;
use super::{BLOBS, INDEX, IndexedBackend};
use crate::catalog::{
    CatalogStore, CipherPages, Durability, Format, Key, Meta, NewDatabase, Opening, Secret, create,
    opening_methods,
};
use crate::scratch::is_scratch;
use crate::seal::{SealKey, random};
use crate::virtual_fs::VirtualFs;

/// How to open or make a store, where the plain functions of [`IndexedBackend`] do not do.
#[derive(Clone, Default)]
pub struct StoreOptions {
    opening: Opening,
}

impl StoreOptions {
    /// Every call durable, nothing made that is not there.
    pub fn new() -> Self {
        Self::default()
    }

    opening_methods!("store");

    /// Opens the store in the folder `path`. Errors: those of [`IndexedBackend::open`], and `NotFound`.
    pub fn open(&self, path: impl AsRef<Path>) -> Result<IndexedBackend> {
        let path = path.as_ref();
        if is_new(path)? {
            if !self.opening.makes_missing() {
                let kind = match path.exists() {
                    true => ErrorKind::UnknownFormat,
                    false => ErrorKind::NotFound,
                };
                return Err(Error::new(kind, "open").with_path(path));
            }
            self.make(path)?;
        }
        self.open_existing(path, self.opening.secret())
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
        self.open_existing(path, self.opening.secret())
    }

    pub(super) fn open_existing(&self, path: &Path, secret: Secret<'_>) -> Result<IndexedBackend> {
        let prove = |db: &Connection, meta: &Meta, first| prove(path, db, meta, first);
        let index = path.join(INDEX);
        let database = self
            .opening
            .open(&index, Format::Index, secret, Some(&prove));
        let blobs = path.join(BLOBS);
        let database = database.map_err(|error| match error.kind() {
            // No password gives back what is gone.
            ErrorKind::PasswordNeeded => BlobFolder::open(&blobs)
                .err()
                .unwrap_or_else(|| error.with_path(path)),
            _ => error.with_path(path),
        })?;
        let folder = BlobFolder::open(&blobs)?;
        database.keeps_in(&blobs)?;
        let content = Arc::new(BlobStore::new(database.clone(), folder)?);
        VirtualFs::over(CatalogStore::new(database, content)?)
    }

    /// Makes the folders, then the index: a store exists from the moment its index does.
    fn make(&self, path: &Path) -> Result<()> {
        make_with(path, self.opening.new_key(path)?)
    }
}

/// Makes an encrypted store with a key, a plain one without.
pub(super) fn make_with(path: &Path, key: Option<Key>) -> Result<()> {
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
        let name = entry.file_name();
        name == BLOBS
            && std::fs::read_dir(entry.path()).is_ok_and(|mut blobs| blobs.next().is_none())
            || name.to_str().is_some_and(is_scratch)
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
