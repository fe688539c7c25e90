//! What has been written to a content and is not yet in the database.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use super::layout::INDEX_MAX;

/// Chunks and holes that lie over what the database holds.
#[derive(Default)]
pub(super) struct Pending {
    /// Whole chunks, over the holes.
    chunks: BTreeMap<u32, Vec<u8>>,
    /// Chunks of the database that are gone.
    holes: Vec<RangeInclusive<u32>>,
    /// Changes with every write, so that a commit clears only what it stored.
    version: u64,
    /// Bytes in `chunks`.
    bytes: usize,
}

impl Pending {
    pub(super) fn is_empty(&self) -> bool {
        self.chunks.is_empty() && self.holes.is_empty()
    }

    /// Bytes kept in memory.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The state a later [`Pending::clear_if`] refers to.
    pub(super) fn version(&self) -> u64 {
        self.version
    }

    /// The chunk, if it is here.
    pub(super) fn chunk(&self, index: u32) -> Option<&[u8]> {
        self.chunks.get(&index).map(Vec::as_slice)
    }

    /// Is the database's chunk gone?
    pub(super) fn is_hole(&self, index: u32) -> bool {
        self.holes.iter().any(|hole| hole.contains(&index))
    }

    /// The chunks among `range`, in order.
    pub(super) fn chunks(&self, range: RangeInclusive<u32>) -> impl Iterator<Item = (u32, &[u8])> {
        self.chunks
            .range(range)
            .map(|(&index, data)| (index, data.as_slice()))
    }

    /// The last chunk.
    pub(super) fn last(&self) -> Option<u32> {
        self.chunks.last_key_value().map(|(&index, _)| index)
    }

    /// What the database must forget before the chunks are stored.
    pub(super) fn holes(&self) -> &[RangeInclusive<u32>] {
        &self.holes
    }

    /// Sets a chunk.
    pub(super) fn put(&mut self, index: u32, data: Vec<u8>) {
        self.version += 1;
        self.bytes += data.len();
        if let Some(old) = self.chunks.insert(index, data) {
            self.bytes -= old.len();
        }
    }

    /// Overwrites part of a chunk that is here; extends it with zeros where needed. `false`: it is not here.
    pub(super) fn overwrite(&mut self, index: u32, at: usize, from: &[u8]) -> bool {
        let Some(chunk) = self.chunks.get_mut(&index) else {
            return false;
        };
        self.version += 1;
        let before = chunk.len();
        overwrite(chunk, at, from);
        self.bytes += chunk.len() - before;
        true
    }

    /// Forgets chunks, here and in the database.
    pub(super) fn remove(&mut self, range: RangeInclusive<u32>) {
        self.version += 1;
        let gone: Vec<u32> = self
            .chunks
            .range(range.clone())
            .map(|(&index, _)| index)
            .collect();
        for index in gone {
            if let Some(data) = self.chunks.remove(&index) {
                self.bytes -= data.len();
            }
        }
        self.holes.push(range);
    }

    /// Forgets everything from chunk `first` on.
    pub(super) fn cut(&mut self, first: u32) {
        if first <= INDEX_MAX {
            self.remove(first..=INDEX_MAX);
        }
    }

    /// The database has it now, unless something was written since.
    pub(super) fn clear_if(&mut self, version: u64) {
        if self.version == version {
            self.clear();
        }
    }

    /// Forgets all of it.
    pub(super) fn clear(&mut self) {
        let version = self.version + 1;
        *self = Self {
            version,
            ..Self::default()
        };
    }
}

/// Writes `from` at `at`; a gap before it becomes zeros.
pub(super) fn overwrite(chunk: &mut Vec<u8>, at: usize, from: &[u8]) {
    let end = at + from.len();
    if chunk.len() < end {
        chunk.resize(end, 0);
    }
    if let Some(part) = chunk.get_mut(at..end) {
        part.copy_from_slice(from);
    }
}
