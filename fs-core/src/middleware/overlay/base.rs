//! The lower layer, behind a wall: nothing here can change it.

use std::ffi::{OsStr, OsString};
use std::sync::Arc;

use super::upper::absent;
use crate::backend::{At, Backend, Node, Want};
use crate::capabilities::Capabilities;
use crate::error::{ErrorKind, Result};
use crate::extensions::Extensions;
use crate::file::{File, OpenOptions};
use crate::listing::Listing;
use crate::metadata::Metadata;
use crate::path::VPath;

/// Only the reading half of a backend; every access of an overlay to its base goes through this type.
pub(super) struct Base(Arc<dyn Backend>);

impl Base {
    pub fn new(inner: Arc<dyn Backend>) -> Self {
        Self(inner)
    }

    pub fn capabilities(&self, path: &VPath) -> Capabilities {
        self.0.capabilities(At::path(path))
    }

    /// `None`: nothing has that name.
    pub fn look(&self, path: &VPath) -> Result<Option<Metadata>> {
        absent(self.0.stat(At::path(path)))
    }

    pub fn stat(&self, at: At<'_>) -> Result<Metadata> {
        self.0.stat(at)
    }

    pub fn list(&self, path: &VPath, want: &Want) -> Result<Box<dyn Listing>> {
        self.0.list(At::path(path), want)
    }

    /// Opens for reading, whatever else was asked.
    pub fn open(&self, at: At<'_>) -> Result<Box<dyn File>> {
        self.0.open(at, &OpenOptions::read())
    }

    pub fn read_link(&self, at: At<'_>) -> Result<OsString> {
        self.0.read_link(at)
    }

    pub fn get_xattr(&self, at: At<'_>, name: &OsStr) -> Result<Vec<u8>> {
        self.0.get_xattr(at, name)
    }

    /// Empty where the base has none.
    pub fn list_xattrs(&self, at: At<'_>) -> Result<Vec<OsString>> {
        match self.0.list_xattrs(at) {
            Err(error) if error.kind() == ErrorKind::Unsupported => Ok(Vec::new()),
            other => other,
        }
    }

    pub fn pin(&self, path: &VPath) -> Result<Node> {
        self.0.pin(At::path(path))
    }

    /// For `layers` and `watch`; never for what changes something.
    pub fn extensions(&self) -> Extensions<'_> {
        self.0.extensions()
    }

    /// Lets go of files and locks.
    pub fn close(&self) -> Result<()> {
        self.0.close()
    }
}
