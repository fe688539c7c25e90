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
    chunks: Arc<[Arc<EntryBatch>]>,
    /// Index of the first entry of each chunk.
    starts: Arc<[u32]>,
    order: Arc<[u32]>,
    /// Which layer each entry is seen from, chunk by chunk; empty where there are no layers.
    origins: Arc<[Arc<[Option<Origin>]>]>,
    /// What the folder holds in all, and what of it is not shown.
    pub counts: Counts,
    /// Is the listing still running?
    pub streaming: bool,
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
}

impl View {
    /// Puts a view together; `order` holds indices into the chunks taken as one sequence.
    pub fn new(chunks: Arc<[Arc<EntryBatch>]>, order: Arc<[u32]>, counts: Counts) -> Self {
        let mut next = 0_u32;
        let starts = chunks
            .iter()
            .map(|chunk| {
                let start = next;
                next = next.saturating_add(u32::try_from(chunk.len()).unwrap_or(u32::MAX));
                start
            })
            .collect();
        Self {
            chunks,
            starts,
            order,
            origins: Arc::default(),
            counts,
            streaming: false,
        }
    }

    /// The same with the layers of its entries, chunk by chunk.
    #[must_use]
    pub fn with_origins(mut self, origins: Arc<[Arc<[Option<Origin>]>]>) -> Self {
        self.origins = origins;
        self
    }

    /// The layers of all entries, for a worker that sorts anew.
    pub fn origins(&self) -> &Arc<[Arc<[Option<Origin>]>]> {
        &self.origins
    }

    /// The layer the entry in `row` is seen from.
    pub fn origin(&self, row: usize) -> Option<Origin> {
        let (chunk, within) = self.locate(*self.order.get(row)?)?;
        *self.origins.get(chunk)?.get(within)?
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
    pub fn chunks(&self) -> &Arc<[Arc<EntryBatch>]> {
        &self.chunks
    }

    /// The entry shown in `row`.
    pub fn row(&self, row: usize) -> Option<EntryRef<'_>> {
        self.entry(*self.order.get(row)?)
    }

    /// The entry with an index of the order.
    pub fn entry(&self, index: u32) -> Option<EntryRef<'_>> {
        let (chunk, within) = self.locate(index)?;
        self.chunks.get(chunk)?.get(within)
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
            Arc::new(batch)
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
