//! Listing a directory in batches, compactly.

use std::ffi::OsStr;

use crate::error::Result;
use crate::metadata::{FileKind, Metadata};

/// A running listing. Holds no lock between calls; entries present for the whole time appear exactly once.
pub trait Listing: Send {
    /// Appends some more entries to `into`. `false` when there are no more (entries may still have been appended).
    fn next(&mut self, into: &mut EntryBatch) -> Result<bool>;
}

/// Entries of a directory as a structure of arrays: one allocation for all names.
#[derive(Clone, Debug, Default)]
pub struct EntryBatch {
    names: Vec<u8>,
    ends: Vec<u32>,
    kinds: Vec<FileKind>,
    inos: Vec<u64>,
    metadata: Vec<Option<Metadata>>,
}

/// One entry of a batch.
#[derive(Clone, Copy, Debug)]
pub struct EntryRef<'a> {
    /// Its name.
    pub name: &'a OsStr,
    /// Its kind, not following links.
    pub kind: FileKind,
    /// Its inode number.
    pub ino: u64,
    /// What `stat` would say; `None` when not asked for, or when it could not be read.
    pub metadata: Option<&'a Metadata>,
}

impl EntryBatch {
    /// An empty batch.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends an entry.
    pub fn push(&mut self, name: &OsStr, kind: FileKind, ino: u64, metadata: Option<Metadata>) {
        self.names.extend_from_slice(name.as_encoded_bytes());
        self.ends
            .push(u32::try_from(self.names.len()).unwrap_or(u32::MAX));
        self.kinds.push(kind);
        self.inos.push(ino);
        self.metadata.push(metadata);
    }

    /// How many entries.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Are there none?
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Forgets all entries, keeps the memory.
    pub fn clear(&mut self) {
        self.names.clear();
        self.ends.clear();
        self.kinds.clear();
        self.inos.clear();
        self.metadata.clear();
    }

    /// The entry at `index`.
    pub fn get(&self, index: usize) -> Option<EntryRef<'_>> {
        let start = if index == 0 {
            0
        } else {
            *self.ends.get(index - 1)? as usize
        };
        let end = *self.ends.get(index)? as usize;
        let name = self.names.get(start..end)?;
        // SAFETY: the bytes were pushed as one whole OsStr.
        #[expect(unsafe_code, reason = "std offers no safe way back from encoded bytes")]
        let name = unsafe { OsStr::from_encoded_bytes_unchecked(name) };
        Some(EntryRef {
            name,
            kind: *self.kinds.get(index)?,
            ino: *self.inos.get(index)?,
            metadata: self.metadata.get(index)?.as_ref(),
        })
    }

    /// The entries in order.
    pub fn iter(&self) -> impl Iterator<Item = EntryRef<'_>> {
        (0..self.len()).filter_map(|index| self.get(index))
    }
}

/// All entries of a listing in one batch; for callers that need them all and for tests.
pub fn collect(mut listing: Box<dyn Listing>) -> Result<EntryBatch> {
    let mut batch = EntryBatch::new();
    while listing.next(&mut batch)? {}
    Ok(batch)
}

/// A listing of entries that are all in memory already.
pub struct Ready(Option<EntryBatch>);

impl Ready {
    /// Gives `batch` out once.
    pub fn new(batch: EntryBatch) -> Self {
        Self(Some(batch))
    }
}

impl Listing for Ready {
    fn next(&mut self, into: &mut EntryBatch) -> Result<bool> {
        if let Some(batch) = self.0.take() {
            if into.is_empty() {
                *into = batch;
            } else {
                batch
                    .iter()
                    .for_each(|e| into.push(e.name, e.kind, e.ino, e.metadata.copied()));
            }
        }
        Ok(false)
    }
}
