//! What a tab shows of a folder: entries in chunks, and the order a worker gave them.
//!
//! A view never changes; the worker sends a new one that shares the chunks of the last.

use std::ffi::OsStr;
use std::sync::Arc;

use fs_core::extensions::Origin;
use fs_core::{EntryBatch, EntryRef, FileKind};

/// Entries and their order. Clones share everything.
#[derive(Clone, Debug, Default)]
pub struct View {
    chunks: Arc<[Chunk]>,
    /// Index of the first entry of each chunk.
    starts: Arc<[u32]>,
    order: Arc<[u32]>,
    /// What the folder holds in all, and what of it is not shown.
    pub counts: Counts,
    /// Is the listing still running?
    pub streaming: bool,
}

/// Entries that were listed together.
#[derive(Clone, Debug)]
pub struct Chunk {
    /// The entries.
    pub entries: Arc<EntryBatch>,
    /// What is known of each beyond its metadata; empty where there is nothing to know.
    pub facts: Arc<[EntryFacts]>,
}

impl From<Arc<EntryBatch>> for Chunk {
    fn from(entries: Arc<EntryBatch>) -> Self {
        Self {
            entries,
            facts: Arc::default(),
        }
    }
}

impl Chunk {
    /// What is known of the entry at this place.
    pub fn facts_of(&self, within: usize) -> EntryFacts {
        self.facts.get(within).copied().unwrap_or_default()
    }
}

/// What is known of an entry beyond its metadata.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EntryFacts {
    /// Where a link leads.
    pub target: LinkTarget,
    /// The layer it is seen from, where there are layers.
    pub origin: Option<Origin>,
    /// It is not there: this layer deleted it. Nothing can be done to it but bringing it back.
    pub deleted_in: Option<usize>,
}

/// Where a link leads, at its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LinkTarget {
    /// It is no link, or nobody has looked yet, or looking was refused.
    #[default]
    Unknown,
    /// To nothing.
    Nowhere,
    /// Out of the sandbox, where it is not followed.
    Outside,
    /// To something of this kind.
    To(FileKind),
}

impl EntryFacts {
    /// Is the entry a folder, or does it lead to one?
    pub fn is_folder(&self, kind: FileKind) -> bool {
        kind == FileKind::Directory || self.target == LinkTarget::To(FileKind::Directory)
    }
}

/// What a folder holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Shown folders.
    pub folders: usize,
    /// Shown entries that are no folders.
    pub files: usize,
    /// Bytes of the shown files.
    pub bytes: u64,
    /// Hidden by the setting for hidden files.
    pub hidden: usize,
    /// Left out by the filter.
    pub filtered: usize,
    /// Shown although a layer deleted them.
    pub deleted: usize,
}

impl View {
    /// Puts a view together; `order` holds indices into the chunks taken as one sequence.
    pub fn new(chunks: Arc<[Chunk]>, order: Arc<[u32]>, counts: Counts) -> Self {
        let mut next = 0_u32;
        let starts = chunks
            .iter()
            .map(|chunk| {
                let start = next;
                next = next.saturating_add(u32::try_from(chunk.entries.len()).unwrap_or(u32::MAX));
                start
            })
            .collect();
        Self {
            chunks,
            starts,
            order,
            counts,
            streaming: false,
        }
    }

    /// What is known of the entry in `row` beyond its metadata.
    pub fn facts(&self, row: usize) -> EntryFacts {
        let facts = || {
            let (chunk, within) = self.locate(*self.order.get(row)?)?;
            Some(self.chunks.get(chunk)?.facts_of(within))
        };
        facts().unwrap_or_default()
    }

    /// Is the entry in `row` one that a layer deleted?
    pub fn is_deleted(&self, row: usize) -> bool {
        self.facts(row).deleted_in.is_some()
    }

    /// How many rows are shown.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Is nothing shown?
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// The chunks, for a worker that sorts anew.
    pub fn chunks(&self) -> &Arc<[Chunk]> {
        &self.chunks
    }

    /// The entry shown in `row`.
    pub fn row(&self, row: usize) -> Option<EntryRef<'_>> {
        self.entry(*self.order.get(row)?)
    }

    /// The entry with an index of the order.
    pub fn entry(&self, index: u32) -> Option<EntryRef<'_>> {
        let (chunk, within) = self.locate(index)?;
        self.chunks.get(chunk)?.entries.get(within)
    }

    /// The chunk that holds an entry, and its place there.
    fn locate(&self, index: u32) -> Option<(usize, usize)> {
        let chunk = self
            .starts
            .partition_point(|start| *start <= index)
            .checked_sub(1)?;
        Some((chunk, (index - self.starts.get(chunk)?) as usize))
    }

    /// The rows in order.
    pub fn rows(&self) -> impl DoubleEndedIterator<Item = EntryRef<'_>> {
        self.order.iter().filter_map(|index| self.entry(*index))
    }

    /// The rows in order, without those that a layer deleted.
    pub fn rows_there(&self) -> impl Iterator<Item = EntryRef<'_>> {
        (0..self.len())
            .filter(|row| self.counts.deleted == 0 || !self.is_deleted(*row))
            .filter_map(|row| self.row(row))
    }

    /// The row of `name`, asked first at `hint` and near it (rows move little between two views).
    pub fn row_of(&self, name: &OsStr, hint: usize) -> Option<usize> {
        let is = |row: usize| self.row(row).is_some_and(|entry| entry.name == name);
        let near = hint.saturating_sub(32)..(hint + 32).min(self.len());
        if is(hint) {
            return Some(hint);
        }
        near.into_iter()
            .find(|row| is(*row))
            .or_else(|| self.rows().position(|entry| entry.name == name))
    }
}

/// Bytes that count towards a sum of sizes: those of regular files.
pub fn countable_bytes(entry: &EntryRef<'_>) -> u64 {
    match (entry.kind, entry.metadata) {
        (FileKind::File, Some(metadata)) => metadata.size,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_cross_chunks() {
        let chunk = |names: &[&str]| {
            let mut batch = EntryBatch::new();
            names
                .iter()
                .for_each(|n| batch.push(OsStr::new(n), FileKind::File, 0, None));
            Chunk::from(Arc::new(batch))
        };
        let view = View::new(
            Arc::from([chunk(&["a", "b"]), chunk(&[]), chunk(&["c"])]),
            Arc::from([2, 0, 1]),
            Counts::default(),
        );
        let names: Vec<_> = view.rows().map(|e| e.name.to_os_string()).collect();
        assert_eq!(names, ["c", "a", "b"]);
        assert_eq!(view.row_of(OsStr::new("b"), 0), Some(2));
        assert_eq!(view.row_of(OsStr::new("x"), 0), None);
    }
}
