//! Open files under a quota: they grow only where there is room.

use std::sync::Arc;

use super::ledger::{Content, Ledger};
use crate::error::Result;
use crate::file::File;
use crate::metadata::{FileId, Metadata, SetAttr};

/// Where a write ends.
pub(super) fn end(offset: u64, from: &[u8]) -> u64 {
    offset.saturating_add(from.len() as u64)
}

/// An open file with a name, or that had one.
pub(super) struct QuotaFile {
    file: Box<dyn File>,
    id: FileId,
    content: Content,
    ledger: Arc<Ledger>,
}

impl QuotaFile {
    /// To be called while names are held, so that no unlink comes between opening and counting the handle.
    pub(super) fn new(file: Box<dyn File>, id: FileId, ledger: Arc<Ledger>) -> Self {
        Self {
            file,
            id,
            content: ledger.opened(id),
            ledger,
        }
    }

    fn resize<T>(
        &self,
        wanted_bytes: impl FnOnce(u64) -> u64,
        act: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        let _file = self.ledger.file(self.id);
        let size = || Ok(self.file.metadata()?.size);
        self.ledger.resize(size, wanted_bytes, act)
    }
}

impl File for QuotaFile {
    fn metadata(&self) -> Result<Metadata> {
        self.file.metadata()
    }

    fn read_at(&self, into: &mut [u8], offset: u64) -> Result<usize> {
        self.file.read_at(into, offset)
    }

    fn write_at(&self, from: &[u8], offset: u64) -> Result<()> {
        let wanted = |size: u64| match from {
            [] => size,
            _ => size.max(end(offset, from)),
        };
        self.resize(wanted, || self.file.write_at(from, offset))
    }

    fn append(&self, from: &[u8]) -> Result<u64> {
        self.resize(|size| end(size, from), || self.file.append(from))
    }

    fn set_len(&self, size_bytes: u64) -> Result<()> {
        self.resize(|_| size_bytes, || self.file.set_len(size_bytes))
    }

    fn set_attr(&self, attr: &SetAttr) -> Result<()> {
        match attr.size {
            Some(size_bytes) => self.resize(|_| size_bytes, || self.file.set_attr(attr)),
            None => self.file.set_attr(attr),
        }
    }

    fn punch_hole(&self, offset: u64, len: u64) -> Result<()> {
        self.file.punch_hole(offset, len)
    }

    fn next_data(&self, offset: u64) -> Result<Option<(u64, u64)>> {
        self.file.next_data(offset)
    }

    fn sync(&self, data_only: bool) -> Result<()> {
        self.file.sync(data_only)
    }
}

impl Drop for QuotaFile {
    fn drop(&mut self) {
        let file = &self.file;
        self.ledger
            .closed(self.content, || file.metadata().map_or(0, |node| node.size));
    }
}
