//! A filesystem that can be read and never changed.

use std::ffi::{OsStr, OsString};

use crate::backend::{At, Backend, Change, Node, Scope, Want};
use crate::capabilities::Capabilities;
use crate::error::{Error, ErrorKind, Result};
use crate::extensions::Extensions;
use crate::file::{File, OpenOptions, Staged};
use crate::listing::Listing;
use crate::metadata::{Metadata, NewNode, SetAttr};

/// Wraps a backend; every change answers `ReadOnly` and reaches nothing below, open files included.
#[derive(Clone, Debug)]
pub struct ReadOnly<B>(B);

impl<B: Backend> ReadOnly<B> {
    /// Protects `backend`.
    pub fn new(backend: B) -> Self {
        Self(backend)
    }

    /// The backend below.
    pub fn inner(&self) -> &B {
        &self.0
    }
}

impl<B: Backend> Backend for ReadOnly<B> {
    fn capabilities(&self, at: At<'_>) -> Capabilities {
        self.0.capabilities(at) - Capabilities::WRITE - Capabilities::STAGE
    }

    fn stat(&self, at: At<'_>) -> Result<Metadata> {
        self.0.stat(at)
    }

    fn list(&self, at: At<'_>, want: &Want) -> Result<Box<dyn Listing>> {
        self.0.list(at, want)
    }

    fn open(&self, at: At<'_>, how: &OpenOptions) -> Result<Box<dyn File>> {
        if how.write || how.truncate || how.create || how.create_new {
            return Err(refused("open").with_path(at.path));
        }
        Ok(Box::new(ReadOnlyFile(self.0.open(at, how)?)))
    }

    fn stage(&self, at: At<'_>, _new: &NewNode) -> Result<Box<dyn Staged>> {
        Err(refused("stage").with_path(at.path))
    }

    fn change(&self, change: &Change<'_>) -> Result<()> {
        Err(refused(change.operation()).with_path(change.at().path))
    }

    fn sync(&self, scope: Scope<'_>) -> Result<()> {
        self.0.sync(scope)
    }

    fn pin(&self, at: At<'_>) -> Result<Node> {
        self.0.pin(at)
    }

    fn read_link(&self, at: At<'_>) -> Result<OsString> {
        self.0.read_link(at)
    }

    fn get_xattr(&self, at: At<'_>, name: &OsStr) -> Result<Vec<u8>> {
        self.0.get_xattr(at, name)
    }

    fn list_xattrs(&self, at: At<'_>) -> Result<Vec<OsString>> {
        self.0.list_xattrs(at)
    }

    /// All but the powers that change something.
    fn extensions(&self) -> Extensions<'_> {
        Extensions {
            trash: None,
            deletions: None,
            notes: None,
            maintenance: None,
            snapshots: None,
            ..self.0.extensions()
        }
    }

    fn close(&self) -> Result<()> {
        self.0.close()
    }
}

fn refused(operation: &'static str) -> Error {
    Error::new(ErrorKind::ReadOnly, operation)
}

/// Attributes can be changed even through a file opened for reading, so the file is protected too.
struct ReadOnlyFile(Box<dyn File>);

impl File for ReadOnlyFile {
    fn metadata(&self) -> Result<Metadata> {
        self.0.metadata()
    }

    fn read_at(&self, into: &mut [u8], offset: u64) -> Result<usize> {
        self.0.read_at(into, offset)
    }

    fn write_at(&self, _from: &[u8], _offset: u64) -> Result<()> {
        Err(refused("write"))
    }

    fn append(&self, _from: &[u8]) -> Result<u64> {
        Err(refused("append"))
    }

    fn set_len(&self, _size_bytes: u64) -> Result<()> {
        Err(refused("truncate"))
    }

    fn set_attr(&self, _attr: &SetAttr) -> Result<()> {
        Err(refused("set attributes"))
    }

    fn punch_hole(&self, _offset: u64, _len: u64) -> Result<()> {
        Err(refused("punch hole"))
    }

    fn next_data(&self, offset: u64) -> Result<Option<(u64, u64)>> {
        self.0.next_data(offset)
    }

    fn sync(&self, data_only: bool) -> Result<()> {
        self.0.sync(data_only)
    }
}
