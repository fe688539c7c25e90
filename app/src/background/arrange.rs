//! Sorts and filters a listing while it streams in: new entries are sorted alone and merged, so the whole costs one sort.

use std::cmp::Ordering;
use std::sync::Arc;

use fs_core::EntryRef;

use super::sort_key::append_key;
use crate::state::rel_path::file_name_of;
use crate::state::{Arrange, Chunk, Counts, EntryFacts, View, view::countable_bytes};

/// Entries seen so far and their order.
pub struct Arranger {
    arrange: Arrange,
    needle: String,
    chunks: Vec<Chunk>,
    next_index: u32,
    keys: Vec<u8>,
    sorted: Vec<Row>,
    counts: Counts,
}

/// A shown entry with its key; the first bytes of the key decide most comparisons without a look at the rest.
#[derive(Clone, Copy)]
struct Row {
    prefix: u64,
    key_start: usize,
    key_len: u32,
    index: u32,
}

impl Arranger {
    /// Nothing yet.
    pub fn new(arrange: Arrange) -> Self {
        Self {
            needle: arrange.filter.to_lowercase(),
            arrange,
            chunks: Vec::new(),
            next_index: 0,
            keys: Vec::new(),
            sorted: Vec::new(),
            counts: Counts::default(),
        }
    }

    /// All of `chunks` in the order `arrange` asks for.
    pub fn view_of(chunks: &[Chunk], arrange: &Arrange) -> View {
        let mut arranger = Self::new(arrange.clone());
        chunks.iter().for_each(|chunk| arranger.add(chunk.clone()));
        arranger.view()
    }

    /// How many entries there are, shown or not.
    pub fn len(&self) -> usize {
        self.next_index as usize
    }

    /// Adds entries.
    pub fn add(&mut self, chunk: Chunk) {
        let mut fresh = Vec::with_capacity(chunk.entries.len());
        for (within, entry) in chunk.entries.iter().enumerate() {
            let (index, facts) = (self.next_index, chunk.facts_of(within));
            self.next_index = self.next_index.saturating_add(1);
            if self.admits(&entry, &facts) {
                fresh.push(self.keyed(&entry, &facts, index));
            }
        }
        self.chunks.push(chunk);
        let (keys, chunks) = (&self.keys, &self.chunks);
        fresh.sort_unstable_by(|a, b| compare(keys, chunks, a, b));
        if self.sorted.is_empty() {
            self.sorted = fresh;
        } else {
            let old = std::mem::take(&mut self.sorted);
            self.sorted = merge(old, fresh, |a, b| compare(keys, chunks, a, b));
        }
    }

    /// What there is so far.
    pub fn view(&self) -> View {
        View::new(
            Arc::from(self.chunks.as_slice()),
            self.sorted.iter().map(|row| row.index).collect(),
            self.counts,
        )
    }

    fn admits(&mut self, entry: &EntryRef<'_>, facts: &EntryFacts) -> bool {
        let name = file_name_of(entry.name);
        if !self.arrange.show_hidden && name.as_encoded_bytes().starts_with(b".") {
            self.counts.hidden += 1;
            return false;
        }
        if !self.needle.is_empty() && !name.to_string_lossy().to_lowercase().contains(&self.needle)
        {
            self.counts.filtered += 1;
            return false;
        }
        if facts.deleted_in.is_some() {
            self.counts.deleted += 1;
            return true;
        }
        if facts.is_folder(entry.kind) {
            self.counts.folders += 1;
        } else {
            self.counts.files += 1;
        }
        self.counts.bytes += countable_bytes(entry);
        true
    }

    fn keyed(&mut self, entry: &EntryRef<'_>, facts: &EntryFacts, index: u32) -> Row {
        let key_start = self.keys.len();
        append_key(entry, facts, &self.arrange, &mut self.keys);
        let key = self.keys.get(key_start..).unwrap_or_default();
        let mut first = [0_u8; 8];
        first.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
        Row {
            prefix: u64::from_be_bytes(first),
            key_start,
            key_len: u32::try_from(key.len()).unwrap_or(u32::MAX),
            index,
        }
    }
}

fn compare(keys: &[u8], chunks: &[Chunk], a: &Row, b: &Row) -> Ordering {
    let key = |row: &Row| keys.get(row.key_start..row.key_start + row.key_len as usize);
    a.prefix
        .cmp(&b.prefix)
        .then_with(|| key(a).cmp(&key(b)))
        .then_with(|| name_at(chunks, a.index).cmp(&name_at(chunks, b.index)))
}

/// Only for names that differ in case or leading zeros, so the walk over the chunks does not matter.
fn name_at(chunks: &[Chunk], index: u32) -> Option<&[u8]> {
    let mut index = index as usize;
    for chunk in chunks.iter().map(|chunk| &chunk.entries) {
        if index < chunk.len() {
            return Some(chunk.get(index)?.name.as_encoded_bytes());
        }
        index -= chunk.len();
    }
    None
}

fn merge<T: Copy>(left: Vec<T>, right: Vec<T>, compare: impl Fn(&T, &T) -> Ordering) -> Vec<T> {
    let mut out = Vec::with_capacity(left.len() + right.len());
    let (mut left, mut right) = (left.into_iter().peekable(), right.into_iter().peekable());
    loop {
        let from_left = match (left.peek(), right.peek()) {
            (Some(a), Some(b)) => compare(a, b).is_le(),
            (Some(_), None) => true,
            (None, _) => false,
        };
        match if from_left { left.next() } else { right.next() } {
            Some(row) => out.push(row),
            None => return out,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::{Column, LinkTarget};
    use fs_core::{EntryBatch, FileId, FileKind, Metadata, Time};
    use std::ffi::OsStr;

    fn metadata(kind: FileKind, size: u64) -> Metadata {
        Metadata {
            id: FileId { fs: 0, ino: 0 },
            kind,
            mode: 0,
            uid: 0,
            gid: 0,
            nlink: 1,
            size,
            allocated: 0,
            rdev: 0,
            mtime: Time::default(),
            ctime: Time::default(),
            atime: Time::default(),
            btime: None,
        }
    }

    fn batch(entries: &[(&str, FileKind, u64)]) -> Chunk {
        let mut batch = EntryBatch::new();
        for (name, kind, size) in entries {
            batch.push(OsStr::new(name), *kind, 0, Some(metadata(*kind, *size)));
        }
        Chunk::from(Arc::new(batch))
    }

    fn names(view: &View) -> Vec<String> {
        view.rows()
            .map(|e| e.name.to_string_lossy().into_owned())
            .collect()
    }

    #[test]
    fn streamed_and_whole_listings_have_one_order() {
        let all: Vec<_> = (0..500_u64)
            .map(|i| {
                (
                    format!("f{}", (i * 7919) % 1000),
                    FileKind::File,
                    (i * 31) % 17,
                )
            })
            .collect();
        let all: Vec<_> = all.iter().map(|(n, k, s)| (n.as_str(), *k, *s)).collect();
        for column in [Column::Name, Column::Size, Column::Kind, Column::Modified] {
            for descending in [false, true] {
                let arrange = Arrange {
                    column,
                    descending,
                    ..Arrange::default()
                };
                let whole = Arranger::view_of(&[batch(&all)], &arrange);
                let parts: Vec<_> = all.chunks(13).map(batch).collect();
                assert_eq!(names(&whole), names(&Arranger::view_of(&parts, &arrange)));
            }
        }
    }

    #[test]
    fn folders_stay_first_when_descending() {
        let entries = batch(&[
            ("b", FileKind::File, 2),
            ("a", FileKind::File, 3),
            ("z", FileKind::Directory, 0),
            ("y", FileKind::Directory, 0),
        ]);
        let mut arrange = Arrange {
            descending: true,
            ..Arrange::default()
        };
        assert_eq!(
            names(&Arranger::view_of(std::slice::from_ref(&entries), &arrange)),
            ["z", "y", "b", "a"]
        );
        arrange.column = Column::Size;
        assert_eq!(
            names(&Arranger::view_of(&[entries], &arrange)),
            ["y", "z", "a", "b"]
        );
    }

    #[test]
    fn hidden_and_filtered_entries_are_counted() {
        let entries = batch(&[
            (".git", FileKind::Directory, 0),
            ("Readme", FileKind::File, 10),
            ("notes", FileKind::File, 5),
        ]);
        let arrange = Arrange {
            filter: "READ".into(),
            ..Arrange::default()
        };
        let view = Arranger::view_of(&[entries], &arrange);
        assert_eq!(names(&view), ["Readme"]);
        let Counts {
            folders,
            files,
            bytes,
            hidden,
            filtered,
            ..
        } = view.counts;
        assert_eq!((folders, files, bytes, hidden, filtered), (0, 1, 10, 1, 1));
    }

    #[test]
    fn links_to_folders_sort_and_count_as_folders() {
        let mut chunk = batch(&[
            ("z", FileKind::Symlink, 0),
            ("a", FileKind::File, 1),
            ("b", FileKind::Symlink, 0),
        ]);
        let target = |target| EntryFacts {
            target,
            ..EntryFacts::default()
        };
        chunk.facts = Arc::from([
            target(LinkTarget::To(FileKind::Directory)),
            EntryFacts::default(),
            target(LinkTarget::Nowhere),
        ]);
        let view = Arranger::view_of(&[chunk], &Arrange::default());
        assert_eq!(names(&view), ["z", "a", "b"]);
        assert_eq!((view.counts.folders, view.counts.files), (1, 2));
    }

    #[test]
    fn deleted_entries_stand_in_order_and_count_apart() {
        let gone = |layer| EntryFacts {
            deleted_in: Some(layer),
            ..EntryFacts::default()
        };
        let there = batch(&[("a", FileKind::File, 5), ("c", FileKind::File, 5)]);
        let mut deleted = batch(&[("b", FileKind::File, 7)]);
        deleted.facts = Arc::from([gone(1)]);
        let view = Arranger::view_of(&[there, deleted], &Arrange::default());
        assert_eq!(names(&view), ["a", "b", "c"]);
        assert_eq!(
            (view.counts.files, view.counts.bytes, view.counts.deleted),
            (2, 10, 1)
        );
        assert_eq!(view.rows_there().count(), 2);
        assert!(view.is_deleted(1) && !view.is_deleted(2));
    }
}
