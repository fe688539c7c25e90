//! Listing a directory in batches, compactly.

use std::ffi::OsStr;
use std::ops::Range;

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
    /// Shorter than the others when the last entries have none.
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
        if metadata.is_some() {
            // Behind entries without.
            self.metadata.resize(self.ends.len() - 1, None);
            self.metadata.push(metadata);
        }
    }

    /// Appends the entries of `other` in `range`, as far as they exist.
    pub fn extend_from(&mut self, other: &Self, range: Range<usize>) {
        let range = range.start..range.end.min(other.len());
        let Some(ends) = other
            .ends
            .get(range.clone())
            .filter(|ends| !ends.is_empty())
        else {
            return;
        };
        let start = other.start_of(range.start);
        let shift = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        let end = ends.last().map_or(start, |end| *end as usize);
        self.metadata.resize(self.ends.len(), None);
        self.names
            .extend_from_slice(other.names.get(start..end).unwrap_or_default());
        let start = u32::try_from(start).unwrap_or(u32::MAX);
        self.ends
            .extend(ends.iter().map(|end| (end - start).saturating_add(shift)));
        let part = range.clone();
        self.kinds
            .extend_from_slice(other.kinds.get(part).unwrap_or_default());
        let part = range.clone();
        self.inos
            .extend_from_slice(other.inos.get(part).unwrap_or_default());
        let part = range.start..range.end.min(other.metadata.len());
        self.metadata
            .extend_from_slice(other.metadata.get(part).unwrap_or_default());
    }

    /// Lets `change` change inode number and metadata of the entries from `from` on.
    pub fn change_from(
        &mut self,
        from: usize,
        mut change: impl FnMut(&mut u64, Option<&mut Metadata>),
    ) {
        let metadata = self.metadata.get_mut(from..).unwrap_or_default();
        let metadata = metadata.iter_mut().map(Option::as_mut);
        let inos = self.inos.get_mut(from..).unwrap_or_default();
        for (ino, metadata) in inos
            .iter_mut()
            .zip(metadata.chain(std::iter::repeat_with(|| None)))
        {
            change(ino, metadata);
        }
    }

    /// In a batch sorted by name: the first entry from `from` on whose name is not before `name`, or their number.
    pub fn first_not_before(&self, name: &OsStr, from: usize) -> usize {
        let (mut low, mut high) = (from, self.len());
        while low < high {
            let middle = low.midpoint(high);
            let before = self
                .get(middle)
                .is_some_and(|entry| entry.name.as_encoded_bytes() < name.as_encoded_bytes());
            if before {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// The inode numbers, in order.
    pub fn inos(&self) -> &[u64] {
        &self.inos
    }

    /// Bytes of memory it takes.
    pub fn size_bytes(&self) -> usize {
        self.names.capacity()
            + self.ends.capacity() * size_of::<u32>()
            + self.kinds.capacity() * size_of::<FileKind>()
            + self.inos.capacity() * size_of::<u64>()
            + self.metadata.capacity() * size_of::<Option<Metadata>>()
    }

    /// Gives memory back that is kept for more entries.
    pub fn shrink_to_fit(&mut self) {
        self.names.shrink_to_fit();
        self.ends.shrink_to_fit();
        self.kinds.shrink_to_fit();
        self.inos.shrink_to_fit();
        self.metadata.shrink_to_fit();
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
        let start = self.start_of(index);
        let end = *self.ends.get(index)? as usize;
        let name = self.names.get(start..end)?;
        // SAFETY: the bytes were pushed as one whole OsStr.
        #[expect(unsafe_code, reason = "std offers no safe way back from encoded bytes")]
        let name = unsafe { OsStr::from_encoded_bytes_unchecked(name) };
        Some(EntryRef {
            name,
            kind: *self.kinds.get(index)?,
            ino: *self.inos.get(index)?,
            metadata: self.metadata.get(index).and_then(Option::as_ref),
        })
    }

    /// Where the name at `index` starts.
    fn start_of(&self, index: usize) -> usize {
        let before = index
            .checked_sub(1)
            .and_then(|before| self.ends.get(before));
        before.map_or(0, |end| *end as usize)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::{FileId, Time};

    fn entries(batch: &EntryBatch) -> Vec<(String, FileKind, u64, Option<u64>)> {
        let entry = |entry: EntryRef<'_>| {
            let size = entry.metadata.map(|metadata| metadata.size);
            let name = entry.name.to_str().unwrap().to_owned();
            (name, entry.kind, entry.ino, size)
        };
        batch.iter().map(entry).collect()
    }

    fn numbered(has_metadata: impl Fn(u64) -> bool) -> EntryBatch {
        let mut batch = EntryBatch::new();
        for ino in 1..20 {
            let id = FileId { fs: 1, ino };
            let mut metadata = Metadata::new(id, FileKind::File, 0, Time::default());
            metadata.size = ino * 10;
            let name = "x".repeat(ino as usize);
            let metadata = has_metadata(ino).then_some(metadata);
            batch.push(OsStr::new(&name), FileKind::File, ino, metadata);
        }
        batch
    }

    #[test]
    fn any_part_of_a_batch_can_be_appended() {
        for first in [
            numbered(|_| false),
            numbered(|ino| ino % 3 == 1),
            numbered(|_| true),
        ] {
            for second in [
                numbered(|_| false),
                numbered(|ino| ino % 3 == 2),
                numbered(|_| true),
            ] {
                for (from, to) in [(0, 19), (0, 0), (3, 9), (18, 19), (7, 100), (50, 60)] {
                    let mut both = first.clone();
                    both.extend_from(&second, from..to);
                    let mut expected = entries(&first);
                    let part = entries(&second).into_iter().take(to).skip(from);
                    expected.extend(part);
                    assert_eq!(entries(&both), expected);
                    both.push(OsStr::new("last"), FileKind::Fifo, 1, None);
                    assert_eq!(both.get(expected.len()).unwrap().name, "last");
                    assert_eq!(both.get(expected.len()).unwrap().metadata, None);

                    let start = first.len();
                    both.change_from(start, |ino, metadata| {
                        *ino += 1000;
                        if let Some(metadata) = metadata {
                            metadata.size += 1000;
                        }
                    });
                    for entry in expected.iter_mut().skip(start) {
                        entry.2 += 1000;
                        entry.3 = entry.3.map(|size| size + 1000);
                    }
                    expected.push(("last".to_owned(), FileKind::Fifo, 1001, None));
                    assert_eq!(entries(&both), expected);
                }
            }
        }
    }

    #[test]
    fn names_are_found_in_order() {
        let batch = numbered(|_| false);
        let wanted = |len: usize| "x".repeat(len);
        assert_eq!(batch.first_not_before(OsStr::new(""), 0), 0);
        assert_eq!(batch.first_not_before(OsStr::new(&wanted(5)), 0), 4);
        assert_eq!(batch.first_not_before(OsStr::new(&wanted(5)), 7), 7);
        assert_eq!(batch.first_not_before(OsStr::new("xxa"), 0), 2);
        assert_eq!(batch.first_not_before(OsStr::new("y"), 3), 19);
    }
}
