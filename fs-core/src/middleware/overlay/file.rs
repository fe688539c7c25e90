//! Open files of an overlay.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::RwLock;

use super::core::Core;
use super::pins::{Pin, Place};
use crate::backend::{At, Change, Node};
use crate::error::{Error, ErrorKind, Result};
use crate::file::File;
use crate::metadata::{FileId, Metadata, SetAttr};
use crate::path::VPath;

/// A file that is in the upper: only its number is translated.
pub(super) struct UpperFile {
    pub inner: Box<dyn File>,
    pub id: FileId,
}

impl File for UpperFile {
    fn metadata(&self) -> Result<Metadata> {
        Ok(Metadata {
            id: self.id,
            ..self.inner.metadata()?
        })
    }

    fn read_at(&self, into: &mut [u8], offset: u64) -> Result<usize> {
        self.inner.read_at(into, offset)
    }

    fn write_at(&self, from: &[u8], offset: u64) -> Result<()> {
        self.inner.write_at(from, offset)
    }

    fn append(&self, from: &[u8]) -> Result<u64> {
        self.inner.append(from)
    }

    fn write_with(&self, from: &[u8], offset: Option<u64>, attr: &SetAttr) -> Result<()> {
        self.inner.write_with(from, offset, attr)
    }

    fn set_len(&self, size_bytes: u64) -> Result<()> {
        self.inner.set_len(size_bytes)
    }

    fn set_attr(&self, attr: &SetAttr) -> Result<()> {
        self.inner.set_attr(attr)
    }

    fn punch_hole(&self, offset: u64, len: u64) -> Result<()> {
        self.inner.punch_hole(offset, len)
    }

    fn next_data(&self, offset: u64) -> Result<Option<(u64, u64)>> {
        self.inner.next_data(offset)
    }

    fn sync(&self, data_only: bool) -> Result<()> {
        self.inner.sync(data_only)
    }
}

/// A file opened for reading while only the base had it. When it is copied up, it reads the copy from then on, as readers of one file see what writers write.
pub(super) struct BaseFile {
    core: Arc<Core>,
    pin: Arc<Pin>,
    id: FileId,
    now: RwLock<Arc<dyn File>>,
    copied: AtomicBool,
}

impl BaseFile {
    pub fn new(core: Arc<Core>, pin: Arc<Pin>, id: FileId, file: Box<dyn File>) -> Arc<Self> {
        let this = Arc::new(Self {
            core,
            pin,
            id,
            now: RwLock::new(Arc::from(file)),
            copied: AtomicBool::new(false),
        });
        this.pin.attach(&this);
        this
    }

    /// The copy takes over.
    pub fn switch(&self, copy: Box<dyn File>) {
        *self.now.write() = Arc::from(copy);
        self.copied.store(true, Ordering::Release);
    }

    fn file(&self) -> Arc<dyn File> {
        self.now.read().clone()
    }
}

/// One owner of a [`BaseFile`].
pub(super) struct Reader(pub Arc<BaseFile>);

fn not_for_writing<T>() -> Result<T> {
    Err(Error::new(ErrorKind::BadHandle, "write"))
}

impl File for Reader {
    fn metadata(&self) -> Result<Metadata> {
        let mut metadata = self.0.file().metadata()?;
        metadata.id = self.0.id;
        let removed = !matches!(self.0.pin.place(), Place::Tree(_));
        if removed && !self.0.copied.load(Ordering::Acquire) {
            metadata.nlink = metadata.nlink.saturating_sub(1);
        }
        Ok(metadata)
    }

    fn read_at(&self, into: &mut [u8], offset: u64) -> Result<usize> {
        self.0.file().read_at(into, offset)
    }

    fn write_at(&self, _from: &[u8], _offset: u64) -> Result<()> {
        not_for_writing()
    }

    fn append(&self, _from: &[u8]) -> Result<u64> {
        not_for_writing()
    }

    fn set_len(&self, _size_bytes: u64) -> Result<()> {
        not_for_writing()
    }

    /// As `fchmod` on a descriptor for reading: copies the file up wherever it is now; `NotFound` once it is removed.
    fn set_attr(&self, attr: &SetAttr) -> Result<()> {
        let node = Node::shared(self.0.id, self.0.pin.clone());
        let root = VPath::root();
        self.0
            .core
            .change(&Change::SetAttr(At::in_dir(&node, &root), attr))
    }

    fn punch_hole(&self, _offset: u64, _len: u64) -> Result<()> {
        not_for_writing()
    }

    fn next_data(&self, offset: u64) -> Result<Option<(u64, u64)>> {
        self.0.file().next_data(offset)
    }

    fn sync(&self, data_only: bool) -> Result<()> {
        if self.0.copied.load(Ordering::Acquire) {
            self.0.file().sync(data_only)
        } else {
            Ok(())
        }
    }
}
