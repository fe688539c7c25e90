//! Making, listing and removing folders.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::FileStorage;
use super::remove::remove_tree;
use crate::backend::{Backend, Change, Want};
use crate::capabilities::Capabilities;
use crate::error::{Error, ErrorKind, Result};
use crate::listing::{EntryBatch, Listing};
use crate::metadata::{FileKind, Metadata, NewNode};
use crate::resolve::PathResolver;

impl<B: Backend, R: PathResolver> FileStorage<B, R> {
    /// Makes a folder. `AlreadyExists` for whatever has the name, `NotFound` when the parent is missing.
    pub fn create_dir(&self, path: impl AsRef<Path>) -> Result<()> {
        self.create(path.as_ref(), &NewNode::directory())
    }

    /// Makes a folder and those it is in, as far as they are missing. `NotADirectory` when something on the way is no folder.
    pub fn create_dir_all(&self, path: impl AsRef<Path>) -> Result<()> {
        let mut missing = Vec::new();
        let mut at = path.as_ref();
        while let Err(error) = self.create_dir_or_find(at) {
            match at.parent() {
                Some(parent) if error.kind() == ErrorKind::NotFound => {
                    missing.push(at);
                    at = parent;
                }
                _ => return Err(error),
            }
        }
        missing
            .into_iter()
            .rev()
            .try_for_each(|path| self.create_dir_or_find(path))
    }

    fn create_dir_or_find(&self, path: &Path) -> Result<()> {
        let error = match self.create_dir(path) {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == ErrorKind::NotFound => return Err(error),
            Err(error) => error,
        };
        match self.metadata(path) {
            Ok(found) if found.is_dir() => Ok(()),
            Ok(_) => Err(Error::new(ErrorKind::NotADirectory, "create folder").with_path(path)),
            // A dangling link: going up and trying again would not help.
            Err(_) => Err(error),
        }
    }

    /// Removes an empty folder; a link to a folder is `NotADirectory`.
    pub fn remove_dir(&self, path: impl AsRef<Path>) -> Result<()> {
        let place = self.name(path.as_ref())?;
        self.backend.change(&Change::Rmdir(place.at()))?;
        self.persist_names(&[&place.path])
    }

    /// Removes a folder with everything in it. Follows no link.
    pub fn remove_dir_all(&self, path: impl AsRef<Path>) -> Result<()> {
        let place = self.name(path.as_ref())?;
        if !self.backend.stat(place.at())?.is_dir() {
            return Err(
                Error::new(ErrorKind::NotADirectory, "remove folder").with_path(path.as_ref())
            );
        }
        let pinning = self.capabilities().contains(Capabilities::PIN);
        remove_tree(&self.backend, &place.path, pinning)?;
        self.persist_names(&[&place.path])
    }

    /// The entries of a folder, in the order of the backend. Links are listed as links.
    pub fn read_dir(&self, path: impl AsRef<Path>) -> Result<ReadDir> {
        let place = self.existing(path.as_ref())?;
        Ok(ReadDir {
            dir: path.as_ref().to_path_buf(),
            listing: Some(self.backend.list(place.at(), &Want::metadata())?),
            batch: EntryBatch::new(),
            next: 0,
        })
    }
}

/// The entries of a folder, one after the other.
pub struct ReadDir {
    dir: PathBuf,
    listing: Option<Box<dyn Listing>>,
    batch: EntryBatch,
    next: usize,
}

/// One entry of a folder.
#[derive(Clone, Debug)]
pub struct DirEntry {
    path: PathBuf,
    name: OsString,
    kind: FileKind,
    metadata: Option<Metadata>,
}

impl DirEntry {
    /// Its name.
    pub fn file_name(&self) -> &OsStr {
        &self.name
    }

    /// The path of the folder as it was given, and the name.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its kind; of a link `Symlink`.
    pub fn kind(&self) -> FileKind {
        self.kind
    }

    /// Its metadata; `None` when it could not be read.
    pub fn metadata(&self) -> Option<&Metadata> {
        self.metadata.as_ref()
    }
}

impl Iterator for ReadDir {
    type Item = Result<DirEntry>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.next >= self.batch.len() {
            self.batch.clear();
            self.next = 0;
            match self.listing.as_mut()?.next(&mut self.batch) {
                Ok(true) => {}
                Ok(false) => self.listing = None,
                Err(error) => {
                    self.listing = None;
                    return Some(Err(error));
                }
            }
        }
        let entry = self.batch.get(self.next)?;
        self.next += 1;
        Some(Ok(DirEntry {
            path: self.dir.join(entry.name),
            name: entry.name.to_os_string(),
            kind: entry.kind,
            metadata: entry.metadata.copied(),
        }))
    }
}
