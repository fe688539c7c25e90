//! Folders as they were listed last, so that whoever shows, compares and walks a tree reads each of them once.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use fs_core::EntryBatch;
use parking_lot::Mutex;

use super::store::Inode;

/// Most memory for all of them; then all are forgotten. A folder that needs more by itself is not remembered.
const BYTES_MAX: usize = 32 << 20;

/// What is known of one moment. Whatever is committed makes another moment, so nothing here is ever older than what is read beside it.
#[derive(Default)]
pub(super) struct Listed(Mutex<Known>);

#[derive(Default)]
struct Known {
    moment: u64,
    bytes: usize,
    folders: HashMap<(Inode, bool), Arc<EntryBatch>>,
}

impl Listed {
    /// All entries of `dir` at `moment`, with or without metadata.
    pub(super) fn get(&self, moment: u64, dir: Inode, metadata: bool) -> Option<Arc<EntryBatch>> {
        let known = self.0.lock();
        match known.moment == moment {
            true => known.folders.get(&(dir, metadata)).cloned(),
            false => None,
        }
    }

    /// Forgets everything.
    pub(super) fn clear(&self) {
        *self.0.lock() = Known::default();
    }

    fn put(&self, moment: u64, dir: Inode, metadata: bool, entries: EntryBatch) {
        let bytes = entries.size_bytes();
        let mut known = self.0.lock();
        if moment < known.moment {
            return;
        }
        if moment > known.moment || known.bytes + bytes > BYTES_MAX {
            *known = Known {
                moment,
                ..Known::default()
            };
        }
        if let Some(old) = known.folders.insert((dir, metadata), Arc::new(entries)) {
            known.bytes -= old.size_bytes();
        }
        known.bytes += bytes;
    }
}

/// A listing that is being remembered.
pub(super) struct Recording {
    moment: u64,
    entries: EntryBatch,
}

impl Recording {
    pub(super) fn new(moment: u64) -> Self {
        Self {
            moment,
            entries: EntryBatch::new(),
        }
    }

    /// Adds what was listed at `moment`; `None` when it does not belong to the rest, or is too much.
    pub(super) fn with(
        mut self,
        moment: Option<u64>,
        listed: &EntryBatch,
        range: Range<usize>,
    ) -> Option<Self> {
        self.entries.extend_from(listed, range);
        (moment == Some(self.moment) && self.entries.size_bytes() <= BYTES_MAX).then_some(self)
    }

    /// It was the whole of `dir`.
    pub(super) fn finish(mut self, into: &Listed, dir: Inode, metadata: bool) {
        self.entries.shrink_to_fit();
        into.put(self.moment, dir, metadata, self.entries);
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use fs_core::FileKind;

    use super::*;

    fn batch(count: usize) -> EntryBatch {
        let mut batch = EntryBatch::new();
        let name = "n".repeat(250);
        (0..count).for_each(|_| batch.push(OsStr::new(&name), FileKind::File, 1, None));
        batch
    }

    fn record(listed: &Listed, moment: u64, dir: Inode, entries: &EntryBatch) {
        let recording = Recording::new(moment).with(Some(moment), entries, 0..entries.len());
        if let Some(recording) = recording {
            recording.finish(listed, dir, false);
        }
    }

    #[test]
    fn another_moment_knows_nothing_of_it() {
        let listed = Listed::default();
        record(&listed, 7, 1, &batch(3));
        assert_eq!(listed.get(7, 1, false).unwrap().len(), 3);
        assert!(listed.get(7, 1, true).is_none() && listed.get(8, 1, false).is_none());
        record(&listed, 8, 2, &batch(3));
        assert!(listed.get(8, 1, false).is_none() && listed.get(8, 2, false).is_some());
        record(&listed, 7, 1, &batch(3));
        assert!(listed.get(7, 1, false).is_none() && listed.get(8, 2, false).is_some());
    }

    #[test]
    fn memory_has_a_bound() {
        let (listed, quarter) = (Listed::default(), batch(30_000));
        for dir in 0..40 {
            record(&listed, 1, dir, &quarter);
            let known = listed.0.lock();
            assert!(known.bytes <= BYTES_MAX && known.folders.contains_key(&(dir, false)));
            let bytes = known.folders.values().map(|it| it.size_bytes());
            assert_eq!(known.bytes, bytes.sum::<usize>());
        }
        record(&listed, 1, 50, &batch(200_000));
        assert!(listed.get(1, 50, false).is_none());
    }

    #[test]
    fn a_listing_that_saw_two_moments_is_not_remembered() {
        let entries = batch(3);
        let recording = Recording::new(1).with(Some(1), &entries, 0..2).unwrap();
        assert!(recording.with(Some(2), &entries, 2..3).is_none());
        assert!(Recording::new(1).with(None, &entries, 0..3).is_none());
    }
}
